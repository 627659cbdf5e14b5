from collections import Counter

import pytest

from spark_images.errors import MatrixError, SparkImagesError
from spark_images.matrix.selection import cell_of
from spark_images.plan import graph
from spark_images.plan.graph import Graph, Target
from spark_images.plan.project import Project
from tests.unit.tree import DOCKERFILES, Tree


@pytest.fixture(scope="session")
def whole(project: Project) -> Graph:
    return project.graph(project.matrix.buildable)


def folders(found: Graph) -> set[str]:
    return {target.recipe.name for target in found.targets.values()}


def test_every_folder_is_reached_by_an_image_that_is_built(project: Project, whole: Graph) -> None:
    assert set(project.recipes.by_name) - folders(whole) == set()


def test_every_name_resolves_to_a_target_that_comes_first(whole: Graph) -> None:
    seen: set[str] = set()
    for target in whole.targets.values():
        assert set(target.contexts.values()) <= seen
        seen.add(target.name)


def test_every_argument_has_a_value(whole: Graph) -> None:
    empty = [
        (target.name, argument)
        for target in whole.targets.values()
        for argument, default in target.recipe.arguments.items()
        if target.arguments.get(argument, default) is None
    ]
    assert empty == []


def test_every_image_that_is_built_is_a_target(project: Project, whole: Graph) -> None:
    assert {t.name: t.cell for t in whole.targets.values() if t.cell} == {c.name: c for c in project.matrix.buildable}


def test_how_often_each_folder_is_built(project: Project, whole: Graph) -> None:
    times = Counter(target.recipe.name for target in whole.targets.values())
    assert times["spark-core"] == len(project.matrix.spark) > 1
    assert times["jars-iceberg"] == len(project.matrix.lines) > 1
    once = {"rootfs", "os", "identity", "python", "jdk", "toolchain", "python-deps", "jdbc-drivers", "entrypoint"}
    assert {folder: times[folder] for folder in once} == dict.fromkeys(once, 1)


def test_layers_are_named_by_what_they_vary_with(whole: Graph) -> None:
    assert {"jdk-17", "python-3.11", "spark-3.5.8-core", "spark-4.1.1-core", "jars-iceberg-4.1"} <= set(whole.targets)


def test_baseline_reaches_no_iceberg(project: Project) -> None:
    reached = project.graph([cell_of(project.matrix, "3.5.8-baseline")])
    assert [name for name in folders(reached) if "iceberg" in name] == []


def test_iceberg_adds_exactly_its_layers(project: Project) -> None:
    baseline, iceberg = (
        set(project.graph([cell_of(project.matrix, f"4.1.0-{variant}")]).targets) for variant in ("baseline", "iceberg")
    )
    assert iceberg - baseline == {"spark-4.1.0-iceberg", "jars-iceberg-4.1", "python-deps-iceberg"}
    assert baseline - iceberg == {"spark-4.1.0"}


def test_what_layers_are_built_with_is_not_shipped(project: Project, whole: Graph) -> None:
    distributions = {f"spark-{spark}-distribution" for spark in project.matrix.spark}
    assert set(whole.targets) - whole.shipped == {"toolchain", *distributions}


def test_of_levels_gives_what_is_shipped(project: Project) -> None:
    found = project.graph([cell_of(project.matrix, "3.5.8-baseline")])
    assert [target.name for target in found.of_levels(("runtime",))] == ["spark-3.5.8"]
    assert {t.recipe.name for t in found.of_levels(("base",))} == {"rootfs", "os", "identity", "python", "jdk"}


def test_artefacts_are_named_with_their_hash(project: Project, whole: Graph) -> None:
    entry = project.locks["spark-distribution"]["pyspark==4.1.1"]
    assert whole.targets["spark-4.1.1-distribution"].arguments["ARTEFACTS"] == f"pyspark==4.1.1@sha256:{entry.sha256}"


def test_an_artefact_of_one_line_is_in_no_other(whole: Graph) -> None:
    artefacts = {
        spark: whole.targets[f"spark-{spark}-distribution"].arguments["ARTEFACTS"] for spark in ("3.5.8", "4.1.1")
    }
    assert "spark-connect_2.12:3.5.7@sha256:" in artefacts["3.5.8"]
    assert "spark-connect" not in artefacts["4.1.1"]


def test_drivers_have_links_without_a_version(whole: Graph) -> None:
    links = whole.targets["jdbc-drivers"].arguments["LINKS"].split()
    assert "mysql=mysql-connector-j-9.7.0.jar" in links
    assert len(links) == 5


def test_a_switch_is_true_for_its_variant_only(whole: Graph) -> None:
    switches = {
        name: whole.targets[name].arguments["ENABLE_ICEBERG"] for name in ("spark-3.5.8", "spark-3.5.8-iceberg")
    }
    assert switches == {"spark-3.5.8": "false", "spark-3.5.8-iceberg": "true"}


def targets(tree: Tree) -> dict[str, Target]:
    project = tree.load()
    return dict(project.graph(project.matrix.buildable).targets)


def test_the_small_factory(tree: Tree) -> None:
    assert {name: sorted(target.contexts.values()) for name, target in targets(tree).items()} == {
        "rootfs": [],
        "os-bookworm": ["rootfs"],
        "tools": ["os-bookworm"],
        "core-9.0": ["tools"],
        "core-9.1": ["tools"],
        "lake-jars-9": ["tools"],
        "app-9.0": ["core-9.0", "os-bookworm"],
        "app-9.1": ["core-9.1", "os-bookworm"],
        "app-9.0-lake": ["core-9.0", "lake-jars-9", "os-bookworm"],
        "app-9.1-lake": ["core-9.1", "lake-jars-9", "os-bookworm"],
    }


def test_the_same_tree_gives_the_same_order(tree: Tree) -> None:
    project = tree.load()
    cells = project.matrix.buildable
    assert list(project.graph(cells).targets) == list(project.graph(reversed(cells)).targets)


def test_what_the_tools_lie_upon_is_shipped_no_more_than_they_are(tree: Tree) -> None:
    tree.dockerfile("base/compilers", "FROM os\n").dockerfile("base/tools", "FROM compilers\n")
    project = tree.load()
    found = project.graph(project.matrix.buildable)
    assert set(found.targets) - found.shipped == {"compilers", "tools"}


def test_a_layer_that_is_added_is_one_line(tree: Tree) -> None:
    tree.dockerfile("base/fonts", "FROM scratch\n")
    tree.dockerfile("runtime/app", DOCKERFILES["runtime/app"] + "COPY --from=fonts / /\n")
    assert targets(tree)["app-9.0"].contexts["fonts"] == "fonts"


def test_a_cycle(tree: Tree) -> None:
    with pytest.raises(
        SparkImagesError, match=r"refer to each other in a circle: (os-bookworm -> tools|tools -> os-bookworm)"
    ):
        tree.dockerfile("base/os", "FROM tools\n").load()


def test_a_name_that_is_no_folder(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.dockerfile("base/tools", "FROM oss\n").load()
    assert str(raised.value).startswith('docker/base/tools/Dockerfile: there is no folder "oss": there is ')
    assert str(raised.value).endswith('the nearest is "os"')


def test_a_stage_that_hides_a_folder(tree: Tree) -> None:
    with pytest.raises(SparkImagesError) as raised:
        tree.dockerfile("base/tools", "FROM scratch AS core\nFROM os\n").load()
    assert str(raised.value) == 'docker/base/tools/Dockerfile: the stage "core" hides the folder of that name'


def test_an_argument_that_nothing_fills(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.dockerfile("base/tools", "FROM os\nARG SCALLA_VERSION\n").load()
    assert str(raised.value).startswith(
        'docker/base/tools/Dockerfile: ARG SCALLA_VERSION: there is no value "SCALLA_VERSION"'
    )
    assert str(raised.value).endswith('the nearest is "SCALA_VERSION"')


def test_an_argument_with_a_default_needs_no_value(tree: Tree) -> None:
    assert targets(tree.dockerfile("base/tools", "FROM os\nARG OTHER=1\n"))["tools"].arguments == {}


def test_one_name_for_two_builds_names_the_argument_that_differs(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.dockerfile("base/tools", "FROM os\nARG SPARK_VERSION\n").load()
    assert 'images.toml: the name "tools" stands for two builds: SPARK_VERSION is "9.' in str(raised.value)


def test_one_name_for_two_builds_names_the_layers_that_differ(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'the name "tools" stands for two builds: it is built from .*core-9'):
        tree.dockerfile("base/tools", "FROM core\n").dockerfile("intermediate/core", "FROM os\n").load()


def test_the_value_in_the_name_makes_two_of_it(tree: Tree) -> None:
    tree.dockerfile("base/tools", "FROM os\nARG SPARK_VERSION\n")
    tree.toml("[layers.core]", '[layers.tools]\nname = "tools-{spark}"\n[layers.core]')
    tree.toml('name = "lake-jars-{line}"', 'name = "lake-jars-{spark}"')
    assert {"tools-9.0", "tools-9.1"} <= set(targets(tree))


def test_two_layers_of_one_name(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'the name "core-9.* stands for two builds'):
        tree.toml('name = "lake-jars-{line}"', 'name = "core-{spark}"').load()


def test_an_artefact_without_a_lock_entry(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml("group:core:{spark}", "group:core:{spark}.1").load()
    assert "images.toml: [layers.core] artefacts: group:core:9." in str(raised.value)
    assert "has no entry in its lock: run `inv lock.update --only artefacts`" in str(raised.value)


def test_a_layer_without_a_lock(tree: Tree) -> None:
    (tree.root / "docker/intermediate/core/artefacts.lock").unlink()
    with pytest.raises(MatrixError, match="has no entry in its lock"):
        tree.load()


def test_a_lock_that_is_behind_can_be_read_to_be_refreshed(tree: Tree) -> None:
    assert tree.toml("group:core:{spark}", "group:core:{spark}.1").load(locked=False).locks


def test_a_table_for_a_layer_without_a_folder(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml("[layers.core]", "[layers.cor]\n[layers.core]").load()
    assert str(raised.value).startswith('images.toml: [layers.cor]: there is no folder "cor"')
    assert str(raised.value).endswith('the nearest is "core"')


def test_a_variant_whose_feature_has_no_switch(tree: Tree) -> None:
    tree.dockerfile("runtime/app", "FROM os\nCOPY --from=core / /\n")
    with pytest.raises(MatrixError) as raised:
        tree.load()
    assert str(raised.value) == (
        'images.toml: [variants] lake: "lake" names no layer: '
        "docker/runtime/app/Dockerfile has no stage that ENABLE_LAKE=true would add"
    )


def test_a_variant_whose_switch_adds_nothing(tree: Tree) -> None:
    tree.dockerfile("runtime/app", DOCKERFILES["runtime/app"].replace("FROM lake-jars", "FROM scratch"))
    with pytest.raises(MatrixError, match='"lake" names no layer'):
        tree.load()


def test_a_refused_variant_needs_no_layer_yet(tree: Tree) -> None:
    tree.dockerfile("runtime/app", "FROM os\nCOPY --from=core / /\n")
    tree.toml("[settings]", 'refusals = [{ feature = "lake", reason = "not yet" }]\n[settings]')
    assert [cell.key for cell in tree.load().matrix.buildable] == ["9.0-baseline", "9.1-baseline"]


NOTEBOOK = '[images.book]\ntitle = "Book"\nname = "book-{spark}{suffix}"\nkey = "book-{spark}-{variant}"\n'


def test_an_image_without_a_folder(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml("[labels]", f"{NOTEBOOK}\n[labels]").load()
    assert str(raised.value) == "images.toml: [images.book]: there is no docker/runtime/book/Dockerfile"


def test_an_image_may_lie_upon_another_of_its_cell(tree: Tree) -> None:
    tree.toml("[labels]", f"{NOTEBOOK}\n[labels]").dockerfile("runtime/book", "FROM app\n")
    assert targets(tree)["book-9.0-lake"].contexts == {"app": "app-9.0-lake"}


def test_a_new_spark_version_is_one_table(tree: Tree) -> None:
    tree.toml('[spark."9.1"]', '[spark."9.2"]\nline = "9"\n\n[spark."9.1"]')
    assert "9.2-lake" in {cell.key for cell in tree.matrix().cells}
    with pytest.raises(MatrixError, match=r"group:core:9\.2 has no entry in its lock"):
        tree.load()


@pytest.mark.parametrize(
    ("coordinate", "name"), [("org.x:y:1.0", "y-1.0.jar"), ("com.v:vertica-jdbc:25.3.0-0", "vertica-jdbc-25.3.0-0.jar")]
)
def test_file_name(coordinate: str, name: str) -> None:
    assert graph.file_name(coordinate) == name
