from pathlib import Path

import pytest

from spark_images.engine import daemon
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Matrix
from spark_images.plan.project import Project
from spark_images.versions import check, debian
from spark_images.versions.check import CURRENT, HELD, OUTDATED, UNKNOWN, Finding
from spark_images.versions.debian import Update
from tests.unit.fake_index import host_of, metadata, sdist, serving, simple
from tests.unit.tree import Tree

CURRENT_VERSIONS = {
    "org.apache.spark:connect_2.13": ["9.0"],
    "org.first:first-jdbc": ["1.0"],
    "com.second:second-jdbc": ["2.0-1"],
    "group:lake_2.13": ["1.0"],
    "group:lake_3": ["1.1"],
}


def rows(matrix: Matrix, **changed: list[str]) -> dict[str, Finding]:
    """Returns the findings by artefact. `changed` are more versions of an artefact, by its name without the group."""
    offered = {name: have + changed.get(name.partition(":")[2], []) for name, have in CURRENT_VERSIONS.items()}
    return {row.what: row for row in check.artefacts(matrix, check.used(matrix), offered)}


def test_artefacts_without_a_newer_version_are_current(small: Project) -> None:
    assert {row.state for row in rows(small.matrix).values()} == {CURRENT}


def test_sparks_distribution_is_not_an_artefact_to_compare(small: Project) -> None:
    assert {one.name for one in check.used(small.matrix)} == set(CURRENT_VERSIONS)


def test_a_newer_artefact_is_outdated_in_the_cells_that_have_it(small: Project) -> None:
    row = rows(small.matrix, lake_3=["1.2", "1.3-rc1", "2.0"])["group:lake_3"]
    assert (row.have, row.newest, row.newer_line, row.state) == ("1.1", "1.2", "2.0", OUTDATED)
    assert row.concerns == "Spark 10 with lake"
    with_lake = [c.key for c in small.matrix.buildable if c.line == "10" and "lake" in c.features]
    assert sorted(row.cells) == sorted(with_lake)
    assert rows(small.matrix, **{"first-jdbc": ["1.1"]})["org.first:first-jdbc"].concerns == "all"


def test_a_jar_of_spark_is_compared_within_its_line(tree: Tree, full: Tree) -> None:
    row = rows(full.matrix(), **{"connect_2.13": ["9.0.1", "9.1", "10.0"]})["org.apache.spark:connect_2.13"]
    assert (row.newest, row.newer_line, row.concerns) == ("9.0.1", "", "Spark 9")


def test_artefacts_of_a_group_with_the_same_versions_are_one_row(full: Tree) -> None:
    full.toml(
        '{ coordinate = "group:lake_{scala}',
        '{ coordinate = "group:extra:{lake}", licence = "MIT" }, { coordinate = "group:lake_{scala}',
    )
    matrix = full.matrix()
    offered = {**CURRENT_VERSIONS, "group:extra": ["1.0", "1.1"]}
    found = {row.what: row for row in check.artefacts(matrix, check.used(matrix), offered)}
    assert found["group:* (2)"].have == "1.1"
    assert (found["group:extra"].have, found["group:extra"].newest, found["group:extra"].concerns) == (
        "1.0",
        "1.1",
        "Spark 9 with lake",
    )


HELD_LAKE = """
[[held]]
artefacts = ["group:*"]
line = "10"
up-to = "1.2"
reason = "1.2 loses rows"
"""


def test_a_held_version_has_its_reason_until_a_still_newer_one_appears(full: Tree) -> None:
    full.toml("\n[budgets]", f"{HELD_LAKE}\n[budgets]")
    matrix = full.matrix()
    held = rows(matrix, lake_3=["1.2"])["group:lake_3"]
    assert (held.state, held.reason) == (HELD, "1.2 loses rows")
    assert rows(matrix, lake_3=["1.3"])["group:lake_3"].state == OUTDATED
    assert rows(matrix, lake_3=["2.0"])["group:lake_3"].state == OUTDATED
    assert rows(matrix, lake_3=["1.2", "2.0"])["group:lake_3"].state == OUTDATED
    assert rows(matrix, **{"lake_2.13": ["1.2"]})["group:lake_2.13"].state == OUTDATED


def test_an_unknown_line_of_a_held_version_is_an_error(full: Tree) -> None:
    full.toml("\n[budgets]", f"{HELD_LAKE}\n[budgets]").toml('line = "10"\nup-to', 'line = "11"\nup-to')
    with pytest.raises(SparkImagesError, match=r'\[\[held\]\] number 1, line: unknown line "11"'):
        full.matrix()


def test_an_artefact_that_the_index_does_not_list_is_unknown(small: Project) -> None:
    offered = {name: have for name, have in CURRENT_VERSIONS.items() if name != "group:lake_3"}
    found = {row.what: row for row in check.artefacts(small.matrix, check.used(small.matrix), offered)}
    assert (found["group:lake_3"].state, found["group:lake_3"].newest) == (UNKNOWN, "")


def test_newer_patches_and_newer_lines_of_spark_are_reported(tree: Tree) -> None:
    for old, new in (("9.0", "4.1.0"), ("9.1", "4.1.1")):
        tree.toml(f'[spark."{old}"]\nline = "9"', f'[spark."{new}"]\nline = "4.1"')
    tree.toml('[lines."9"]', '[lines."4.1"]').toml('lines."9"]', 'lines."4.1"]')
    offered = ["3.5.9", "4.0.9", "4.1.0", "4.1.1", "4.1.2", "4.1.3rc1", "4.2.0.dev1", "4.3.0", "4.3.1"]
    found = list(check.spark_lines(tree.matrix(), offered))
    assert [(row.what, row.have, row.newest, row.state) for row in found] == [
        ("Spark 4.1", "4.1.1", "4.1.2", OUTDATED),
        ("Spark 4.3", "", "4.3.1", OUTDATED),
    ]
    assert found[0].reason == "inv versions.add 4.1.2"
    assert [row.state for row in check.spark_lines(tree.matrix(), ["4.1.0", "4.1.1"])] == [CURRENT]
    assert [row.state for row in check.spark_lines(tree.matrix(), ["4.1.0"])] == [CURRENT]


@pytest.mark.parametrize(
    ("states", "code"), [([CURRENT, HELD], 0), ([CURRENT, UNKNOWN], 1), ([UNKNOWN, OUTDATED], 3), ([], 0)]
)
def test_the_exit_code_says_whether_something_is_outdated(states: list[str], code: int) -> None:
    assert check.exit_code(Finding("a", "1", "1", "", state, "") for state in states) == code


def test_the_table_omits_what_is_current() -> None:
    findings = [Finding(state, "1", "1", "", state, "") for state in (CURRENT, HELD, OUTDATED, UNKNOWN)]
    assert [row[0] for row in check.table(findings)] == [HELD, OUTDATED, UNKNOWN]
    assert len(check.table(findings, everything=True)) == 4


# The output of apt-get --simulate dist-upgrade and of apt-cache policy, from Debian 12.
APT = """Reading package lists...
Inst libssl3 [3.0.17-1~deb12u2] (3.0.18-1~deb12u1 Debian-Security:12/oldstable-security [amd64])
Inst base-files [12.4+deb12u11] (12.4+deb12u12 Debian:12.12/oldstable [amd64])
Inst new-package (1.0 Debian:12.12/oldstable [amd64])
Conf libssl3 (3.0.18-1~deb12u1 Debian-Security:12/oldstable-security [amd64])
java {build}
openjdk-17-jre-headless:
  Installed: (none)
  Candidate: 17.0.21.1+2-1~deb12u1
"""


def test_updates_of_debian_are_read_from_apts_output() -> None:
    assert debian.updates(APT.format(build="17.0.21.1+2-1-deb12u1-Debian"), "17") == [
        Update("libssl3", "3.0.17-1~deb12u2", "3.0.18-1~deb12u1", True),
        Update("base-files", "12.4+deb12u11", "12.4+deb12u12", False),
    ]


@pytest.mark.parametrize(
    ("build", "candidate", "same"),
    [
        ("17.0.21.1+2-1-deb12u1-Debian", "17.0.21.1+2-1~deb12u1", True),
        ("21.0.9+10-Debian-1deb13u1", "21.0.9+10-1~deb13u1", True),
        ("17.0.20+8-1-deb12u1-Debian", "17.0.21.1+2-1~deb12u1", False),
    ],
)
def test_the_build_of_java_is_compared_with_debians_package(build: str, candidate: str, same: bool) -> None:
    output = f"java {build}\nopenjdk:\n  Candidate: {candidate}\n"
    assert debian.updates(output, "17") == ([] if same else [Update("openjdk-17", build, candidate, True)])


def test_an_image_that_the_engine_does_not_have_is_unknown(
    small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "find", lambda _: None)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    pages = {
        f"/maven/{group.replace('.', '/')}/{artifact}/maven-metadata.xml": metadata(*versions)
        for (group, artifact), versions in ((name.split(":"), have) for name, have in CURRENT_VERSIONS.items())
    }
    pages["/simple/pyspark/"] = simple("pyspark", sdist("pyspark", "9.1"))
    with serving(pages) as index:
        found = check.check(small.matrix, host_of(index, tmp_path))
    assert {row.what: row.state for row in found if row.state != CURRENT} == {
        "Debian bookworm": UNKNOWN,
        "Debian trixie": UNKNOWN,
    }
    row = next(row for row in found if row.what == "Debian bookworm")
    assert row.reason == (
        "the engine has no image spark-k8s-spark-9.1:latest: "
        "run `inv build.runtime --spark 9.1 --variant baseline` and repeat"
    )
    assert check.exit_code(found) == 1
