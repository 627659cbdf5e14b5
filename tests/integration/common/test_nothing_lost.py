"""Trimming takes other platforms' native libraries and unused jars: all else still works.

One container for everything, since each JVM takes seconds. Only on the baseline images: the layer of Spark is the same
blob in every image of its version, and so is what was cut from it.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from spark_images.matrix.model import Cell
from spark_images.matrix.platforms import PLATFORMS
from spark_images.plan.project import Project
from tests.integration.conftest import Image, Result

JOBS = Path(__file__).parent / "jobs"
CARRIERS = {
    *("arpack", "blas", "commons-crypto", "jline", "lapack", "leveldbjni-all", "lz4-java", "rocksdbjni", "snappy-java"),
    *("netty-transport-native-epoll", "zstd-jni"),
}
"""The jars of every Spark version that bring a native library for this platform."""


@pytest.fixture(scope="module")
def result(image: Image, cell: Cell) -> Result:
    if cell.features:
        pytest.skip(f"the layer of Spark {cell.spark} is tested in its baseline image")
    home = "/opt/spark/work-dir"
    files: dict[str, str | Path] = {f"{home}/{name}": JOBS / name for name in ("nothing_lost.py", "nothing_lost.sh")}
    return image.run("bash", f"{home}/nothing_lost.sh", files=files, timeout=600)


@pytest.fixture(scope="module")
def found(result: Result) -> Any:
    return result.json()


def here(cell: Cell) -> re.Pattern[str]:
    """Returns how projects write the platform of a cell into a path or a file name."""
    names = PLATFORMS[cell.values["platform"]].natives
    return re.compile(rf"linux[-_/]?({names})\b|_(linux|epoll|io_uring\d*)_({names})", re.IGNORECASE)


def test_natives_are_of_this_platform_only(found: Any, cell: Cell, project: Project) -> None:
    """A driver's jar is its vendor's as it is: a licence says so."""
    drivers = {"-".join(a.coordinate.split(":")[1:]) + ".jar" for _, a in project.matrix.all_artefacts() if a.driver}
    foreign = {
        name: [library for library in libraries if not here(cell).search(library)]
        for name, libraries in found["natives"].items()
        if name not in drivers
    }
    assert {name: libraries for name, libraries in foreign.items() if libraries} == {}


def test_every_carrier_has_this_platforms_library(found: Any) -> None:
    carriers = {re.sub(r"-\d.*", "", name) for name in found["natives"]}
    assert carriers >= CARRIERS


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("zstd", [True, 10_000]),
        ("snappy", [True, 10_000]),
        ("lz4", "LZ4Factory:JNI"),
        ("epoll", True),
        ("leveldb", "value"),
        ("parquet", dict.fromkeys(["snappy", "gzip", "zstd", "lz4_raw"], 100)),
        ("orc", dict.fromkeys(["snappy", "zlib", "zstd", "lz4"], 100)),
        ("shuffle", 10),
        ("mllib", True),
        ("graphx", ["(1,1)", "(10,10)", "(11,10)", "(2,1)", "(3,1)"]),
        ("hive", ["hive", "hive", 5, "HIVE"]),
    ],
)
def test_what_a_job_reaches(found: Any, what: str, expected: Any) -> None:
    assert found[what] == expected, found[what]


def test_a_stream_keeps_its_state_in_rocksdb(found: Any) -> None:
    groups, suffixes = found["rocksdb"]
    assert groups == 10
    assert {".zip", ".changelog"} & set(suffixes), "only RocksDB's store writes snapshots and changelogs"


def test_the_thrift_server_answers(result: Result) -> None:
    assert re.search(r"^BEELINE .*\b42$", result.stdout, re.MULTILINE)


def test_the_history_server_shows_the_job(result: Result) -> None:
    assert result.exit_code == 0
    assert re.search(r'HISTORY .*"name" : "nothing_lost.py"', result.stdout)
