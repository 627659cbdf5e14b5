"""Adding a line, a feature or a JDK takes only its tables, its folder and its stages."""

import pytest

from spark_images.errors import MatrixError
from spark_images.locks import check
from tests.unit.tree import DOCKERFILES, Tree

NEW_LINE = """
[lines."10"]
stack = "old"
scala = "3"
hadoop = "4"
budget-mb = { app = 100 }
end-of-life = 2027-06-30
end-of-life-source = "https://spark.example/policy"

[spark."10.0"]
line = "10"
released = 2026-01-02

[images.app]"""


def grown(tree: Tree) -> Tree:
    return tree.toml("[images.app]", NEW_LINE)


def test_line_without_a_table_of_a_feature_does_not_offer_it(tree: Tree) -> None:
    cells = {cell.key: cell for cell in grown(tree).matrix().cells}
    assert cells["10.0-baseline"].refusal == ""
    assert cells["10.0-lake"].refusal == (
        'lake is not offered for Spark 10: images.toml has no [features.lake.lines."10"]'
    )


def test_refused_cell_evaluates_no_template_and_no_lock(tree: Tree) -> None:
    """The artefact of the feature lake uses a version that only line 9 has."""
    layer = "[features.lake.layers.lake-jars]\n"
    tree.toml(layer, f'{layer}artefacts = [{{ coordinate = "group:lake:{{lake}}", licence = "MIT" }}]\n')
    project = grown(tree).load(locked=False)
    missing = check.disagreements(project.matrix, project.recipes, project.locks, tree.root)
    assert "[features.lake.layers.lake-jars]: group:lake:1.0 is not in artefacts.lock" in missing
    assert [sentence for sentence in missing if "10" in sentence and "core" not in sentence] == []
    assert {a.coordinate for layer, a in project.matrix.all_artefacts() if layer == "lake-jars"} == {"group:lake:1.0"}


def test_new_line_builds_its_own_layers_and_shares_the_others(tree: Tree) -> None:
    project = grown(tree).load(locked=False)
    cell = next(cell for cell in project.matrix.buildable if cell.spark == "10.0")
    assert project.matrix.layer_name("core", cell.values) == "core-10.0"
    assert project.matrix.name_of("jdk", cell) == "jdk-17"


def test_another_jdk_for_one_line_takes_one_value(tree: Tree) -> None:
    tree.toml("[images.app]", NEW_LINE.replace('scala = "3"', 'scala = "3"\njava = "21"')).lock("core", "10.0")
    project = tree.load()
    targets = project.graph(project.matrix.buildable).targets
    assert {"jdk-17", "jdk-21", "tools-bookworm-java17", "tools-bookworm-java21"} <= set(targets)
    assert targets["app-10.0"].contexts["jdk"] == "jdk-21"
    assert targets["app-9.0"].contexts["jdk"] == "jdk-17"


NEW_DEBIAN = NEW_LINE.replace('scala = "3"', 'scala = "3"\ndebian = "trixie"\ndebian-number = "13"\njava = "21"')


def test_layer_of_plain_files_is_shared_by_all_stacks(tree: Tree) -> None:
    tree.toml("[images.app]", NEW_DEBIAN).lock("core", "10.0")
    project = tree.load()
    graph = project.graph(project.matrix.buildable)
    assert graph.targets["app-10.0"].contexts["conf"] == graph.targets["app-9.0"].contexts["conf"] == "conf"
    assert graph.targets["sealer"].contexts == {"os": "os-bookworm"}
    assert graph.targets["app-10.0"].contexts["os"] == "os-trixie"
    assert graph.suites(graph.targets.values()) == ["bookworm", "trixie"]


def test_target_has_the_debian_release_that_it_is_built_on(tree: Tree) -> None:
    tree.toml("[images.app]", NEW_DEBIAN).lock("core", "10.0")
    project = tree.load()
    targets = project.graph(project.matrix.buildable).targets
    suites = {name: targets[name].suite for name in ("conf", "os-trixie", "core-9.0", "core-10.0")}
    assert suites == {"conf": "bookworm", "os-trixie": "trixie", "core-9.0": "bookworm", "core-10.0": "trixie"}
    bakery = tree.bake()["target"]
    assert (bakery["rootfs-trixie"]["context"], bakery["rootfs-bookworm"]["context"]) == (
        "rootfs/trixie",
        "rootfs/bookworm",
    )


FEATURE = """
[features.mill]
title = "Mill {mill}"
combines-with = ["lake"]
size-mb = 5

[features.mill.lines."9"]
versions = { mill = "2.0" }

[features.mill.layers.mill-jars]
name = "mill-jars-{line}"

[features.lake]"""

RUNTIME = (
    DOCKERFILES["runtime/app"]
    .replace("FROM lake-${", "FROM scratch AS mill-false\nFROM mill-jars AS mill-true\nFROM lake-${")
    .replace("FROM tools AS settings", "FROM mill-${ENABLE_MILL} AS mill\nFROM tools AS settings")
    .replace("ARG ENABLE_LAKE=false", "ARG ENABLE_LAKE=false\nARG ENABLE_MILL=false")
    + "COPY --link --from=mill / /\n"
)


def test_adding_a_feature_takes_tables_a_folder_and_stages_in_the_runtime_dockerfile(tree: Tree) -> None:
    tree.toml("\n[features.lake]", FEATURE)
    tree.dockerfile("intermediate/mill-jars", "FROM scratch\n").dockerfile("runtime/app", RUNTIME)
    project = tree.load()
    assert list(project.matrix.variants) == ["baseline", "mill", "lake", "mill-lake"]
    targets = project.graph(project.matrix.buildable).targets
    assert targets["app-9.0-mill-lake"].contexts.keys() >= {"mill-jars", "lake-jars"}
    assert "mill-jars" not in targets["app-9.0-lake"].contexts
    budgets = {cell.key: project.matrix.budget(cell) for cell in project.matrix.buildable if cell.spark == "9.0"}
    assert budgets == {"9.0-baseline": 100, "9.0-lake": 120, "9.0-mill": 105, "9.0-mill-lake": 125}


def test_unknown_platform_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'\[stacks\.old\] platform: unknown platform "linux/amd46".*"linux/amd64"'):
        tree.toml('"linux/amd64"', '"linux/amd46"').matrix()


def test_line_without_a_budget_for_a_kind_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'\[lines\."9"\] budget-mb: the figure for app is missing'):
        tree.toml("budget-mb = { app = 100 }", "budget-mb = {}").matrix()


def test_newest_spark_is_the_highest_version(tree: Tree) -> None:
    tree.toml('[spark."9.0"]', '[spark."9.10"]\nline = "9"\nreleased = 2026-01-02\n\n[spark."9.0"]')
    assert tree.matrix().newest_spark == "9.10"


def test_layer_that_depends_only_on_python_is_shared_by_two_jdks(tree: Tree) -> None:
    tree.toml("[layers.core]", '[layers.wheels]\nname = "wheels-{python}"\nany-stack = true\n\n[layers.core]')
    tree.dockerfile("intermediate/wheels", "FROM tools AS made\nFROM scratch\nCOPY --from=made /layer /\n")
    tree.dockerfile("runtime/app", DOCKERFILES["runtime/app"] + "COPY --link --from=wheels / /\n")
    tree.toml("[images.app]", NEW_LINE.replace('scala = "3"', 'scala = "3"\njava = "21"')).lock("core", "10.0")
    project = tree.load()
    targets = project.graph(project.matrix.buildable).targets
    assert targets["wheels-3.11"].contexts == {"tools": "tools-bookworm-java17"}
    assert targets["app-10.0"].contexts["wheels"] == "wheels-3.11"


def test_layer_whose_name_omits_its_jdk_is_an_error(tree: Tree) -> None:
    tree.toml('name = "jdk-{java}"', 'name = "jdk"')
    tree.toml("[images.app]", NEW_LINE.replace('scala = "3"', 'scala = "3"\njava = "21"')).lock("core", "10.0")
    with pytest.raises(
        MatrixError, match=r'two different builds have the name "jdk": JAVA_VERSION is "\d\d" and "\d\d"'
    ):
        tree.load()
