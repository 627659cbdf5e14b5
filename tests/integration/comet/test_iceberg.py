"""Iceberg tables under Comet: statements and results are Spark's, and the plan of a scan is native or falls back."""

from pathlib import Path
from typing import Any

import pytest

from spark_images.matrix.model import Cell
from tests.integration.comet.conftest import ON, SETTINGS
from tests.integration.conftest import Image, options

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
def found(image: Image) -> Any:
    files = {f"{WORK}/{name}": JOBS / name for name in ("iceberg.py", "plans.py")}
    result = image.run("spark-submit", *ON, *LAKE, f"{WORK}/iceberg.py", files=files)
    assert result.exit_code == 0
    return result.json()


def test_results_are_those_of_spark(found: Any) -> None:
    assert len(found["plain"]) == 8
    assert found["comet"] == found["plain"]


def test_statements_change_the_table(found: Any) -> None:
    assert (found["all"], found["changed"]) == (1000, 10)


def test_scan_is_native_or_feeds_native_operators(found: Any, cell: Cell) -> None:
    plan = found["comet plan"]
    assert "CometHashAggregate" in plan
    assert "CometExchange" in plan
    assert not any(operator.startswith("Comet") for operator in found["plain plan"])


def test_settings_include_those_of_iceberg(image: Image) -> None:
    """Spark reads --properties-file instead of spark-defaults.conf."""
    settings = image.run("cat", SETTINGS).stdout
    assert "IcebergSparkSessionExtensions" in settings
    assert "org.apache.spark.CometPlugin" in settings
