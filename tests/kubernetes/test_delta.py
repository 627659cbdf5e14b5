"""Delta Lake on a cluster: a stream from Kafka writes a table on S3."""

from collections.abc import Iterator

import pytest

from spark_images.matrix.model import Cell
from tests.kubernetes.conftest import Cluster
from tests.kubernetes.streams import killed_and_resumed, start_servers, stop_servers


@pytest.fixture(scope="module", autouse=True)
def only_with_delta(image: str, cell: Cell) -> None:
    if "delta" not in cell.features:
        pytest.skip(f"{image} has no feature delta")


@pytest.fixture(scope="module")
def servers(cluster: Cluster) -> Iterator[None]:
    start_servers(cluster)
    yield
    stop_servers(cluster)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.usefixtures("servers")
def test_stream_whose_driver_pod_was_killed_resumes_without_loss_or_duplicates(cluster: Cluster) -> None:
    killed_and_resumed(cluster, "delta", "s3a://data/delta/numbers", {"spark.databricks.delta.snapshotPartitions": "2"})
