"""Imports the fixtures of the integration tests, so that the browser tests share them."""

from tests.integration.conftest import cell, image, project

__all__ = ["cell", "image", "project"]
