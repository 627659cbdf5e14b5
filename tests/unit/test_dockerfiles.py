import re
from pathlib import Path

import pytest

from spark_images import ROOT
from spark_images.errors import SparkImagesError
from spark_images.recipes.dockerfiles import Recipe, parse
from tests.unit.tree import Tree

DOCKERFILES = sorted((ROOT / "docker").glob("*/*/Dockerfile"))
each_dockerfile = pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)


def read(text: str, kind: str = "runtime") -> Recipe:
    return parse("app", kind, Path("docker/runtime/app"), text)


SWITCH = """
ARG ENABLE_X=false
FROM scratch AS x-false
FROM jars AS x-true
FROM x-${ENABLE_X} AS x
FROM os
COPY --from=x / /
"""


def test_switch_that_is_off_reaches_no_layer() -> None:
    assert set(read(SWITCH).reached({"ENABLE_X": "false"})) == {("os", True)}


def test_switch_that_is_on_reaches_its_layer() -> None:
    assert set(read(SWITCH).reached({"ENABLE_X": "true"})) == {("os", True), ("jars", True)}


def test_argument_without_a_value_uses_its_default() -> None:
    assert set(read(SWITCH).reached({})) == {("os", True)}


def test_declaring_an_argument_again_keeps_its_default() -> None:
    assert read('ARG A="1"\nARG B\nFROM a-$A\nARG A\nARG B=2\nARG C\n').arguments == {"A": "1", "B": "2", "C": None}


def test_from_with_an_argument_without_a_value_is_an_error() -> None:
    with pytest.raises(SparkImagesError, match=r"docker/runtime/app/Dockerfile: a-\$A: the argument A has no value"):
        list(read("ARG A\nFROM a-$A\n").reached({}))


@pytest.mark.parametrize(
    "instruction",
    [
        "COPY --from=other / /",
        "COPY --link --from=other / /",
        "ADD --from=other / /",
        "RUN --mount=type=bind,from=other,target=/mnt true",
        "RUN --mount=from=other,target=/mnt true",
        "RUN --mount=type=cache,target=/a --mount=type=bind,target=/b,from=other true",
        "RUN --mount=from=other,target=/mnt <<'SH'\ntrue\nSH",
    ],
)
def test_instruction_names_its_source(instruction: str) -> None:
    assert [stage.sources for stage in read(f"FROM os\n{instruction}\n").stages] == [("other",)]


@pytest.mark.parametrize("instruction", ["RUN --mount=type=secret,id=ca,target=/from true", "COPY from=other /"])
def test_similar_instruction_names_no_source(instruction: str) -> None:
    assert read(f"FROM os\n{instruction}\n").stages[0].sources == ()


def test_unused_stage_is_not_reached() -> None:
    assert set(read("FROM unused AS a\nFROM b AS c\nFROM os\nCOPY --from=c / /\n").reached({})) == {
        ("os", True),
        ("b", True),
    }


def test_layer_ships_its_base_but_not_its_build_time_dependencies() -> None:
    text = "FROM tools AS files\nFROM os\nCOPY --from=files / /\n"
    assert set(read(text, "intermediate").reached({})) == {("os", True), ("tools", False)}


def test_base_that_is_also_a_build_time_dependency_is_both() -> None:
    text = "FROM os AS files\nFROM os\nCOPY --from=files / /\n"
    assert set(read(text, "intermediate").reached({})) == {("os", True), ("os", False)}


def test_composed_of_follows_aliases_in_order() -> None:
    recipe = read("FROM jars AS a\nFROM scratch AS b\nFROM os\nCOPY --from=b / /\nCOPY --from=a / /\n")
    assert list(recipe.composed_of({})) == [("os", False), ("scratch", True), ("jars", True)]


BUILT = """
FROM tools AS made
COPY --from=jars /jars /layer
RUN --mount=type=bind,from=conf,target=/conf merge
FROM os
COPY --from=made /layer /
"""


@pytest.mark.parametrize(
    ("instruction", "builds"),
    [
        ("RUN true", True),
        ("COPY a /", True),
        ("ADD a.tar /", True),
        ("COPY --from=b / /", True),
        ("ENV A=1", False),
        ("ARG A", False),
        ("", False),
    ],
)
def test_stage_that_creates_files_builds(instruction: str, builds: bool) -> None:
    assert read(f"FROM os AS a\n{instruction}\nFROM os\n").stages[0].builds is builds


@pytest.mark.parametrize("level", ["runtime", "intermediate"])
def test_base_and_sources_of_a_building_stage_are_not_shipped(level: str) -> None:
    """A runtime image ships what it copies. Here it copies the files of a stage, which is not a folder."""
    assert set(read(BUILT, level).reached({})) == {("os", True), ("tools", False), ("jars", False), ("conf", False)}


def test_base_of_an_alias_is_shipped() -> None:
    text = "FROM jars AS alias\nFROM os\nCOPY --from=alias / /\n"
    assert set(read(text).reached({})) == {("os", True), ("jars", True)}


def test_stage_based_on_a_building_stage_does_not_ship_its_base() -> None:
    text = "FROM tools AS made\nRUN make\nFROM made AS more\nFROM os\nCOPY --from=more / /\n"
    assert set(read(text).reached({})) == {("os", True), ("tools", False)}


def test_image_ships_a_layer_that_it_copies_and_builds_with() -> None:
    assert set(read(BUILT + "COPY --from=conf / /\n").reached({})) >= {("conf", True), ("conf", False)}


def test_composed_of_yields_the_name_of_a_building_stage() -> None:
    assert list(read(BUILT).composed_of({})) == [("os", False), ("made", True)]


def test_composed_of_yields_the_name_of_a_building_base() -> None:
    assert list(read("FROM tools AS made\nRUN make\nFROM made\n").composed_of({})) == [("made", False)]


@pytest.mark.parametrize(("text", "reason"), [("ARG A=1\n", "it has no FROM"), ("", "file with no instructions")])
def test_invalid_dockerfile_is_an_error(text: str, reason: str) -> None:
    with pytest.raises(SparkImagesError, match=f"^docker/runtime/app/Dockerfile: .*{reason}"):
        read(text)


def test_instruction_before_the_first_from_is_an_error() -> None:
    with pytest.raises(SparkImagesError, match="docker/runtime/app/Dockerfile"):
        read("RUN true\nFROM os\n")


def test_two_folders_with_one_name_are_an_error(tree: Tree) -> None:
    with pytest.raises(SparkImagesError) as raised:
        tree.dockerfile("intermediate/os", "FROM scratch\n").load()
    assert str(raised.value) == 'docker/intermediate/os: the name "os" is already used by docker/base/os'


def test_features_are_the_switches_of_runtime_images(tree: Tree) -> None:
    recipes = tree.dockerfile("base/os", "FROM rootfs\nARG ENABLE_OTHER=false\n").load().recipes
    assert recipes.features == {"lake"}


@each_dockerfile
def test_dockerfile_has_no_version_as_a_default(file: Path) -> None:
    recipe = parse(file.parent.name, file.parent.parent.name, file.parent, file.read_text())
    assert [a for a, default in recipe.arguments.items() if a.endswith("_VERSION") and default is not None] == []


@each_dockerfile
def test_dockerfile_chains_no_commands(file: Path) -> None:
    assert re.findall(r"^.*(?:&&|;)\s*\\$", file.read_text(), re.MULTILINE) == []


@each_dockerfile
def test_scripts_stop_at_the_first_error(file: Path) -> None:
    scripts = re.findall(r"<<'?SH'?\n(.*?)^SH$", file.read_text(), re.DOTALL | re.MULTILINE)
    assert [script for script in scripts if not script.startswith("set -eu\n")] == []


@each_dockerfile
def test_dockerfile_needs_no_registry(file: Path) -> None:
    assert "syntax=" not in file.read_text()


@each_dockerfile
def test_dockerfile_begins_with_a_comment(file: Path) -> None:
    assert file.read_text().startswith("# ")
