"""Iceberg statements. The image sets the SQL extensions, so a user configures only a catalogue."""

from pathlib import Path
from typing import Any

import pytest

from spark_images.matrix.model import Cell
from tests.integration.conftest import Image, Result

pytestmark = pytest.mark.smoke

JOBS = Path(__file__).parent / "jobs"
WORK = "/opt/spark/work-dir"
CATALOGUE = {
    "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.lake.type": "hadoop",
    "spark.sql.catalog.lake.warehouse": f"{WORK}/lake",
}


@pytest.fixture(scope="module")
def run(image: Image) -> Result:
    """Runs every statement on a table and then reads the table with PyIceberg, in one container."""
    options = " ".join(f"--conf {key}={value}" for key, value in CATALOGUE.items())
    script = f"""
set -euo pipefail
spark-submit {options} {WORK}/tables.py | tee {WORK}/out
metadata=$(sed -n 's/^RESULT //p' {WORK}/out | python -c 'import json, sys; print(json.load(sys.stdin)["metadata"])')
python {WORK}/read_with_pyiceberg.py "$metadata"
"""
    files = {f"{WORK}/{name}": JOBS / name for name in ("tables.py", "read_with_pyiceberg.py")}
    result = image.run("bash", "-c", script, files=files)
    assert result.exit_code == 0
    return result


@pytest.fixture(scope="module")
def found(run: Result) -> Any:
    return run.json()


def test_insert_adds_rows(found: Any) -> None:
    assert found["insert"] == [[1, "cup"], [2, "pan"], [3, "pot"]]


def test_merge_updates_and_inserts_rows(found: Any) -> None:
    assert found["merge"] == [[1, "cup"], [2, "wok"], [3, "pot"], [4, "lid"]]


def test_update_and_delete_change_rows(found: Any) -> None:
    assert found["update"] == [[1, "5.00"], [2, "25.00"], [4, "3.00"]]


@pytest.mark.parametrize("travel", ["by_version", "by_timestamp"])
def test_time_travel_reads_an_older_snapshot(found: Any, travel: str) -> None:
    assert found[travel] == [[3, "pot"]]


def test_rollback_restores_a_snapshot(found: Any) -> None:
    assert found["rollback"] == found["insert"]


def test_rewrite_data_files_compacts_the_table(found: Any) -> None:
    rewrite = found["rewrite"]
    assert rewrite["rewritten"] == rewrite["files_before"] >= 4
    assert rewrite["files_after"] == 1


def test_expire_snapshots_deletes_old_snapshots(found: Any) -> None:
    expire = found["expire"]
    assert expire["snapshots_before"] > 5
    assert expire["snapshots_after"] == 1
    assert expire["deleted"] > 0


def test_schema_evolution_changes_columns(found: Any) -> None:
    assert found["evolved"]["columns"] == ["id", "article", "price", "sold"]
    assert found["evolved"]["rows"] == [[8, "jug", "9.00", "2026-03-01"], [9, "jar", "9.50", "2026-04-01"]]


def test_partition_evolution_adds_partitions(found: Any) -> None:
    assert found["evolved"]["partitions"] == 2


def test_insert_into_a_branch_leaves_the_table_unchanged(found: Any) -> None:
    main, audit = found["branch"]
    assert audit == main + 1


def test_aws_client_can_be_loaded(found: Any) -> None:
    assert found["aws"] == "org.apache.iceberg.aws.s3.S3FileIO"


def test_pyiceberg_reads_the_table_of_spark(run: Result, found: Any) -> None:
    seen = run.json("PYICEBERG ")
    assert seen["rows"] == [[8, "jug"], [9, "jar"]]
    assert seen["all"] == found["branch"][0]


@pytest.mark.own_layers
def test_runtime_is_built_for_the_line(image: Image, cell: Cell) -> None:
    """The runtime of another line loads but fails at the first procedure, so this test checks its name and version."""
    runtime = f"iceberg-spark-runtime-{cell.line}_{cell.values['scala']}-{image.labels['spark-images.iceberg']}.jar"
    jars = image.run("bash", "-c", "ls /opt/spark/jars | grep iceberg").stdout.split()
    assert sorted(jars) == [f"iceberg-aws-bundle-{image.labels['spark-images.iceberg']}.jar", runtime]
