from collections import Counter
from dataclasses import replace

import pytest

from spark_images.errors import MatrixError, SparkImagesError
from spark_images.matrix.selection import cell_of
from spark_images.plan import graph
from spark_images.plan.graph import Graph, Target
from spark_images.plan.project import Project
from tests.unit.tree import DOCKERFILES, Tree, on_platform


@pytest.fixture(scope="session")
def whole(small: Project) -> Graph:
    return small.graph(small.matrix.buildable)


def folders(found: Graph) -> set[str]:
    return {target.recipe.name for target in found.targets.values()}


def test_dependencies_come_first(whole: Graph) -> None:
    seen: set[str] = set()
    for target in whole.targets.values():
        assert set(target.contexts.values()) <= seen
        seen.add(target.name)


def test_every_buildable_cell_is_a_target(small: Project, whole: Graph) -> None:
    assert {t.name: t.cell for t in whole.targets.values() if t.cell} == {c.name: c for c in small.matrix.buildable}


def test_each_folder_is_built_as_often_as_expected(whole: Graph) -> None:
    times = Counter(target.recipe.name for target in whole.targets.values())
    per_cell, per_version, per_line, per_stack, once = (
        {"spark": 12, "jupyter": 10},
        dict.fromkeys(("core", "distribution"), 3),
        dict.fromkeys(("gpu-jars", "lake-jars"), 2),
        dict.fromkeys(("rootfs", "os", "tools", "jdk", "cuda", "deps", "gpu-deps", "lake-deps"), 2),
        dict.fromkeys(("sealer", "conf", "drivers", "book", "lake-book"), 1),
    )
    assert times == {**per_cell, **per_version, **per_line, **per_stack, **once}


def test_baseline_has_no_layer_of_a_feature(small: Project) -> None:
    reached = small.graph([cell_of(small.matrix, "9.0-baseline")])
    assert [name for name in folders(reached) if "lake" in name or "gpu" in name or name == "cuda"] == []


def test_feature_adds_exactly_its_layers(small: Project) -> None:
    baseline, lake = (
        set(small.graph([cell_of(small.matrix, f"9.1-{variant}")]).targets) for variant in ("baseline", "lake")
    )
    assert lake - baseline == {"spark-9.1-lake", "lake-jars-9", "lake-deps-3.11"}
    assert baseline - lake == {"spark-9.1"}


def test_build_time_dependencies_are_not_shipped(whole: Graph) -> None:
    assert set(whole.targets) - whole.shipped == {
        "tools-bookworm-java17",
        "tools-trixie-java21",
        "sealer",
        *(f"distribution-{spark}" for spark in ("9.0", "9.1", "10.0")),
    }


def test_of_levels_returns_only_shipped_targets(small: Project) -> None:
    found = small.graph([cell_of(small.matrix, "9.0-baseline")])
    assert [target.name for target in found.of_levels(("runtime",))] == ["spark-9.0"]
    assert {t.recipe.name for t in found.of_levels(("base",))} == {"rootfs", "os", "jdk"}
    assert {t.recipe.name for t in found.of_levels(("intermediate",))} == {"deps", "drivers", "core", "conf"}


def test_closure_has_the_targets_and_their_dependencies(whole: Graph) -> None:
    assert whole.closure([]) == set()
    assert whole.closure(["os-trixie"]) == {"os-trixie", "rootfs-trixie"}
    below = {"tools-bookworm-java17", "os-bookworm", "rootfs-bookworm"}
    assert whole.closure(["lake-jars-9", "jdk-17"]) == {"lake-jars-9", "jdk-17", *below}
    assert whole.closure(["jupyter-9.0"]) >= {"spark-9.0", "core-9.0", "distribution-9.0", *below}


def test_suites_are_the_releases_of_the_root_file_systems(whole: Graph) -> None:
    """A layer of plain files is built on the first release, even for images of another release."""
    suites = {name: whole.suites([whole.targets[name]]) for name in ("os-trixie", "core-9.0", "conf", "spark-10.0")}
    assert suites == {
        "os-trixie": ["trixie"],
        "core-9.0": ["bookworm"],
        "conf": ["bookworm"],
        "spark-10.0": ["bookworm", "trixie"],
    }
    assert whole.suites([]) == []


def test_target_without_a_base_needs_no_release(tree: Tree) -> None:
    tree.dockerfile("base/fonts", "FROM scratch\nCOPY fonts /\n")
    project = tree.dockerfile("runtime/app", DOCKERFILES["runtime/app"] + "COPY --from=fonts / /\n").load()
    found = project.graph(project.matrix.buildable)
    assert found.suites([found.targets["fonts"]]) == []


def test_target_has_the_platform_of_its_stack(small: Project) -> None:
    """Only one platform exists, so this test changes the loaded matrix to get a second one."""
    matrix = on_platform(small.matrix, "new", "linux/arm64")
    found = replace(small, matrix=matrix).graph(matrix.buildable).targets
    platforms = {name: found[name].platform for name in ("spark-9.0", "spark-10.0", "core-10.0")}
    assert platforms == {"spark-9.0": "linux/amd64", "spark-10.0": "linux/arm64", "core-10.0": "linux/arm64"}


def test_artefacts_are_passed_with_their_hash(small: Project, whole: Graph) -> None:
    entry = small.locks["distribution"]["spark==10.0"]
    assert whole.targets["distribution-10.0"].arguments["ARTEFACTS"] == f"spark==10.0@sha256:{entry.sha256}"


def test_artefact_with_a_line_is_only_in_that_line(whole: Graph) -> None:
    artefacts = {spark: whole.targets[f"distribution-{spark}"].arguments["ARTEFACTS"] for spark in ("9.1", "10.0")}
    assert "org.apache.spark:connect_2.13:9.0@sha256:" in artefacts["9.1"]
    assert "connect" not in artefacts["10.0"]


def test_driver_links_have_no_version(whole: Graph) -> None:
    links = whole.targets["drivers"].arguments["LINKS"].split()
    assert links == ["first=first-jdbc-1.0.jar", "second=second-jdbc-2.0-1.jar"]


def test_switch_is_true_only_for_its_variant(whole: Graph) -> None:
    switches = {name: whole.targets[name].arguments["ENABLE_LAKE"] for name in ("spark-9.0", "spark-9.0-lake")}
    assert switches == {"spark-9.0": "false", "spark-9.0-lake": "true"}
    assert whole.targets["spark-9.0-lake"].arguments["ENABLE_GPU"] == "false"


def test_value_is_available_as_name_and_as_version_argument(full: Tree) -> None:
    full.dockerfile("intermediate/gpu-jars", "FROM scratch\nARG SCALA_VERSION\nARG RAPIDS\nARG CUDA_VERSION\n")
    assert targets(full)["gpu-jars-9"].arguments == {"SCALA_VERSION": "2.13", "RAPIDS": "5.0", "CUDA_VERSION": "1.2"}


def test_layer_of_every_image_has_no_value_of_a_feature(full: Tree) -> None:
    full.dockerfile("base/tools", "FROM os\nARG JAVA_VERSION\nARG LAKE_VERSION\n")
    with pytest.raises(MatrixError, match=r'docker/base/tools/Dockerfile: ARG LAKE_VERSION: unknown value "LAKE_V'):
        full.load()


def targets(tree: Tree) -> dict[str, Target]:
    project = tree.load()
    return dict(project.graph(project.matrix.buildable).targets)


def test_small_project_has_the_expected_graph(tree: Tree) -> None:
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


def test_order_does_not_depend_on_the_order_of_cells(tree: Tree) -> None:
    project = tree.load()
    cells = project.matrix.buildable
    assert list(project.graph(cells).targets) == list(project.graph(reversed(cells)).targets)


def test_base_of_a_build_time_dependency_is_not_shipped(tree: Tree) -> None:
    tree.dockerfile("base/compilers", "FROM os\n").dockerfile("base/tools", "FROM compilers\n")
    project = tree.load()
    found = project.graph(project.matrix.buildable)
    assert set(found.targets) - found.shipped == {"compilers", "tools-bookworm-java17", "sealer"}


def test_dependencies_of_a_building_stage_of_an_image_are_not_shipped(tree: Tree) -> None:
    """The image copies the files that the stage created, but not its base or the layers that it mounts."""
    tree.dockerfile("intermediate/extra", "FROM scratch\n")
    mounted = "--mount=type=bind,from=conf,target=/layers/conf --mount=type=bind,from=extra,target=/layers/extra"
    text = DOCKERFILES["runtime/app"].replace("--mount=type=bind,from=conf,target=/layers/conf", mounted)
    project = tree.dockerfile("runtime/app", text).load()
    found = project.graph(project.matrix.buildable)
    assert {"extra", "tools-bookworm-java17"} & found.shipped == set()
    assert "conf" in found.shipped  # the image also copies it


def test_adding_a_layer_takes_one_line(tree: Tree) -> None:
    tree.dockerfile("base/fonts", "FROM scratch\n")
    tree.dockerfile("runtime/app", DOCKERFILES["runtime/app"] + "COPY --from=fonts / /\n")
    assert targets(tree)["app-9.0"].contexts["fonts"] == "fonts"


def test_cycle_is_an_error(tree: Tree) -> None:
    with pytest.raises(SparkImagesError, match=r"form a cycle: .*(os-bookworm -> .*tools|tools.* -> os-bookworm)"):
        tree.dockerfile("base/os", "FROM tools\n").load()


def test_unknown_folder_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.dockerfile("base/tools", "FROM oss\n").load()
    assert str(raised.value).startswith('docker/base/tools/Dockerfile: unknown folder "oss"; expected one of ')
    assert str(raised.value).endswith('(did you mean "os"?)')


def test_stage_with_the_name_of_a_folder_is_an_error(tree: Tree) -> None:
    with pytest.raises(SparkImagesError) as raised:
        tree.dockerfile("base/tools", "FROM scratch AS core\nFROM os\n").load()
    assert str(raised.value) == 'docker/base/tools/Dockerfile: the stage "core" has the name of a folder: rename it'


def test_argument_without_a_value_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.dockerfile("base/tools", "FROM os\nARG SCALLA_VERSION\n").load()
    assert str(raised.value).startswith(
        'docker/base/tools/Dockerfile: ARG SCALLA_VERSION: unknown value "SCALLA_VERSION"'
    )
    assert str(raised.value).endswith('(did you mean "SCALA_VERSION"?)')


def test_argument_with_a_default_needs_no_value(tree: Tree) -> None:
    tree.dockerfile("base/tools", "FROM os\nARG OTHER=1\n")
    assert targets(tree)["tools-bookworm-java17"].arguments == {}


def test_error_for_one_name_of_two_builds_names_the_differing_argument(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.dockerfile("base/tools", "FROM os\nARG SPARK_VERSION\n").load()
    assert 'two different builds have the name "tools-bookworm-java17": SPARK_VERSION is "9.' in str(raised.value)
    assert str(raised.value).endswith("Put the value that differs into the name")


def test_error_for_one_name_of_two_builds_names_the_differing_layers(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'two different builds have the name "\S+": one is built from .*core-9'):
        tree.dockerfile("base/tools", "FROM core\n").dockerfile("intermediate/core", "FROM os\n").load()


def test_value_in_the_name_makes_two_targets(tree: Tree) -> None:
    tree.dockerfile("base/tools", "FROM os\nARG SPARK_VERSION\n")
    tree.toml('name = "tools-{debian}-java{java}"', 'name = "tools-{spark}"')
    for layer in ("lake-jars-{line}", "jdk-{java}"):
        tree.toml(f'name = "{layer}"', f'name = "{layer}-{{spark}}"')
    assert {"tools-9.0", "tools-9.1"} <= set(targets(tree))


def test_two_layers_with_one_name_are_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'two different builds have the name "core-9'):
        tree.toml('name = "lake-jars-{line}"', 'name = "core-{spark}"').load()


def test_artefact_without_a_lock_entry_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml("group:core:{spark}", "group:core:{spark}.1").load()
    assert "images.toml: [layers.core] artefacts: group:core:9." in str(raised.value)
    assert "has no entry in its lock: run `inv lock.update --only artefacts`" in str(raised.value)


def test_artefact_of_a_feature_without_a_lock_entry_names_its_table(full: Tree) -> None:
    (full.root / "docker/intermediate/lake-jars/artefacts.lock").unlink()
    with pytest.raises(MatrixError) as raised:
        full.load()
    assert str(raised.value).startswith("images.toml: [features.lake.layers.lake-jars] artefacts: group:lake_")


def test_layer_without_a_lock_is_an_error(tree: Tree) -> None:
    (tree.root / "docker/intermediate/core/artefacts.lock").unlink()
    with pytest.raises(MatrixError, match="has no entry in its lock"):
        tree.load()


def test_outdated_lock_can_be_loaded_for_an_update(tree: Tree) -> None:
    assert tree.toml("group:core:{spark}", "group:core:{spark}.1").load(locked=False).locks


def test_table_of_a_layer_without_a_folder_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml("[layers.core]", "[layers.cor]\n[layers.core]").load()
    assert str(raised.value).startswith('images.toml: [layers.cor]: unknown folder "cor"')
    assert str(raised.value).endswith('(did you mean "core"?)')


def test_table_of_a_features_layer_without_a_folder_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(
            "[features.lake.layers.lake-jars]", "[features.lake.layers.lake-jasr]\n\n[features.lake.layers.lake-jars]"
        ).load()
    assert str(raised.value).startswith('images.toml: [features.lake.layers.lake-jasr]: unknown folder "lake-jasr"')


def test_feature_without_a_switch_is_an_error(tree: Tree) -> None:
    tree.dockerfile("runtime/app", "FROM os\nCOPY --from=core / /\n")
    with pytest.raises(MatrixError) as raised:
        tree.load()
    assert str(raised.value) == (
        "images.toml: [features.lake]: the feature adds no layer to 9.0-lake: "
        "docker/runtime/app/Dockerfile has no stage that ENABLE_LAKE=true adds"
    )


def test_switch_that_adds_no_layer_is_an_error(tree: Tree) -> None:
    tree.dockerfile("runtime/app", DOCKERFILES["runtime/app"].replace("FROM lake-jars", "FROM scratch"))
    with pytest.raises(MatrixError, match=r"\[features\.lake\]: the feature adds no layer to 9\.0-lake"):
        tree.load()


def test_refused_variant_needs_no_layer(tree: Tree) -> None:
    tree.dockerfile("runtime/app", "FROM os\nCOPY --from=core / /\n")
    tree.toml("[settings]", 'refusals = [{ feature = "lake", reason = "not yet" }]\n[settings]')
    assert [cell.key for cell in tree.load().matrix.buildable] == ["9.0-baseline", "9.1-baseline"]


BOOK = '[images.book]\ntitle = "Book"\nname = "book-{spark}{suffix}"\nkey = "book-{spark}-{variant}"\n'


def with_book(tree: Tree) -> Tree:
    return tree.toml("[labels]", f"{BOOK}\n[labels]").toml("{ app = 100 }", "{ app = 100, book = 200 }")


def test_image_without_a_folder_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        with_book(tree).load()
    assert str(raised.value) == "images.toml: [images.book]: there is no docker/runtime/book/Dockerfile"


def test_image_can_be_based_on_another_kind(tree: Tree) -> None:
    with_book(tree).dockerfile("runtime/book", "FROM app\n")
    assert targets(tree)["book-9.0-lake"].contexts == {"app": "app-9.0-lake"}


def test_adding_a_spark_version_takes_one_table(tree: Tree) -> None:
    tree.toml('[spark."9.1"]', '[spark."9.2"]\nline = "9"\nreleased = 2026-01-02\n\n[spark."9.1"]')
    assert "9.2-lake" in {cell.key for cell in tree.matrix().cells}
    with pytest.raises(MatrixError, match=r"group:core:9\.2 has no entry in its lock"):
        tree.load()


@pytest.mark.parametrize(
    ("coordinate", "name"),
    [
        ("org.x:y:1.0", "y-1.0.jar"),
        ("org.x:y:1.0:runner", "y-1.0-runner.jar"),
        ("com.v:vertica-jdbc:25.3.0-0", "vertica-jdbc-25.3.0-0.jar"),
    ],
)
def test_file_name_is_that_of_the_maven_repository(coordinate: str, name: str) -> None:
    assert graph.file_name(coordinate) == name
