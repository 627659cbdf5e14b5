"""Trimming removes unused jars and the native libraries of other platforms. Everything else must still work.

All checks share one container, because each JVM takes seconds to start. They run only on the baseline images: every
image of a Spark version contains the same Spark layer.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from spark_images.matrix.model import Cell
from spark_images.matrix.platforms import PLATFORMS
from spark_images.plan.graph import file_name
from spark_images.plan.project import Project
from tests.integration.conftest import Image, Result

pytestmark = pytest.mark.slow

JOBS = Path(__file__).parent / "jobs"
CARRIERS = {
    *("arpack", "blas", "commons-crypto", "jline", "lapack", "leveldbjni-all", "lz4-java", "rocksdbjni", "snappy-java"),
    *("netty-transport-native-epoll", "zstd-jni"),
}
"""The jars that contain a native library for this platform in every Spark version."""


@pytest.fixture(scope="module")
def result(image: Image, cell: Cell) -> Result:
    if cell.features:
        pytest.skip(f"the baseline image of Spark {cell.spark} tests this layer")
    home = "/opt/spark/work-dir"
    files: dict[str, str | Path] = {f"{home}/{name}": JOBS / name for name in ("nothing_lost.py", "nothing_lost.sh")}
    return image.run("bash", f"{home}/nothing_lost.sh", files=files, timeout=600)


@pytest.fixture(scope="module")
def found(result: Result) -> Any:
    return result.json()


def platform_pattern(cell: Cell) -> re.Pattern[str]:
    """Returns a pattern that matches a path with the name of the cell's platform. Projects spell it differently."""
    names = PLATFORMS[cell.values["platform"]].natives
    return re.compile(rf"linux[-_/]?({names})\b|_(linux|epoll|io_uring\d*)_({names})", re.IGNORECASE)


def test_jars_contain_no_native_library_of_another_platform(found: Any, cell: Cell, project: Project) -> None:
    """JDBC drivers are exempt: a licence requires that their jars stay unchanged."""
    drivers = {file_name(a.coordinate) for _, a in project.matrix.all_artefacts() if a.driver}
    foreign = {
        name: [library for library in libraries if not platform_pattern(cell).search(library)]
        for name, libraries in found["natives"].items()
        if name not in drivers
    }
    assert {name: libraries for name, libraries in foreign.items() if libraries} == {}


def test_jars_keep_the_native_libraries_of_this_platform(found: Any) -> None:
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
def test_job_can_use(found: Any, what: str, expected: Any) -> None:
    assert found[what] == expected, found[what]


def test_stream_keeps_its_state_in_rocksdb(found: Any) -> None:
    groups, suffixes = found["rocksdb"]
    assert groups == 10
    assert {".zip", ".changelog"} & set(suffixes), "no snapshot or changelog: the state store is not RocksDB"


def test_thrift_server_answers_a_query(result: Result) -> None:
    assert re.search(r"^BEELINE .*\b42$", result.stdout, re.MULTILINE)


def test_history_server_lists_the_job(result: Result) -> None:
    assert result.exit_code == 0
    assert re.search(r'HISTORY .*"name" : "nothing_lost.py"', result.stdout)
