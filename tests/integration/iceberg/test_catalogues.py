"""The catalogues of examples/iceberg: each with a real server, and in one Spark application.

A job gets the settings of the example. Only the addresses in them are replaced by those of the test's servers.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from spark_images import ROOT
from tests.integration.conftest import HARDENED, RANDOM_UID, Image, result_in
from tests.integration.servers import ACCESS_KEY, DATABASE, KEYS, S3, Catalogue, Database

pytestmark = [pytest.mark.thorough, pytest.mark.slow]

JOBS = Path(__file__).parent / "jobs"
EXAMPLES = ROOT / "examples/iceberg"
JOB, SETTINGS = "/mnt/catalogue.py", "/mnt/catalogue.conf"

MERGED = [[1, "tea", 3], [2, "cake", 6], [3, "milk", 1]]
EVOLVED = [[1, "tea", 3, None], [2, "cake", 6, None], [3, "milk", 1, None], [4, "rice", 3000000000, 7]]
COLUMNS = [["id", "int"], ["article", "string"], ["price", "bigint"], ["sold", "int"]]


def settings(example: str, addresses: Mapping[str, str], others: Mapping[str, Mapping[str, str]]) -> str:
    """Returns the settings of an example with other addresses.

    It also has the catalogues `others`: the catalogue of the example with the values of these keys replaced.
    """
    text = (EXAMPLES / example).read_text()
    for theirs, ours in addresses.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    lines = dict(line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#"))
    lake = "spark.sql.catalog.lake"
    for name, changes in others.items():
        other = {key.removeprefix(lake): value for key, value in lines.items() if key.startswith(lake)}
        other |= {f".{key}": value for key, value in changes.items()}
        text += "".join(f"\n{lake.removesuffix('lake')}{name}{key} {value}" for key, value in other.items() if value)
    return text


def on_s3(example: str, addresses: Mapping[str, str], s3: S3, wrong: Mapping[str, Mapping[str, str]]) -> str:
    """Returns `settings` of an example whose tables are on S3."""
    bucket = {
        "s3://my-bucket/lake": f"s3://data/{example.removesuffix('.conf')}",
        "https://s3.example:9000": s3.named,
    }
    return settings(example, {**bucket, **addresses}, wrong)


def run(image: Image, s3: S3, conf: str, others: Iterable[str], more: Mapping[str, str] | None = None) -> Any:
    """Returns what a job with these settings found. It has keys of S3.

    It runs as an unknown user, and with a read-only root file system. `more` are the contents of other files in /mnt.
    """
    files: dict[str, str | Path | bytes] = {
        "catalogue.py": JOBS / "catalogue.py",
        "catalogue.conf": conf,
        **(more or {}),
    }
    with image.volume(files) as jobs:
        result = image.run(
            *("spark-submit", "--properties-file", SETTINGS, JOB, *others),
            environment={**KEYS, "PGPASSFILE": "/mnt/pgpass"},
            network=s3.network,
            volumes={jobs: {"bind": "/mnt", "mode": "ro"}},
            user=RANDOM_UID,
            **HARDENED,
        )
    assert result.exit_code == 0
    return result.json()


def check(found: Any) -> None:
    """Checks the steps that each catalogue supports."""
    assert found["merge"] == MERGED
    assert found["columns"] == COLUMNS
    assert found["evolved"] == EVOLVED
    assert found["specs"] == [[0], [1]]
    assert found["tables"] == ["orders", "prices"]


def check_history(found: Any) -> None:
    """Checks the steps that Nessie does not support."""
    assert found["view"] == [["milk"], ["tea"]]
    assert found["first"] == [[1, "tea", 3], [2, "cake", 5]]
    assert found["expire"] == [[1]]


@pytest.fixture(scope="module")
def rest(image: Image, nessie: Catalogue) -> Iterator[Any]:
    """Yields what a job with a REST catalogue found. The job was then killed while it inserted rows.

    It has no keys of S3, runs as an unknown user, and with a read-only root file system.
    """
    wrong = {
        "refused": {"uri": "http://127.0.0.1:9/iceberg"},
        "mute": {"uri": "http://127.0.0.1:9999/iceberg", "rest.client.socket-timeout-ms": "2000"},
        "intruder": {"token": "wrong"},
        "silent": {"token": ""},
    }
    conf = settings("rest.conf", {"https://catalogue.example/iceberg": nessie.uri}, wrong)
    files: dict[str, str | Path | bytes] = {"catalogue.py": JOBS / "catalogue.py", "catalogue.conf": conf}
    with image.volume(files) as jobs:
        job = image.start(
            *("spark-submit", "--properties-file", SETTINGS, JOB, "--until-killed", *wrong),
            environment={"CATALOGUE_TOKEN": nessie.token},
            network=nessie.s3.network,
            volumes={jobs: {"bind": "/mnt", "mode": "ro"}},
            user=RANDOM_UID,
            **HARDENED,
        )
        with job as running:
            running.wait_for("FILES ARE WRITTEN", timeout=180)
            running.container.kill()
            yield result_in(running.log)


@pytest.fixture(scope="module")
def seen(image: Image, nessie: Catalogue, rest: Any) -> Any:
    """Returns what PyIceberg reads through the REST catalogue after that job."""
    job = "/opt/spark/work-dir/read_catalogue.py"
    environment = {
        "PYICEBERG_CATALOG__LAKE__TYPE": "rest",
        "PYICEBERG_CATALOG__LAKE__URI": nessie.uri,
        "PYICEBERG_CATALOG__LAKE__TOKEN": nessie.token,
        **KEYS,
    }
    files = {job: JOBS / "read_catalogue.py"}
    return image.run("python3", job, environment=environment, files=files, network=nessie.s3.network).json()


def test_rest_catalogue_needs_no_keys_of_s3(rest: Any) -> None:
    check(rest)


def test_nessie_has_no_views_old_snapshots_or_expiry(rest: Any) -> None:
    """docs/iceberg.md says so."""
    assert "Server does not support endpoint" in rest["view"]
    assert "Cannot find snapshot" in rest["first"]
    assert "GC is disabled" in rest["expire"]


def test_errors_of_a_rest_catalogue_name_the_cause(rest: Any) -> None:
    assert "http://127.0.0.1:9" in rest["refused"]
    assert "Connection refused" in rest["refused"]
    # The job still ran: without the setting, it would wait for three minutes.
    assert "Read timed out" in rest["mute"]
    assert "Not authorized" in rest["intruder"]
    assert "Not authorized" in rest["silent"]


def test_pyiceberg_reads_through_the_same_catalogue(seen: Any) -> None:
    assert seen["prices"] == EVOLVED


def test_a_job_that_is_killed_while_it_writes_changes_no_table(seen: Any) -> None:
    assert seen["orders"] == list(range(10))
    assert seen["snapshots"] == 1
    assert seen["written"] >= seen["files"] + 2


@pytest.fixture(scope="module")
def jdbc(image: Image, s3: S3, postgresql: Database) -> Any:
    """Returns what a job found with a catalogue in PostgreSQL, whose password is in a mounted file."""
    addresses = {
        "jdbc:postgresql://database.example/catalogue": postgresql.url,
        "jdbc.user  spark": f"jdbc.user  {postgresql.user}",
    }
    wrong = {
        "no_database": {"uri": "jdbc:postgresql://127.0.0.1:9/catalogue"},
        "no_region": {"client.region": ""},
        "chunked": {"s3.chunked-encoding-enabled": "true"},
        "no_server": {"s3.endpoint": "http://127.0.0.1:9"},
        "wrong_key": {"s3.access-key-id": ACCESS_KEY, "s3.secret-access-key": "wrong"},
    }
    line = f"{postgresql.host}:*:{DATABASE}:{postgresql.user}:{postgresql.password}\n"
    return run(image, s3, on_s3("jdbc.conf", addresses, s3, wrong), wrong, {"pgpass": line})


def test_catalogue_in_postgresql_keeps_its_tables_on_s3(jdbc: Any) -> None:
    check(jdbc)
    check_history(jdbc)


def test_errors_of_a_catalogue_in_postgresql_name_the_cause(jdbc: Any) -> None:
    assert "jdbc:postgresql://127.0.0.1:9/catalogue" in jdbc["no_database"]
    assert "Unable to load region" in jdbc["no_region"]
    assert "'x-amz-content-sha256' header does not match" in jdbc["chunked"]
    assert "Connect to 127.0.0.1:9" in jdbc["no_server"]
    assert "Status Code: 403" in jdbc["wrong_key"]


@pytest.fixture(scope="module")
def metastore(image: Image, s3: S3, hive: str) -> Any:
    """Returns what a job found with a Hive metastore."""
    wrong = {"no_metastore": {"uri": "thrift://127.0.0.1:9"}}
    return run(image, s3, on_s3("hive.conf", {"thrift://metastore.example:9083": hive}, s3, wrong), wrong)


def test_hive_metastore_keeps_its_tables_on_s3(metastore: Any) -> None:
    check(metastore)
    check_history(metastore)


def test_missing_hive_metastore_gives_a_clear_error(metastore: Any) -> None:
    assert "Failed to connect to Hive Metastore" in metastore["no_metastore"]
