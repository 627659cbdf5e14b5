from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path

import pytest
import tomli

from spark_images.engine.host import Host
from spark_images.errors import SparkImagesError, UsageError
from spark_images.plan.project import load_project
from spark_images.recipes.locks import Entry, write_lock
from spark_images.versions import add
from spark_images.versions.add import Added
from tests.unit.fake_index import host_of, sdist, serving, simple
from tests.unit.tree import Tree

DAY = date(2026, 7, 16)
OFFERED = {"4.1.0": DAY, "4.1.1": DAY, "4.1.2": DAY, "4.1.9": None, "4.1.3.dev1": DAY, "4.2.0": DAY, "4.2.1": DAY}


CORE = "docker/intermediate/core/artefacts.lock"


def lock(tree: Tree, *versions: str) -> None:
    """Writes the lock of the layer core for these Spark versions."""
    write_lock(tree.root / CORE, {f"group:core:{version}": Entry("ab" * 32, 1) for version in versions})


@pytest.fixture
def spark(tree: Tree) -> Tree:
    """The small project with the line 4.1 and its versions 4.1.0 and 4.1.1."""
    for old, new in (("9.0", "4.1.0"), ("9.1", "4.1.1")):
        tree.toml(f'[spark."{old}"]\nline = "9"', f'[spark."{new}"]\nline = "4.1"')
    lock(tree, "4.1.0", "4.1.1")
    return tree.toml('[lines."9"]', '[lines."4.1"]').toml('lines."9"]', 'lines."4.1"]')


def test_a_version_gets_its_line_and_the_day_of_its_release(spark: Tree) -> None:
    matrix = spark.matrix()
    assert add.chosen(matrix, "4.1.2", OFFERED) == Added("4.1.2", "4.1", DAY)
    assert add.chosen(matrix, "4.1.9", OFFERED, date(2027, 1, 2)) == Added("4.1.9", "4.1", date(2027, 1, 2))


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("4.1.1", 'Spark 4.1.1 is already in images.toml (did you mean "4.1.9"?)'),
        ("4.1.10", 'Spark 4.1.10 is not on the Python index (did you mean "4.1.9"?)'),
        ("4.1.3.dev1", 'Spark 4.1.3.dev1 is a pre-release (did you mean "4.1.9"?)'),
        ("newest", 'Spark newest is not on the Python index (did you mean "4.1.9"?)'),
        (
            "4.2.1",
            "Spark 4.2.1 is of a line that images.toml does not have. Write these tables by hand first: ",
        ),
        ("4.1.9", "the Python index does not say when Spark 4.1.9 was released: add --released, such as "),
    ],
)
def test_a_version_that_cannot_be_added_is_a_usage_error(spark: Tree, version: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        add.chosen(spark.matrix(), version, OFFERED)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


def test_a_wrong_day_is_a_usage_error() -> None:
    assert add.day("2026-07-16") == DAY
    assert add.day("") is None
    with pytest.raises(UsageError, match=r'--released is "16\.7\.": expected a date'):
        add.day("16.7.")


TEXT = """# First.
[spark."3.5.7"]   # the oldest
line = "3.5"
released = 2025-09-23

[spark."3.5.10"]
line = "3.5"   # the newest
released = 2026-01-15

# Before 4.1.
[spark."4.1.0"]
line = "4.1"
released = 2025-12-16

# The kinds.
[images.spark]
name = "spark-{spark}"
values = [
    "a",   # stays
]
"""
NEW = '[spark."{}"]\nline = "{}"\nreleased = 2026-07-16\n\n'


@pytest.mark.parametrize(
    ("version", "line", "before"),
    [
        ("3.5.11", "3.5", "# Before 4.1."),
        ("3.5.9", "3.5", '[spark."3.5.10"]'),
        ("4.1.4", "4.1", "# The kinds."),
    ],
)
def test_the_table_is_in_the_order_of_versions_and_all_else_stays(version: str, line: str, before: str) -> None:
    changed = add.with_spark(TEXT, Added(version, line, DAY))
    assert changed == TEXT.replace(before, NEW.format(version, line) + before)


def test_a_version_before_all_others_keeps_their_tables() -> None:
    changed = add.with_spark(TEXT, Added("3.5.1", "3.5", DAY))
    assert list(tomli.loads(changed)["spark"]) == ["3.5.1", "3.5.7", "3.5.10", "4.1.0"]
    assert [line for line in TEXT.splitlines() if line not in changed] == []


SHIMS = """# Before.
[features.gpu.lines."9".shims]
native = ["9.0"]   # tested
bridges."9.1" = { shim = "9.0", native-from = "6.0" }   # the first

# After.
[features.gpu.lines."10".shims]
native = ["10.0"]

# Last.
[images.spark]
name = "spark-{spark}"
"""


@pytest.mark.parametrize(
    ("version", "line", "shim", "after"),
    [("9.2", "9", "9.0", "# the first\n"), ("10.1", "10", "10.0", 'native = ["10.0"]\n')],
)
def test_a_bridge_is_the_last_line_of_the_shims_and_all_else_stays(
    version: str, line: str, shim: str, after: str
) -> None:
    changed = add.with_bridges(SHIMS, Added(version, line, DAY), {"gpu": shim})
    assert changed == SHIMS.replace(after, f'{after}bridges."{version}" = {{ shim = "{shim}" }}\n')


def test_only_a_version_without_shim_and_bridge_gets_a_bridge(full: Tree) -> None:
    def bridged(version: str, line: str) -> dict[str, str]:
        return add.missing_bridges(full.matrix(), Added(version, line, DAY))

    assert bridged("9.2", "9") == {"gpu": "9.0"}
    assert bridged("10.1", "10") == {"gpu": "10.0"}
    assert bridged("9.1", "9") == {}
    full.toml('native = ["10.0"]', 'native = ["10.0", "10.1"]')
    assert bridged("10.1", "10") == {}
    full.toml('native = ["10.0", "10.1"]', "native = []")
    assert bridged("10.1", "10") == {}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Host]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return partial(host_of, folder=tmp_path)


FILES = ("images.toml", CORE)


def added(spark: Tree, here: Callable[..., Host], refreshing: Callable[[Path], None]) -> list[str]:
    with serving({"/simple/pyspark/": simple("pyspark", sdist("pyspark", "4.1.2", "2026-07-16"))}) as index:
        return add.add("4.1.2", here(index), root=spark.root, refreshing=refreshing)


def test_an_added_version_has_cells_and_the_commands_that_prove_it(spark: Tree, here: Callable[..., Host]) -> None:
    said = added(spark, here, lambda _: lock(spark, "4.1.0", "4.1.1", "4.1.2"))
    cells = {cell.key: cell for cell in load_project(spark.root, {}).matrix.buildable}
    assert cells["4.1.2-lake"].values["released"] == "2026-07-16"
    assert cells["4.1.1-lake"].values["superseded_by"] == "4.1.2"
    assert said[0].startswith("added Spark 4.1.2 of 2026-07-16 ")
    assert "  nox -t 4.1.2 -- --quick" in said


def test_a_version_without_a_shim_is_bridged_and_the_command_says_so(spark: Tree, here: Callable[..., Host]) -> None:
    lake = '[features.lake.lines."4.1"]'
    spark.toml(lake, f'[features.lake.lines."4.1".shims]\nnative = ["4.1.0", "4.1.1"]\n\n{lake}')
    said = added(spark, here, lambda _: lock(spark, "4.1.0", "4.1.1", "4.1.2"))
    cells = {cell.key: cell for cell in load_project(spark.root, {}).matrix.buildable}
    assert cells["4.1.2-lake"].values["rapids_shim"] == "spark411"
    assert said[1].startswith("the feature lake uses the shim for Spark 4.1.1. ")


@pytest.mark.parametrize("error", [SparkImagesError("no such jar"), KeyboardInterrupt(), OSError("disk")])
def test_a_failure_in_the_middle_changes_no_file(spark: Tree, here: Callable[..., Host], error: BaseException) -> None:
    before = [(spark.root / name).read_bytes() for name in FILES]
    new = spark.root / "docker/intermediate/conf/artefacts.lock"

    def fails(root: Path) -> None:
        assert '[spark."4.1.2"]' in (root / "images.toml").read_text()
        lock(spark, "4.1.2")
        new.write_text("{}")
        raise error

    with pytest.raises(type(error)):
        added(spark, here, fails)
    assert [(spark.root / name).read_bytes() for name in FILES] == before
    assert not new.exists()


def test_a_version_that_exists_already_changes_no_file(spark: Tree, here: Callable[..., Host]) -> None:
    pages = {"/simple/pyspark/": simple("pyspark", sdist("pyspark", "4.1.1"))}
    with serving(pages) as index, pytest.raises(UsageError, match="is already in"):
        add.add("4.1.1", here(index), root=spark.root, refreshing=lambda _: pytest.fail("it went on"))
