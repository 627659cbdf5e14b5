"""The network and the servers of the connector tests. Each server starts once."""

from collections.abc import Iterator

import pytest

from spark_images.plan.project import Project
from tests.integration import servers
from tests.integration.conftest import Image, network
from tests.integration.servers import S3, Database


@pytest.fixture(scope="session", name="network")
def network_of_the_servers() -> Iterator[str]:
    """Yields the name of the network of all servers."""
    with network() as name:
        yield name


@pytest.fixture(scope="session")
def s3(project: Project, image: Image, network: str) -> Iterator[S3]:
    """Yields an S3 server with the bucket `data`, which contains the directory `logs`."""
    with servers.s3(project, image, network, "data/logs") as running:
        yield running


@pytest.fixture(scope="session")
def kafka(project: Project, network: str) -> Iterator[str]:
    """Yields the address of a Kafka server."""
    with servers.kafka(project, network) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql(project: Project, network: str) -> Iterator[Database]:
    """Yields a PostgreSQL server."""
    with servers.postgresql(project, network) as running:
        yield running
