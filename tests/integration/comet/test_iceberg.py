"""Iceberg tables under Comet: statements and results are Spark's, and the plan of a scan is native or falls back."""

from pathlib import Path
from typing import Any

import pytest

from spark_images.matrix.model import Cell
from tests.integration.comet.conftest import ON, SETTINGS
from tests.integration.conftest import Image, Result, options

pytestmark = [pytest.mark.own_layers, pytest.mark.smoke]

JOBS = Path(__file__).parent / "jobs"
WORK = "/opt/spark/work-dir"
LAKE = options(
    {
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.type": "hadoop",
        "spark.sql.catalog.lake.warehouse": f"{WORK}/lake",
    }
)


@pytest.fixture(scope="module", autouse=True)
def _needs_iceberg(cell: Cell) -> None:
    if "iceberg" not in cell.features:
        pytest.skip("not an Iceberg image")


@pytest.fixture(scope="module")
def run(image: Image) -> Result:
    files = {f"{WORK}/{name}": JOBS / name for name in ("iceberg.py", "plans.py")}
    explained = options({"spark.comet.explainFallback.enabled": "true"})
    result = image.run("spark-submit", *ON, *explained, *LAKE, f"{WORK}/iceberg.py", files=files)
    assert result.exit_code == 0
    return result


@pytest.fixture(scope="module")
def found(run: Result) -> Any:
    return run.json()


def test_results_are_those_of_spark(found: Any) -> None:
    assert len(found["plain"]) == 8
    assert found["comet"] == found["plain"]


def test_statements_change_the_table(found: Any) -> None:
    assert (found["all"], found["changed"]) == (1000, 10)


def test_scan_is_native_or_falls_back_with_its_reason_in_the_log(run: Result, found: Any, cell: Cell) -> None:
    plan = found["comet plan"]
    assert not any(operator.startswith("Comet") for operator in found["plain plan"])
    if cell.line == "3.5":
        # Comet 0.12 can read Iceberg tables only as an experiment.
        assert "BatchScan lake.shop.orders" in plan
        assert (
            "Native Iceberg scan disabled because spark.comet.scan.icebergNative.enabled is not enabled" in run.output
        )
        return
    assert {"CometIcebergNativeScan", "CometFilter", "CometHashAggregate", "CometExchange"} <= set(plan)
    assert not any(operator.startswith("BatchScan") for operator in plan)


def test_settings_include_those_of_iceberg(image: Image) -> None:
    """Spark reads --properties-file instead of spark-defaults.conf."""
    settings = image.run("cat", SETTINGS).stdout
    assert "IcebergSparkSessionExtensions" in settings
    assert "org.apache.spark.CometPlugin" in settings
