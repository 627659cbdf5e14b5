"""The image under test is the integration tests' own fixture."""

from tests.integration.conftest import cell, factory, image

__all__ = ["cell", "factory", "image"]
