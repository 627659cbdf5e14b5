"""The statements of Delta Lake, its Python package and streams. A job needs no setting that the image does not have."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import HARDENED, RANDOM_UID, Image
from tests.integration.delta.conftest import FAST

pytestmark = pytest.mark.thorough

JOB = Path(__file__).parent / "jobs/tables.py"


@pytest.fixture(scope="module")
def found(image: Image) -> Any:
    """Returns the results of all steps, as an unknown user and with a read-only root file system."""
    with image.volume({"tables.py": JOB}) as volume:
        mounts = {volume: {"bind": "/mnt", "mode": "ro"}}
        command = ("spark-submit", *FAST, "/mnt/tables.py", "/tmp/delta")
        result = image.run(*command, user=RANDOM_UID, volumes=mounts, working_dir="/tmp", **HARDENED)
    assert result.exit_code == 0
    return result.json()


def test_append_adds_rows(found: Any) -> None:
    assert found["append"] == [[1, "cup"], [2, "pan"], [3, "pot"], [4, "lid"]]


def test_plan_reads_the_files_that_delta_lake_names(found: Any) -> None:
    """For other tables, Spark lists the directory: InMemoryFileIndex."""
    assert "DeltaFileIndex" in found["plan"]


def test_merge_update_and_delete_change_rows(found: Any) -> None:
    assert found["changed"] == [[1, "glass"], [2, "wok"], [4, "lid"], [5, "mug"]]


def test_python_package_merges_and_reads_the_history(found: Any) -> None:
    assert found["python"] == [[1, "glass"], [2, "wok"], [4, "lid"], [5, "jug"], [6, "jar"]]
    assert found["history"] == ["CREATE TABLE", "WRITE", "WRITE", "MERGE", "UPDATE", "DELETE", "MERGE"]


def test_time_travel_reads_an_older_version(found: Any) -> None:
    assert found["by_version"] == [[3, "pot"]]
    assert found["by_option"] == 4


def test_optimize_compacts_the_table(found: Any) -> None:
    (removed, added), (z_ordered, z_added) = found["optimize"], found["zorder"]
    assert removed > added == 1
    assert z_ordered == 2
    assert z_added == 1


def test_dry_run_of_vacuum_lists_unused_files_and_deletes_none(found: Any) -> None:
    assert 1 < found["vacuum"]["unused"] < found["vacuum"]["files"]
    assert found["vacuum"]["kept"]


def test_schema_changes_only_on_request(found: Any) -> None:
    assert "schema mismatch" in found["mismatch"]
    assert found["evolved"]["columns"] == ["id", "item", "price", "sold"]
    assert found["evolved"]["rows"] == [[7, None], [8, "2.5"]]


def test_stream_goes_on_where_it_ended(found: Any) -> None:
    assert found["streamed"] == [[5, 5], [3, 8]]


def test_spark_still_has_its_own_tables(found: Any) -> None:
    assert found["plain"] == 3
