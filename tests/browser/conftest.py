"""The image under test is the integration tests' own fixture."""

from tests.integration.conftest import cell, image, project

__all__ = ["cell", "image", "project"]
