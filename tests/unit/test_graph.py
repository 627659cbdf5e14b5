from collections import Counter
from dataclasses import replace

import pytest

from spark_images.errors import MatrixError, SparkImagesError
from spark_images.matrix.selection import cell_of
from spark_images.plan import graph
from spark_images.plan.graph import Graph, Target
from spark_images.plan.project import Project
from tests.unit.tree import DOCKERFILES, Tree


@pytest.fixture(scope="session")
def whole(small: Project) -> Graph:
    return small.graph(small.matrix.buildable)


def folders(found: Graph) -> set[str]:
    return {target.recipe.name for target in found.targets.values()}


def test_every_name_resolves_to_a_target_that_comes_first(whole: Graph) -> None:
    seen: set[str] = set()
    for target in whole.targets.values():
        assert set(target.contexts.values()) <= seen
        seen.add(target.name)


def test_every_image_that_is_built_is_a_target(small: Project, whole: Graph) -> None:
    assert {t.name: t.cell for t in whole.targets.values() if t.cell} == {c.name: c for c in small.matrix.buildable}


def test_how_often_each_folder_is_built(whole: Graph) -> None:
    times = Counter(target.recipe.name for target in whole.targets.values())
    per_cell, per_version, per_line, per_stack, once = (
        {"spark": 12, "jupyter": 10},
        dict.fromkeys(("core", "distribution"), 3),
        dict.fromkeys(("gpu-jars", "lake-jars"), 2),
        dict.fromkeys(("rootfs", "os", "tools", "jdk", "cuda", "deps", "gpu-deps", "lake-deps"), 2),
        dict.fromkeys(("sealer", "conf", "drivers", "book", "lake-book"), 1),
    )
    assert times == {**per_cell, **per_version, **per_line, **per_stack, **once}


def test_baseline_reaches_no_feature(small: Project) -> None:
    reached = small.graph([cell_of(small.matrix, "9.0-baseline")])
    assert [name for name in folders(reached) if "lake" in name or "gpu" in name or name == "cuda"] == []


def test_a_feature_adds_exactly_its_layers(small: Project) -> None:
    baseline, lake = (
        set(small.graph([cell_of(small.matrix, f"9.1-{variant}")]).targets) for variant in ("baseline", "lake")
    )
    assert lake - baseline == {"spark-9.1-lake", "lake-jars-9", "lake-deps-3.11"}
    assert baseline - lake == {"spark-9.1"}


def test_what_layers_are_built_with_is_not_shipped(whole: Graph) -> None:
    assert set(whole.targets) - whole.shipped == {
        "tools-bookworm-java17",
        "tools-trixie-java21",
        "sealer",
        *(f"distribution-{spark}" for spark in ("9.0", "9.1", "10.0")),
    }


def test_of_levels_gives_what_is_shipped(small: Project) -> None:
    found = small.graph([cell_of(small.matrix, "9.0-baseline")])
    assert [target.name for target in found.of_levels(("runtime",))] == ["spark-9.0"]
    assert {t.recipe.name for t in found.of_levels(("base",))} == {"rootfs", "os", "jdk"}
    assert {t.recipe.name for t in found.of_levels(("intermediate",))} == {"deps", "drivers", "core", "conf"}


def test_a_closure_is_the_targets_and_all_that_they_are_built_from(whole: Graph) -> None:
    assert whole.closure([]) == set()
    assert whole.closure(["os-trixie"]) == {"os-trixie", "rootfs-trixie"}
    below = {"tools-bookworm-java17", "os-bookworm", "rootfs-bookworm"}
    assert whole.closure(["lake-jars-9", "jdk-17"]) == {"lake-jars-9", "jdk-17", *below}
    assert whole.closure(["jupyter-9.0"]) >= {"spark-9.0", "core-9.0", "distribution-9.0", *below}


def test_the_releases_are_those_of_the_root_file_systems_below(whole: Graph) -> None:
    """A layer of plain files is built on the first release, also where the image is of another."""
    suites = {name: whole.suites([whole.targets[name]]) for name in ("os-trixie", "core-9.0", "conf", "spark-10.0")}
    assert suites == {
        "os-trixie": ["trixie"],
        "core-9.0": ["bookworm"],
        "conf": ["bookworm"],
        "spark-10.0": ["bookworm", "trixie"],
    }
    assert whole.suites([]) == []


def test_what_lies_upon_nothing_needs_no_release(tree: Tree) -> None:
    tree.dockerfile("base/fonts", "FROM scratch\nCOPY fonts /\n")
    project = tree.dockerfile("runtime/app", DOCKERFILES["runtime/app"] + "COPY --from=fonts / /\n").load()
    found = project.graph(project.matrix.buildable)
    assert found.suites([found.targets["fonts"]]) == []


def test_each_target_has_the_platform_of_its_stack(small: Project) -> None:
    """There is one platform yet, so a matrix that no file holds gives the second."""
    stacks = {**small.matrix.stacks, "new": replace(small.matrix.stacks["new"], platform="linux/arm64")}
    matrix = replace(small.matrix, stacks=stacks)
    found = replace(small, matrix=matrix).graph(matrix.buildable).targets
    platforms = {name: found[name].platform for name in ("spark-9.0", "spark-10.0", "core-10.0")}
    assert platforms == {"spark-9.0": "linux/amd64", "spark-10.0": "linux/arm64", "core-10.0": "linux/arm64"}


def test_artefacts_are_named_with_their_hash(small: Project, whole: Graph) -> None:
    entry = small.locks["distribution"]["spark==10.0"]
    assert whole.targets["distribution-10.0"].arguments["ARTEFACTS"] == f"spark==10.0@sha256:{entry.sha256}"


def test_an_artefact_of_one_line_is_in_no_other(whole: Graph) -> None:
    artefacts = {spark: whole.targets[f"distribution-{spark}"].arguments["ARTEFACTS"] for spark in ("9.1", "10.0")}
    assert "group:connect_2.13:9.0@sha256:" in artefacts["9.1"]
    assert "connect" not in artefacts["10.0"]


def test_drivers_have_links_without_a_version(whole: Graph) -> None:
    links = whole.targets["drivers"].arguments["LINKS"].split()
    assert links == ["first=first-jdbc-1.0.jar", "second=second-jdbc-2.0-1.jar"]


def test_a_switch_is_true_for_its_variant_only(whole: Graph) -> None:
    switches = {name: whole.targets[name].arguments["ENABLE_LAKE"] for name in ("spark-9.0", "spark-9.0-lake")}
    assert switches == {"spark-9.0": "false", "spark-9.0-lake": "true"}
    assert whole.targets["spark-9.0-lake"].arguments["ENABLE_GPU"] == "false"


def test_a_value_is_an_argument_by_its_name_and_as_a_version(full: Tree) -> None:
    full.dockerfile("intermediate/gpu-jars", "FROM scratch\nARG SCALA_VERSION\nARG RAPIDS\nARG CUDA_VERSION\n")
    assert targets(full)["gpu-jars-9"].arguments == {"SCALA_VERSION": "2.13", "RAPIDS": "5.0", "CUDA_VERSION": "1.2"}


def test_a_value_of_a_feature_is_none_of_a_layer_without_it(full: Tree) -> None:
    full.dockerfile("base/tools", "FROM os\nARG JAVA_VERSION\nARG LAKE_VERSION\n")
    with pytest.raises(MatrixError, match=r'docker/base/tools/Dockerfile: ARG LAKE_VERSION: there is no value "LAKE_V'):
        full.load()


def targets(tree: Tree) -> dict[str, Target]:
    project = tree.load()
    return dict(project.graph(project.matrix.buildable).targets)


def test_the_small_project(tree: Tree) -> None:
    app = {"conf", "jdk-17", "os-bookworm", "tools-bookworm-java17"}
    assert {name: set(target.contexts.values()) for name, target in targets(tree).items()} == {
        "rootfs-bookworm": set(),
        "os-bookworm": {"rootfs-bookworm"},
        "tools-bookworm-java17": {"os-bookworm"},
        "sealer": {"os-bookworm"},
        "conf": {"sealer"},
        "jdk-17": {"tools-bookworm-java17"},
        "core-9.0": {"tools-bookworm-java17"},
        "core-9.1": {"tools-bookworm-java17"},
        "lake-jars-9": {"tools-bookworm-java17"},
        "app-9.0": {"core-9.0", *app},
        "app-9.1": {"core-9.1", *app},
        "app-9.0-lake": {"core-9.0", "lake-jars-9", *app},
        "app-9.1-lake": {"core-9.1", "lake-jars-9", *app},
    }


def test_the_same_tree_gives_the_same_order(tree: Tree) -> None:
    project = tree.load()
    cells = project.matrix.buildable
    assert list(project.graph(cells).targets) == list(project.graph(reversed(cells)).targets)


def test_what_the_tools_lie_upon_is_shipped_no_more_than_they_are(tree: Tree) -> None:
    tree.dockerfile("base/compilers", "FROM os\n").dockerfile("base/tools", "FROM compilers\n")
    project = tree.load()
    found = project.graph(project.matrix.buildable)
    assert set(found.targets) - found.shipped == {"compilers", "tools-bookworm-java17", "sealer"}


def test_what_a_stage_of_an_image_builds_with_is_not_shipped(tree: Tree) -> None:
    """The image copies from the stage, which made files of its own: its base and what it mounts stay behind."""
    tree.dockerfile("intermediate/extra", "FROM scratch\n")
    mounted = "--mount=type=bind,from=conf,target=/layers/conf --mount=type=bind,from=extra,target=/layers/extra"
    text = DOCKERFILES["runtime/app"].replace("--mount=type=bind,from=conf,target=/layers/conf", mounted)
    project = tree.dockerfile("runtime/app", text).load()
    found = project.graph(project.matrix.buildable)
    assert {"extra", "tools-bookworm-java17"} & found.shipped == set()
    assert "conf" in found.shipped  # the image copies it too


def test_a_layer_that_is_added_is_one_line(tree: Tree) -> None:
    tree.dockerfile("base/fonts", "FROM scratch\n")
    tree.dockerfile("runtime/app", DOCKERFILES["runtime/app"] + "COPY --from=fonts / /\n")
    assert targets(tree)["app-9.0"].contexts["fonts"] == "fonts"


def test_a_cycle(tree: Tree) -> None:
    with pytest.raises(
        SparkImagesError, match=r"refer to each other in a circle: .*(os-bookworm -> .*tools|tools.* -> os-bookworm)"
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
    tree.dockerfile("base/tools", "FROM os\nARG OTHER=1\n")
    assert targets(tree)["tools-bookworm-java17"].arguments == {}


def test_one_name_for_two_builds_names_the_argument_that_differs(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.dockerfile("base/tools", "FROM os\nARG SPARK_VERSION\n").load()
    assert 'the name "tools-bookworm-java17" stands for two builds: SPARK_VERSION is "9.' in str(raised.value)
    assert str(raised.value).endswith("Put the value that differs into the name")


def test_one_name_for_two_builds_names_the_layers_that_differ(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'the name "\S+" stands for two builds: it is built from .*core-9'):
        tree.dockerfile("base/tools", "FROM core\n").dockerfile("intermediate/core", "FROM os\n").load()


def test_the_value_in_the_name_makes_two_of_it(tree: Tree) -> None:
    tree.dockerfile("base/tools", "FROM os\nARG SPARK_VERSION\n")
    tree.toml('name = "tools-{debian}-java{java}"', 'name = "tools-{spark}"')
    for layer in ("lake-jars-{line}", "jdk-{java}"):
        tree.toml(f'name = "{layer}"', f'name = "{layer}-{{spark}}"')
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


BOOK = '[images.book]\ntitle = "Book"\nname = "book-{spark}{suffix}"\nkey = "book-{spark}-{variant}"\n'


def with_book(tree: Tree) -> Tree:
    return tree.toml("[labels]", f"{BOOK}\n[labels]").toml("{ app = 100 }", "{ app = 100, book = 200 }")


def test_an_image_without_a_folder(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        with_book(tree).load()
    assert str(raised.value) == "images.toml: [images.book]: there is no docker/runtime/book/Dockerfile"


def test_an_image_may_lie_upon_another_of_its_cell(tree: Tree) -> None:
    with_book(tree).dockerfile("runtime/book", "FROM app\n")
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
