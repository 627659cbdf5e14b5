"""Fixtures of the notebook tests. Most tests share one server, because each start takes seconds."""

from collections.abc import Iterator

import pytest

from spark_images.engine import gpu
from tests.integration.conftest import Image
from tests.integration.jupyter.server import Server, serve


@pytest.fixture(scope="session")
def server(image: Image) -> Iterator[Server]:
    """Yields a server that was started with a token and default settings."""
    with serve(image) as running:
        yield running


@pytest.fixture(autouse=True)
def _needs_a_device(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("device") and (reason := gpu.reason_to_skip()):
        pytest.skip(reason)
