"""Iceberg as it is used: the image sets the SQL extensions, the user names a catalogue and nothing else."""

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
    """The whole life of a table, and then PyIceberg's look at it, in one container."""
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


def test_insert(found: Any) -> None:
    assert found["insert"] == [[1, "cup"], [2, "pan"], [3, "pot"]]


def test_merge(found: Any) -> None:
    assert found["merge"] == [[1, "cup"], [2, "wok"], [3, "pot"], [4, "lid"]]


def test_update_and_delete(found: Any) -> None:
    assert found["update"] == [[1, "5.00"], [2, "25.00"], [4, "3.00"]]


@pytest.mark.parametrize("travel", ["by_version", "by_timestamp"])
def test_time_travel(found: Any, travel: str) -> None:
    assert found[travel] == [[3, "pot"]]


def test_rollback(found: Any) -> None:
    assert found["rollback"] == found["insert"]


def test_rewrite_data_files(found: Any) -> None:
    rewrite = found["rewrite"]
    assert rewrite["rewritten"] == rewrite["files_before"] >= 4
    assert rewrite["files_after"] == 1


def test_expire_snapshots(found: Any) -> None:
    expire = found["expire"]
    assert expire["snapshots_before"] > 5
    assert expire["snapshots_after"] == 1
    assert expire["deleted"] > 0


def test_schema_evolution(found: Any) -> None:
    assert found["evolved"]["columns"] == ["id", "article", "price", "sold"]
    assert found["evolved"]["rows"] == [[8, "jug", "9.00", "2026-03-01"], [9, "jar", "9.50", "2026-04-01"]]


def test_partition_evolution(found: Any) -> None:
    assert found["evolved"]["partitions"] == 2


def test_a_branch_is_apart(found: Any) -> None:
    main, audit = found["branch"]
    assert audit == main + 1


def test_the_aws_client_is_there(found: Any) -> None:
    assert found["aws"] == "org.apache.iceberg.aws.s3.S3FileIO"


def test_pyiceberg_reads_what_spark_wrote(run: Result, found: Any) -> None:
    seen = run.json("PYICEBERG ")
    assert seen["rows"] == [[8, "jug"], [9, "jar"]]
    assert seen["all"] == found["branch"][0]


@pytest.mark.own_layers
def test_the_runtime_is_the_lines_own(image: Image, cell: Cell) -> None:
    """The runtime of another line loads, and fails at the first procedure: name and version must be this line's."""
    runtime = f"iceberg-spark-runtime-{cell.line}_{cell.values['scala']}-{image.labels['spark-images.iceberg']}.jar"
    jars = image.run("bash", "-c", "ls /opt/spark/jars | grep iceberg").stdout.split()
    assert sorted(jars) == [f"iceberg-aws-bundle-{image.labels['spark-images.iceberg']}.jar", runtime]
