"""Pytest options for every test folder."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--image", help="full reference of the image to test, for example spark-k8s-spark-3.5.8")
