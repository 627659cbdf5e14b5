"""Iceberg under RAPIDS, without a device. Results are right, and operators are planned for the GPU if RAPIDS can."""

from pathlib import Path

import pytest

from spark_images.matrix.model import Cell
from tests.integration.conftest import Image, Result
from tests.integration.gpu.conftest import SETTINGS, planned

# Each Spark version needs this proof: with a shim that fits Spark, Iceberg scans can still stay on the CPU.
pytestmark = [pytest.mark.own_layers, pytest.mark.smoke]

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


def test_iceberg_results_are_right_under_rapids(tables: Result) -> None:
    found = tables.json()
    assert found["scanned"] == [50, sum(number * 2.0 for number in range(50, 100))]
    assert found["merged"] == [110, sum(number * 2.0 for number in range(90))]


def test_rapids_settings_include_those_of_iceberg(image: Image, cell: Cell) -> None:
    """Spark reads --properties-file instead of spark-defaults.conf. Without Iceberg's settings, CALL does not parse."""
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
def test_iceberg_operator_is_planned_for_the_gpu(
    tables: Result, cell: Cell, begin: str, end: str, operator: str
) -> None:
    part = tables.output.partition(begin)[2].partition(end)[0]
    if cell.line == "3.5":
        # RAPIDS 25.04 does not support Iceberg: the operator must run on the CPU.
        assert operator not in planned(part)
        return
    assert operator in planned(part)
