"""Options that every test folder understands."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--image", help="the image that the integration tests run, by its full reference")
