"""The Iceberg example on a cluster: driver and executors write a table on a shared volume."""

import pytest

from spark_images.matrix.model import Cell
from tests.kubernetes.conftest import SHARED, Cluster


def test_example_writes_a_table_on_a_shared_volume(cluster: Cluster, cell: Cell) -> None:
    if "iceberg" not in cell.features:
        pytest.skip(f"{cell.name} has no feature iceberg")
    driver = cluster.submit("tables", f"local:///mnt/jobs/tables.py {SHARED}/lake")
    log = cluster.ended(driver)
    assert "now: [('cake', 6), ('milk', 1), ('tea', 3)]" in log
    assert "before: [('cake', 5), ('tea', 3)]" in log
