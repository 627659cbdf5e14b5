"""Tables of PostgreSQL and MariaDB: types, partitioned reads, what Spark leaves to the server, catalogues and errors.

One Spark application for each database does all of it. docs/data.md says what these tests show.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spark_images import ROOT
from spark_images.matrix.model import Cell
from spark_images.plan.project import Project
from tests.integration.conftest import HARDENED, POLL, RANDOM_UID, Image, result_in
from tests.integration.servers import Database

pytestmark = [pytest.mark.thorough, pytest.mark.slow]

JOB = Path(__file__).parent / "jobs/jdbc.py"
EXAMPLE = ROOT / "examples/data/jdbc.py"
OLD_LINE = "3.5"

Shown = Sequence[str]
"""The type of a column of a DataFrame and its value, as the job prints them."""

WRITTEN: Mapping[str, tuple[str, Shown]] = {
    "a_boolean": ("true", ["boolean", "True"]),
    "a_byte": ("CAST(1 AS TINYINT)", ["tinyint", "1"]),
    "a_short": ("CAST(-2 AS SMALLINT)", ["smallint", "-2"]),
    "an_int": ("3", ["int", "3"]),
    "a_long": ("9007199254740993", ["bigint", "9007199254740993"]),
    "a_float": ("CAST(0.5 AS FLOAT)", ["float", "0.5"]),
    "a_double": ("CAST(0.1 AS DOUBLE)", ["double", "0.1"]),
    "a_decimal": (
        "CAST('12345678901234567890.123456789012345678' AS DECIMAL(38, 18))",
        ["decimal(38,18)", "12345678901234567890.123456789012345678"],
    ),
    "a_string": ("'größer \U0001f600'", ["string", "größer \U0001f600"]),
    "binary_data": ("X'0001ff'", ["binary", "0001ff"]),
    "a_date": ("DATE'1000-12-31'", ["date", "1000-12-31"]),
    "a_timestamp": ("TIMESTAMP'2026-03-29 02:30:00.123456'", ["timestamp", "2026-03-29 02:30:00.123456"]),
    "a_local_time": ("TIMESTAMP_NTZ'2026-03-29 02:30:00.654321'", ["timestamp_ntz", "2026-03-29 02:30:00.654321"]),
}
"""A value of each type of Spark that both databases have, and how Spark shows the value that it wrote."""

ARRAYS: Mapping[str, tuple[str, Shown]] = {
    "ints": ("array(1, NULL, 3)", ["array<int>", "[1, None, 3]"]),
    "strings": ("array('a', 'b c')", ["array<string>", "['a', 'b c']"]),
}


@dataclass(frozen=True)
class Native:
    """A column of the server's own SQL, and how Spark shows it. `older` is how Spark 3.5 does, if that differs."""

    kind: str
    literal: str
    newer: Shown
    older: Shown = ()

    def shown(self, line: str) -> list[str]:
        return list(self.older if self.older and line == OLD_LINE else self.newer)


@dataclass(frozen=True)
class Case:
    """The values that differ between databases."""

    fixture: str
    driver: str
    schema: str
    written: Mapping[str, tuple[str, Shown]]
    """The columns that Spark writes."""
    changed: Mapping[str, Shown]
    """The columns that come back with another type or value."""
    changed_in_older: Mapping[str, Shown]
    """The same for Spark 3.5, in addition."""
    native: Mapping[str, Native]
    more: str
    """Options of a second read of the native columns, in the URL. The read also asks for times without a zone."""
    options: Mapping[str, Native]
    moments: str
    """The types of the table with microseconds."""
    written_moments: Sequence[str]
    """The values in the column `at`: written as a time, and written as a string."""
    strings: Mapping[str, str]
    numbers: str
    sums: Sequence[str]
    """The sum of the prices, from the server and from Spark."""
    sums_in_older: Sequence[str]
    """The same for Spark 3.5."""
    limits: str
    slow: str
    messages: Mapping[str, Sequence[str]]


POSTGRESQL = Case(
    fixture="postgresql",
    driver="org.postgresql.Driver",
    schema="public",
    written={**WRITTEN, **ARRAYS},
    changed={"a_byte": ["smallint", "1"], "a_local_time": ["timestamp", "2026-03-29 02:30:00.654321"]},
    changed_in_older={},
    native={
        "any_numeric": Native("numeric", "1.1234567890123456789", ["decimal(38,18)", "1.123456789012345679"]),
        # Spark 4 rounds, because a DECIMAL of Spark has no room for more than 38 digits.
        "long_numeric": Native(
            "numeric(40,4)", "1234567890.1299", ["decimal(38,2)", "1234567890.13"], ["decimal(38,4)", "1234567890.1299"]
        ),
        "a_numeric": Native("numeric(20,5)", "12345.67891", ["decimal(20,5)", "12345.67891"]),
        "a_real": Native("real", "0.5", ["float", "0.5"]),
        "local_at": Native("timestamp", "'2026-03-29 02:30:00.123456'", ["timestamp", "2026-03-29 02:30:00.123456"]),
        "at": Native("timestamptz", "'2026-03-29 02:30:00.123456+02'", ["timestamp", "2026-03-29 00:30:00.123456"]),
        "a_time": Native(
            "time",
            "'12:34:56.789012'",
            ["timestamp", "1970-01-01 12:34:56.789000"],
            ["timestamp", "1970-01-01 12:34:56"],
        ),
        "bytes": Native("bytea", r"'\x0001ff'", ["binary", "0001ff"]),
        "a_json": Native("json", """'{"a":  1}'""", ["string", '{"a":  1}']),
        "a_jsonb": Native("jsonb", """'{"a":  1}'""", ["string", '{"a": 1}']),
        "a_uuid": Native(
            "uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", ["string", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]
        ),
        "ints": Native("int[]", "'{1,NULL,3}'", ["array<int>", "[1, None, 3]"]),
        "texts": Native("text[]", """'{a,"b c"}'""", ["array<string>", "['a', 'b c']"]),
        "numerics": Native("numeric(9,2)[]", "'{1.25}'", ["array<decimal(9,2)>", "[Decimal('1.25')]"]),
        "a_boolean": Native("boolean", "true", ["boolean", "True"]),
        "a_date": Native("date", "'2026-02-28'", ["date", "2026-02-28"]),
        "a_text": Native("text", "'größer'", ["string", "größer"]),
        "padded": Native("char(5)", "'ab'", ["string", "ab   "]),
        "an_enum": Native("mood", "'glad'", ["string", "glad"]),
        "an_interval": Native("interval", "'1 day 2 hours'", ["string", "1 day 02:00:00"]),
    },
    more="",
    options={
        "local_at": Native("", "", ["timestamp_ntz", "2026-03-29 02:30:00.123456"]),
        # Spark 3.5 ignores that the column has a zone.
        "at": Native(
            "", "", ["timestamp", "2026-03-29 00:30:00.123456"], ["timestamp_ntz", "2026-03-29 00:30:00.123456"]
        ),
    },
    moments="position int, at timestamptz, local_at timestamp",
    written_moments=["2026-03-29 02:30:00.123456", "2026-03-29 02:30:00.123456"],
    strings={"stringtype": "unspecified"},
    numbers="SELECT i AS id, i % 7 AS day, CAST(i * 0.25 AS numeric(18,2)) AS price FROM generate_series(0, 998) AS i",
    sums=["124625.25", "124625.25"],
    sums_in_older=["124625.25", "124625.25"],
    limits="?loginTimeout=2&socketTimeout=2",
    slow="SELECT 1 AS one FROM pg_sleep(300)",
    messages={
        "wrong password": ['password authentication failed for user "clerk"'],
        "unknown host": ["UnknownHostException: no-such-host"],
        "closed port": ["-postgresql:9 refused"],
        "silent server": ["Connection attempt timed out"],
        "full server": ["Connection attempt timed out"],
        "slow query": ["Read timed out"],
    },
)

MARIADB = Case(
    fixture="mariadb",
    driver="com.mysql.cj.jdbc.Driver",
    schema="shop",
    written=WRITTEN,
    # The microseconds are lost: see `moments`.
    changed=dict.fromkeys(("a_timestamp", "a_local_time"), ("timestamp", "2026-03-29 02:30:00")),
    changed_in_older={"a_short": ["int", "-2"], "a_float": ["double", "0.5"]},
    native={
        "a_decimal": Native("decimal(20,5)", "12345.67891", ["decimal(20,5)", "12345.67891"]),
        # Spark 4 rounds, because a DECIMAL of Spark has no room for more than 38 digits.
        "long_decimal": Native(
            "decimal(40,4)", "1234567890.1299", ["decimal(38,2)", "1234567890.13"], ["decimal(38,4)", "1234567890.1299"]
        ),
        "local_at": Native("datetime(6)", "'2026-03-29 02:30:00.123456'", ["timestamp", "2026-03-29 02:30:00.123456"]),
        "at": Native("timestamp(6) NULL", "'2026-03-29 02:30:00.123456'", ["timestamp", "2026-03-29 02:30:00.123456"]),
        "a_date": Native("date", "'2026-02-28'", ["date", "2026-02-28"]),
        "a_time": Native(
            "time(6)",
            "'12:34:56.789012'",
            ["timestamp", "1970-01-01 12:34:56.789000"],
            ["timestamp", "1970-01-01 12:34:56"],
        ),
        "a_year": Native("year", "2026", ["date", "2026-01-01"]),
        "one_bit": Native("bit(1)", "b'1'", ["boolean", "True"]),
        # Spark 4 reads the digits as text: 0x31 is "1".
        "bits": Native("bit(8)", "b'101'", ["binary", "313031"], ["bigint", "5"]),
        "bytes": Native("blob", "X'0001ff'", ["binary", "0001ff"]),
        "a_json": Native("json", """'{"a":  1}'""", ["string", '{"a":  1}']),
        "a_tiny": Native("tinyint unsigned", "255", ["smallint", "255"]),
        "a_small": Native("smallint unsigned", "65535", ["int", "65535"]),
        "a_medium": Native("mediumint unsigned", "16777215", ["int", "16777215"], ["bigint", "16777215"]),
        "an_int": Native("int unsigned", "4294967295", ["bigint", "4294967295"]),
        "a_big": Native("bigint unsigned", "18446744073709551615", ["decimal(20,0)", "18446744073709551615"]),
        "a_number": Native("tinyint(1)", "2", ["boolean", "True"]),
        "a_text": Native("longtext", "'größer \U0001f600'", ["string", "größer \U0001f600"]),
        "an_enum": Native("enum('glad', 'sad')", "'glad'", ["string", "glad"]),
        "a_uuid": Native(
            "uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", ["string", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]
        ),
    },
    more="?yearIsDateType=false&tinyInt1isBit=false",
    options={
        "a_year": Native("", "", ["int", "2026"]),
        "a_number": Native("", "", ["tinyint", "2"]),
        "local_at": Native("", "", ["timestamp_ntz", "2026-03-29 02:30:00.123456"]),
    },
    moments="position int, at timestamp(6) NULL, local_at datetime(6)",
    written_moments=["2026-03-29 02:30:00", "2026-03-29 02:30:00.123456"],
    strings={},
    numbers="SELECT seq AS id, seq % 7 AS day, CAST(seq * 0.25 AS decimal(18,2)) AS price FROM seq_0_to_998",
    sums=["124625.00", "124625.25"],
    sums_in_older=["124625.25", "124625.25"],
    limits="?connectTimeout=2000&socketTimeout=2000",
    slow="SELECT sleep(300) AS one",
    messages={
        "wrong password": ["Access denied for user 'clerk'"],
        "unknown host": ["UnknownHostException: no-such-host"],
        "closed port": ["Communications link failure", "Connection refused"],
        "silent server": ["Communications link failure", "Read timed out"],
        "full server": ["Communications link failure", "Connect timed out"],
        "slow query": ["Communications link failure", "Read timed out"],
        "mariadb url": ["No suitable driver"],
    },
)


@dataclass(frozen=True)
class Found:
    """The results of the job, and what the server says.

    `version` is the server's version. `left` are the rows that the server has after its crash: their number and the
    first and last ID.
    """

    case: Case
    job: Any
    version: str
    left: str


@pytest.fixture(scope="module", params=[POSTGRESQL, MARIADB], ids=lambda case: case.fixture)
def found(request: pytest.FixtureRequest, image: Image) -> Found:
    """Runs the job and kills the server when one half of the job's last table is committed.

    The job runs as an unknown user, with a read-only root file system.
    """
    case: Case = request.param
    database: Database = request.getfixturevalue(case.fixture)
    kinds = ", ".join(f"{name} {column.kind}" for name, column in case.native.items())
    values = ", ".join(column.literal for column in case.native.values())
    if case is POSTGRESQL:
        database.sql("CREATE TYPE mood AS ENUM ('glad', 'sad')")
    database.sql(
        f"CREATE TABLE native ({kinds})",
        f"INSERT INTO native VALUES ({values})",
        f"CREATE TABLE moments ({case.moments})",
        f"CREATE TABLE numbers AS {case.numbers}",
        "CREATE TABLE halves (id bigint PRIMARY KEY)",
    )
    keys = ("driver", "schema", "more", "strings", "limits", "slow")
    given = {key: getattr(case, key) for key in keys} | {"url": database.url, "host": database.host}
    given["written"] = {name: literal for name, (literal, _) in case.written.items()}
    files: dict[str, str | Path | bytes] = {
        "jdbc.py": JOB,
        "given.json": json.dumps(given),
        "credentials.properties": credentials(database),
    }
    with image.volume(files) as mounted:
        command = ("--master", "local[2]", "/mnt/jdbc.py", "/mnt/given.json", "/mnt/credentials.properties")
        with image.start(
            *("spark-submit", *command),
            user=RANDOM_UID,
            network=database.network,
            volumes={mounted: {"bind": "/mnt", "mode": "ro"}},
            **HARDENED,
        ) as job:
            job.wait_for("writing two halves", timeout=180)
            deadline = time.monotonic() + 60
            while (committed := database.sql("SELECT count(*) FROM halves")) != "10":
                assert time.monotonic() < deadline, f"{committed} rows are committed, not one half of 20"
                time.sleep(POLL)
            database.crash()
            job.wait_for("RESULT ", timeout=60)
            result = result_in(job.log)
    left = database.sql("SELECT count(*), min(id), max(id) FROM halves")
    return Found(case, result, database.sql("SELECT version()"), left)


def credentials(database: Database) -> str:
    """Returns a properties file for the user of a database."""
    return f"user={database.user}\npassword={database.password}\n"


def test_the_catalogue_names_the_server(found: Found, project: Project) -> None:
    (driver,) = (artefact for _, artefact in project.matrix.all_artefacts() if artefact.driver == found.case.driver)
    name, _, version = driver.tested.partition(" ")
    assert name in found.version
    assert f"{version}." in found.version


def test_types_of_spark_come_back(found: Found, cell: Cell) -> None:
    """docs/data.md lists the types that come back as another type."""
    case = found.case
    expected = {name: shown for name, (_, shown) in case.written.items()} | dict(case.changed)
    expected |= case.changed_in_older if cell.line == OLD_LINE else {}
    assert {name: found.job["written"][name] for name in expected} == {
        name: [*shown, "None"] for name, shown in expected.items()
    }


def test_types_of_the_server_are_read(found: Found, cell: Cell) -> None:
    case = found.case
    assert found.job["native"] == {name: column.shown(cell.line) for name, column in case.native.items()}
    options = {name: found.job["options"][name] for name in case.options}
    assert options == {name: column.shown(cell.line) for name, column in case.options.items()}


def test_microseconds_are_kept_as_the_documentation_says(found: Found) -> None:
    moments = found.job["moments"]
    assert moments["at"][1:] == list(found.case.written_moments)
    assert moments["local_at"][2] == "2026-03-29 02:30:00.654321"


def test_a_table_is_read_in_partitions(found: Found) -> None:
    """The bounds are 100 and 900. The first and the last partition also have the rows outside of them."""
    assert found.job["partitions"] == [300, 200, 200, 299]


def test_the_server_filters_aggregates_and_limits(found: Found) -> None:
    of_the_format, plans = found.job["plan of the format"], found.job["plans"]
    # The star means that the server does it. Without it, Spark only offered the filter.
    assert "*LessThan(id,10" in of_the_format
    assert "PushedAggregates" not in of_the_format
    assert "id < 10" in plans["filter"].partition("PushedFilters: ")[2]
    assert "PushedAggregates: [SUM(price)]" in plans["aggregate"]
    assert "PushedGroupByExpressions: [day]" in plans["aggregate"]
    assert "PushedLimit: LIMIT 3" in plans["limit"]
    assert "PushedTopN: ORDER BY [id ASC NULLS FIRST] LIMIT 3" in plans["top"]


def test_sums_of_the_server(found: Found, cell: Cell) -> None:
    """Spark 4 rounds a sum of MySQL or MariaDB whose type has more than 38 digits. docs/data.md says what to do."""
    expected = found.case.sums_in_older if cell.line == OLD_LINE else found.case.sums
    assert found.job["sums"] == list(expected)


def test_a_catalogue_lists_creates_reads_and_drops_tables(found: Found) -> None:
    assert found.job["catalogue"] == {"listed": ["made"], "read": [[1, "one", None], [2, None, None]], "left": []}


def test_errors_name_their_cause(found: Found) -> None:
    """The job ends, so each error comes soon. A server that does not answer needs the time-outs of the URL."""
    for case, texts in found.case.messages.items():
        for text in texts:
            assert text in found.job["errors"][case]


def test_a_killed_server_keeps_the_partitions_that_were_committed(found: Found) -> None:
    assert "Job aborted due to stage failure" in found.job["halves"]
    assert found.left.replace("|", "\t").split("\t") == ["10", "0", "9"]


def test_example_reads_in_partitions_and_writes_a_summary(image: Image, postgresql: Database) -> None:
    postgresql.sql(
        "CREATE TABLE orders AS SELECT i AS order_id, i % 7 AS day, i * 0.5 AS price FROM generate_series(0, 999) AS i"
    )
    with image.volume({"jdbc.properties": credentials(postgresql)}) as secret:
        job = "/opt/spark/work-dir/jdbc.py"
        result = image.run(
            *("spark-submit", job, postgresql.url, "/mnt/secret/jdbc.properties", "orders", "per_day"),
            "--highest-id=1000",
            files={job: EXAMPLE},
            network=postgresql.network,
            volumes={secret: {"bind": "/mnt/secret", "mode": "ro"}},
        )
    assert result.exit_code == 0
    assert "orders: 1000 orders in 4 partitions" in result.stdout
    assert "per_day: 7 days" in result.stdout
    assert postgresql.password not in result.output
    assert postgresql.sql("SELECT orders FROM per_day WHERE day = 3") == "143"
