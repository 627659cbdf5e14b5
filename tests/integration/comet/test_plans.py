"""Each operator of Comet is in the executed plan, each fallback has its reason in the log, and all results are Spark's.

The data has nulls, decimals, NaN, -0.0, infinity, times on both sides of a change of the clock, and strings that need
two and four bytes for a character.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from spark_images.matrix.model import Cell
from tests.integration.comet.conftest import ON
from tests.integration.conftest import HARDENED, RANDOM_UID, Image, Result, options

pytestmark = [pytest.mark.own_layers, pytest.mark.smoke]

JOB = Path(__file__).parent / "jobs/plans.py"
PLAIN = re.compile(r"^(Comet|WholeStageCodegen|InputAdapter|AQEShuffleRead|ReusedExchange)")
"""The operators of Comet, and those of Spark that do no work of a query."""

NATIVE: Mapping[str, set[str]] = {
    "filter": {"CometFilter"},
    "project": {"CometProject"},
    "aggregate": {"CometHashAggregate", "CometExchange"},
    "floats": {"CometHashAggregate", "CometExchange"},
    "comparison": {"CometProject"},
    "broadcast join": {"CometBroadcastHashJoin", "CometBroadcastExchange"},
    "sort-merge join": {"CometSortMergeJoin", "CometSort", "CometExchange"},
    "outer join": {"CometSortMergeJoin"},
    "sort": {"CometSort", "CometExchange"},
    "top": {"CometTakeOrderedAndProject"},
    "exchange": {"CometExchange"},
    "union": {"CometUnion"},
    "decimals": {"CometProject"},
    "times": {"CometProject"},
    "strings": {"CometProject"},
}
"""The queries of jobs/plans.py that are native on every line, and operators that their plans contain."""

SCANS = {"3.5": "CometScan [native_iceberg_compat] parquet", "4.1": "CometNativeScan parquet"}

PYTHON = ("BatchEvalPython", "BatchEvalPython is not supported")
FALLBACKS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "3.5": {
        "texts": ("SortAggregate", "SortAggregate is not supported"),
        "case": ("Project", "not compatible with Spark for case conversion"),
        "distinct": ("HashAggregate", "Aggregate expression with filter is not supported"),
        "anti join": ("BroadcastHashJoin", ""),
        "floats sorted": ("Exchange", "Sorting on floating-point is not 100% compatible with Spark"),
        "window": ("Window", "Native WindowExec has known correctness issues"),
        "soundex": ("Project", "soundex is not supported"),
        "python": PYTHON,
    },
    "4.1": {"python": PYTHON},
}
"""The queries that are not native on a line: an operator of Spark in their plan, and the reason in the log.

Comet 0.12 logs no reason for an anti join.
"""

WRITES = {
    "3.5": r"Execute InsertIntoHadoopFsRelationCommand \[COMET: .* is not supported",
    "4.1": r"WriteFiles \[COMET: .*Set spark\.comet\.write\.parquet\.enabled=true to enable it",
}
"""The reason in the log for which Spark writes Parquet files, by line."""

OTHERS = sorted({query for fallbacks in FALLBACKS.values() for query in fallbacks})


@pytest.fixture(scope="module")
def run(image: Image) -> Result:
    """Runs the queries as an unknown user, with a read-only root file system."""
    with image.volume({"plans.py": JOB}) as volume:
        mounts = {volume: {"bind": "/mnt", "mode": "ro"}}
        explained = options({"spark.comet.explainFallback.enabled": "true"})
        result = image.run(
            *("spark-submit", *ON, *explained, "/mnt/plans.py", "/tmp/data"),
            user=RANDOM_UID,
            volumes=mounts,
            working_dir="/tmp",
            **HARDENED,
        )
    assert result.exit_code == 0
    return result


@pytest.fixture(scope="module")
def found(run: Result) -> Any:
    return run.json()


@pytest.mark.parametrize("query", [*NATIVE, *OTHERS])
def test_result_is_the_one_of_spark(found: Any, query: str) -> None:
    assert found[query]["rows"] > 0
    assert found[query]["different"] == []
    assert found[query]["equal"]


@pytest.mark.parametrize("query", NATIVE)
def test_whole_plan_is_native(found: Any, cell: Cell, query: str) -> None:
    plan = set(found[query]["plan"])
    assert {operator for operator in plan if not PLAIN.match(operator)} == set()
    assert plan >= NATIVE[query] | {SCANS[cell.line]}


@pytest.mark.parametrize("query", OTHERS)
def test_operator_that_falls_back_has_its_reason_in_the_log(run: Result, found: Any, cell: Cell, query: str) -> None:
    """On a line where Comet has the operator, the whole plan is native."""
    others = {operator for operator in found[query]["plan"] if not PLAIN.match(operator)}
    operator, reason = FALLBACKS[cell.line].get(query, ("", ""))
    if not operator:
        assert others == set()
        return
    assert operator in others
    assert not reason or re.search(rf"{operator}.*\[COMET: .*{re.escape(reason)}", run.output)


def test_spark_writes_parquet_what_comet_reads(run: Result, found: Any, cell: Cell) -> None:
    assert found["written"] == 194
    assert re.search(WRITES[cell.line], run.output)


def test_library_is_loaded_from_the_image_and_not_unpacked(run: Result) -> None:
    """Comet's jar contains a library too, if it is not changed. Each JVM would write it to /tmp."""
    assert run.json("FILES ") == []


def test_comet_has_the_labelled_version(run: Result, image: Image) -> None:
    assert f"Comet native library version {image.labels['spark-images.comet']} initialized" in run.output


def test_without_its_settings_the_image_is_plain_spark(image: Image) -> None:
    result = image.run("spark-submit", "/opt/spark/examples/src/main/python/pi.py", "1")
    assert result.exit_code == 0
    assert "Pi is roughly 3" in result.stdout
    assert "comet" not in result.output.lower()
