"""Iceberg on a cluster: driver and executors write a table on a shared volume, and a stream writes one on S3."""

import json
from collections.abc import Iterator

import pytest

from spark_images.matrix.model import Cell
from tests.kubernetes.conftest import EXAMPLES, Cluster
from tests.kubernetes.streams import killed_and_resumed, start_servers, stop_servers
from tests.kubernetes.test_examples import job_of


@pytest.fixture(scope="module", autouse=True)
def only_with_iceberg(image: str, cell: Cell) -> None:
    if "iceberg" not in cell.features:
        pytest.skip(f"{image} has no feature iceberg")


@pytest.fixture(scope="module")
def servers(cluster: Cluster) -> Iterator[None]:
    start_servers(cluster)
    yield
    stop_servers(cluster)


def test_example_writes_a_table_on_a_shared_volume(cluster: Cluster) -> None:
    """Runs the example with the image under test, and the volume claim of the tests."""
    cluster.kubectl("create", "configmap", "iceberg-tables", "--from-file", str(EXAMPLES / "iceberg/tables.py"))
    job = json.dumps(job_of(EXAMPLES / "iceberg/submit.yaml", cluster))
    for claim in ('"claimName": "lake"', "claimName=lake"):
        assert claim in job
        job = job.replace(claim, claim.replace("lake", "shared"))
    cluster.apply(json.loads(job))
    cluster.wait_for_job("submit-tables")
    log = cluster.ended("tables-driver")
    assert "now: [('cake', 6), ('milk', 1), ('tea', 3)]" in log
    assert "before: [('cake', 5), ('tea', 3)]" in log


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.usefixtures("servers")
def test_stream_whose_driver_pod_was_killed_resumes_without_loss_or_duplicates(cluster: Cluster) -> None:
    catalogue = {
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.type": "hadoop",
        "spark.sql.catalog.lake.warehouse": "s3a://data/lake",
    }
    killed_and_resumed(cluster, "iceberg", "lake.db.numbers", catalogue)
