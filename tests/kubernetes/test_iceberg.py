"""The Iceberg example on a cluster: driver and executors write a table on a shared volume."""

import json

import pytest

from spark_images.matrix.model import Cell
from tests.kubernetes.conftest import EXAMPLES, Cluster
from tests.kubernetes.test_examples import job_of


def test_example_writes_a_table_on_a_shared_volume(cluster: Cluster, cell: Cell) -> None:
    """Runs the example with the image under test, and the volume claim of the tests."""
    if "iceberg" not in cell.features:
        pytest.skip(f"{cell.name} has no feature iceberg")
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
