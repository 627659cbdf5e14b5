"""Iceberg under RAPIDS: planned for the GPU where RAPIDS reads Iceberg, right everywhere. It needs no device."""

from pathlib import Path

import pytest

from spark_images.matrix.model import Cell
from tests.integration.conftest import Image, Result
from tests.integration.gpu.conftest import SETTINGS, planned

pytestmark = pytest.mark.own_layers

JOBS = Path(__file__).parent / "jobs"
WORK = "/opt/spark/work-dir"


@pytest.fixture(scope="module")
def tables(image: Image, cell: Cell, plan_only: str) -> Result:
    if "iceberg" not in cell.features:
        pytest.skip("not an Iceberg image")
    job = f"{WORK}/iceberg.py"
    result = image.run("bash", "-c", f"spark-submit {plan_only} {job} 2>&1", files={job: JOBS / "iceberg.py"})
    assert result.exit_code == 0
    return result


def test_iceberg_is_right_under_rapids(tables: Result) -> None:
    found = tables.json()
    assert found["scanned"] == [50, sum(number * 2.0 for number in range(50, 100))]
    assert found["merged"] == [110, sum(number * 2.0 for number in range(90))]


def test_the_settings_of_rapids_hold_those_of_iceberg(image: Image, cell: Cell) -> None:
    """Spark reads the file of --properties-file in place of spark-defaults.conf: without them CALL would not parse."""
    if "iceberg" not in cell.features:
        pytest.skip("not an Iceberg image")
    settings = image.run("cat", SETTINGS).stdout
    assert "IcebergSparkSessionExtensions" in settings
    assert "com.nvidia.spark.SQLPlugin" in settings


@pytest.mark.parametrize(
    ("begin", "end", "operator"),
    [
        ("APPEND BEGINS", "SCAN BEGINS", "AppendDataExec"),
        ("SCAN BEGINS", "MERGE BEGINS", "BatchScanExec"),
        ("MERGE BEGINS", "END", "ReplaceDataExec"),
    ],
)
def test_iceberg_is_planned_for_the_gpu(tables: Result, cell: Cell, begin: str, end: str, operator: str) -> None:
    part = tables.output.partition(begin)[2].partition(end)[0]
    if cell.line == "3.5":
        # RAPIDS 25.04 does not take Iceberg: it must leave the operator to the CPU, and say so.
        assert operator not in planned(part)
        return
    assert operator in planned(part)
