import copy
import re
import time
from dataclasses import replace
from typing import Any

import pytest

from spark_images.plan import bake
from spark_images.plan.bake import Output, Stamp
from spark_images.plan.graph import LAYER_EPOCH
from spark_images.plan.project import Project
from tests.unit.tree import DOCKERFILES, Tree, on_platform

REVISION = "0123abc"
IMAGE = "debian:bookworm-slim@sha256:0f"


@pytest.fixture(scope="session")
def whole(small: Project) -> Any:
    return defined(small, REVISION)


def defined(project: Project, revision: str) -> Any:
    """Returns the definition that builds every image of a project at a commit."""
    graph = project.graph(project.matrix.buildable)
    requested = graph.of_levels(("runtime",))
    stamp, output = Stamp(revision, 7), Output("type=image")
    return bake.definition(project.matrix, graph, requested, stamp, output, "rootfs/{}".format)


def test_target_names_have_only_characters_that_bake_allows(whole: Any) -> None:
    names = [*whole["target"], *whole["group"]["default"]["targets"]]
    assert [name for name in names if not re.fullmatch(r"[a-zA-Z0-9_-]+", name)] == []


def test_each_name_has_its_own_bake_target(small: Project, whole: Any) -> None:
    assert len(whole["target"]) == len(small.graph(small.matrix.buildable).targets)


def test_group_has_the_requested_targets(small: Project, whole: Any) -> None:
    assert whole["group"]["default"]["targets"] == sorted(bake.identifier(c.name) for c in small.matrix.buildable)


def test_contexts_are_targets_of_the_definition(whole: Any) -> None:
    linked = [context for target in whole["target"].values() for context in target["contexts"].values()]
    assert linked
    assert [context for context in linked if context.removeprefix("target:") not in whole["target"]] == []
    assert all(context.startswith("target:") for context in linked)


def test_contexts_have_the_names_in_the_dockerfile(whole: Any) -> None:
    assert whole["target"]["spark-9_0"]["contexts"]["core"] == "target:core-9_0"


def test_only_requested_targets_are_exported(whole: Any) -> None:
    outputs = {name: target["output"] for name, target in whole["target"].items()}
    requested = set(whole["group"]["default"]["targets"])
    assert {name for name, output in outputs.items() if output == ["type=image"]} == requested
    assert {name for name, output in outputs.items() if output == ["type=cacheonly"]} == set(outputs) - requested


def test_no_target_has_a_tag(whole: Any) -> None:
    assert [name for name, target in whole["target"].items() if "tags" in target] == []


def test_targets_have_only_keys_that_bake_accepts(whole: Any) -> None:
    assert {key for target in whole["target"].values() for key in target} == {
        "context",
        "contexts",
        "platforms",
        "args",
        "labels",
        "output",
    }


def test_images_have_the_date_of_the_commit_and_layers_a_fixed_date(whole: Any) -> None:
    requested = whole["group"]["default"]["targets"]
    dates = {name: target["args"]["SOURCE_DATE_EPOCH"] for name, target in whole["target"].items()}
    assert {dates[name] for name in requested} == {"7"}
    assert {date for name, date in dates.items() if name not in requested} == {LAYER_EPOCH}


def test_arguments_are_strings(whole: Any) -> None:
    values = [value for target in whole["target"].values() for value in target["args"].values()]
    assert [value for value in values if not isinstance(value, str)] == []


def test_image_has_the_expected_labels(whole: Any) -> None:
    assert whole["target"]["spark-9_0-lake"]["labels"] == {
        "revision": REVISION,
        "version": "9.0-lake",
        "scala": "2.13",
        "cell": "9.0-lake",
        "lake": "1.0",
    }
    assert "lake" not in whole["target"]["spark-9_0"]["labels"]


def test_layers_have_no_labels_with_a_commit(whole: Any) -> None:
    requested = whole["group"]["default"]["targets"]
    labels = [set(target["labels"]) for name, target in whole["target"].items() if name not in requested]
    assert all(names == {"org.opencontainers.image.title"} for names in labels)


def test_no_two_targets_have_the_same_labels(whole: Any) -> None:
    """The engine can fail if it exports two layers with the same digest at the same time."""
    seen = [tuple(sorted(target["labels"].items())) for target in whole["target"].values()]
    assert len(set(seen)) == len(seen)


def test_empty_labels_are_omitted(tree: Tree) -> None:
    assert tree.bake()["target"]["app-9_0"]["labels"] == {"version": "9.0", "revision": "abc"}


@pytest.mark.parametrize(
    ("epoch", "created"), [(1767312000, "2026-01-02T00:00:00Z"), (1, "1970-01-01T00:00:01Z"), (0, "")]
)
def test_created_is_the_time_of_the_commit_in_utc(monkeypatch: pytest.MonkeyPatch, epoch: int, created: str) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert Stamp("abc", epoch).created == created
    finally:
        monkeypatch.undo()
        time.tzset()


def labelled(tree: Tree, template: str, environment: dict[str, str] | None = None) -> str | None:
    """Returns the label `x` of an image whose template is this, or None if the image has no such label."""
    tree.toml('"source" = "{source}"', f'"x" = "{template}"')
    found: str | None = tree.bake(environment)["target"]["app-9_0-lake"]["labels"].get("x")
    return found


def test_label_can_contain_the_time_of_the_commit(tree: Tree) -> None:
    assert labelled(tree, "{created}") == "1970-01-01T00:00:07Z"


@pytest.mark.parametrize("name", ["vendor", "documentation", "os_image_name", "os_image_digest"])
def test_label_of_an_empty_setting_is_omitted(tree: Tree, name: str) -> None:
    assert labelled(tree, f"{{{name}}}") is None


@pytest.mark.parametrize(
    ("template", "setting", "given", "label"),
    [
        ("{vendor}", "VENDOR", "A Team", "A Team"),
        ("{documentation}", "DOCUMENTATION", "https://docs.example/spark", "https://docs.example/spark"),
        ("{os_image_name} {os_image_digest}", "OS_IMAGE", f"bookworm={IMAGE}", "debian:bookworm-slim sha256:0f"),
        ("{os_image_name}", "OS_IMAGE", "bookworm=r.example:5000/debian", "r.example:5000/debian"),
        ("{os_image_digest}", "OS_IMAGE", "bookworm=debian:bookworm", None),
    ],
)
def test_label_can_contain_a_setting(tree: Tree, template: str, setting: str, given: str, label: str | None) -> None:
    assert labelled(tree, template, {f"SPARK_IMAGES_{setting}": given}) == label


def test_description_can_list_the_features(tree: Tree) -> None:
    assert labelled(tree, "{title}{adds} on Debian {debian_number}") == "App 9.0, Lake 1.0 for 2.13 on Debian 12"
    assert tree.bake()["target"]["app-9_0"]["labels"]["x"] == "App 9.0 on Debian 12"


def test_commit_changes_no_label_of_a_layer(small: Project) -> None:
    graph = small.graph(small.matrix.buildable)
    requested = graph.of_levels(("runtime",))
    one, other = (
        bake.definition(small.matrix, graph, requested, stamp, Output("type=image"), "rootfs/{}".format)
        for stamp in (Stamp("one", 7), Stamp("two", 8))
    )
    changed = {name for name in one["target"] if one["target"][name] != other["target"][name]}
    assert changed == set(one["group"]["default"]["targets"])


def test_bake_variables_are_escaped(tree: Tree) -> None:
    tree.toml('"source" = "{source}"', '"source" = "${{HOME}}"')
    assert tree.bake()["target"]["app-9_0"]["labels"]["source"] == "$${HOME}"


def test_hcl_directives_are_escaped(tree: Tree) -> None:
    tree.toml('"source" = "{source}"', '"source" = "%{{if}}"')
    assert tree.bake()["target"]["app-9_0"]["labels"]["source"] == "%%{if}"


def test_context_of_a_target_is_its_folder(whole: Any, small: Project) -> None:
    folders = {str(recipe.folder) for name, recipe in small.recipes.by_name.items() if name != "rootfs"}
    assert {t["context"] for t in whole["target"].values()} == {*folders, "rootfs/bookworm", "rootfs/trixie"}
    assert whole["target"]["deps-3_11"]["context"] == "docker/intermediate/deps"
    assert whole["target"]["rootfs-trixie"]["context"] == "rootfs/trixie"


def test_every_target_has_its_platform(small: Project, whole: Any) -> None:
    assert {tuple(target["platforms"]) for target in whole["target"].values()} == {("linux/amd64",)}
    other = replace(small, matrix=on_platform(small.matrix, "new", "linux/arm64"))
    platforms = {name: target["platforms"] for name, target in defined(other, REVISION)["target"].items()}
    assert platforms["spark-9_0"] == ["linux/amd64"]
    assert platforms["spark-10_0"] == platforms["core-10_0"] == platforms["rootfs-trixie"] == ["linux/arm64"]


def test_no_folder_contains_the_folder_of_another_target(whole: Any, small: Project) -> None:
    folders = [recipe.folder for recipe in small.recipes.by_name.values()]
    assert [(a, b) for a in folders for b in folders if a != b and a in b.parents] == []


def test_new_commit_changes_only_the_requested_images(small: Project) -> None:
    one, other = (defined(small, revision) for revision in ("one", "other"))
    changed = {name for name in one["target"] if one["target"][name] != other["target"][name]}
    assert changed == set(one["group"]["default"]["targets"])


def test_new_artefact_changes_only_its_layer(tree: Tree) -> None:
    before = tree.bake()
    lock = tree.root / "docker/intermediate/core/artefacts.lock"
    lock.write_text(lock.read_text().replace("90" * 32, "ab" * 32))
    after = tree.bake()
    assert [name for name in before["target"] if before["target"][name] != after["target"][name]] == ["core-9_0"]


def test_changed_reference_changes_the_contexts(tree: Tree) -> None:
    assert tree.bake()["target"]["core-9_0"]["contexts"] == {"tools": "target:tools-bookworm-java17"}
    tree.dockerfile("intermediate/core", DOCKERFILES["intermediate/core"].replace("FROM tools", "FROM os"))
    assert tree.bake()["target"]["core-9_0"]["contexts"] == {"os": "target:os-bookworm"}


def test_definition_has_only_needed_targets(tree: Tree) -> None:
    definition = tree.bake(kinds=("base",))
    asked = ["jdk-17", "os-bookworm", "rootfs-bookworm"]
    assert definition["group"]["default"]["targets"] == asked
    assert set(definition["target"]) == {*asked, "tools-bookworm-java17"}


def test_os_image_replaces_the_root_file_system(tree: Tree) -> None:
    definition = tree.bake({"SPARK_IMAGES_OS_IMAGE": f"bookworm={IMAGE}"})
    assert definition["target"]["os-bookworm"]["contexts"] == {"rootfs": f"docker-image://{IMAGE}"}
    assert "rootfs-bookworm" not in definition["target"]


def test_an_os_image_replaces_only_its_debian_release(full: Tree) -> None:
    full.toml('"source" = "{source}"', '"base" = "{os_image_name} {os_image_digest}"')
    targets = full.bake({"SPARK_IMAGES_OS_IMAGE": "trixie=debian:trixie-slim@sha256:0e"})["target"]
    assert targets["os-trixie"]["contexts"] == {"rootfs": "docker-image://debian:trixie-slim@sha256:0e"}
    assert targets["os-bookworm"]["contexts"] == {"rootfs": "target:rootfs-bookworm"}
    assert "rootfs-bookworm" in targets
    assert "rootfs-trixie" not in targets
    assert targets["spark-10_0"]["labels"]["base"] == "debian:trixie-slim sha256:0e"
    assert targets["spark-9_0"]["labels"]["base"] == " "


def test_each_debian_release_can_have_an_os_image(full: Tree) -> None:
    targets = full.bake({"SPARK_IMAGES_OS_IMAGE": f"trixie=debian:trixie  bookworm={IMAGE}"})["target"]
    assert targets["os-trixie"]["contexts"] == {"rootfs": "docker-image://debian:trixie"}
    assert targets["os-bookworm"]["contexts"] == {"rootfs": f"docker-image://{IMAGE}"}


def test_replaced_root_file_system_is_not_requested(tree: Tree) -> None:
    definition = tree.bake({"SPARK_IMAGES_OS_IMAGE": f"bookworm={IMAGE}"}, kinds=("base",))
    assert set(definition["group"]["default"]["targets"]) <= set(definition["target"])


def test_equal_arguments_give_equal_definitions(small: Project) -> None:
    kept = copy.deepcopy(small.graph(small.matrix.buildable).targets)
    one, other = (defined(small, "r") for _ in range(2))
    assert one == other
    assert small.graph(small.matrix.buildable).targets == kept
    assert one["group"]["default"]["targets"] == sorted(one["group"]["default"]["targets"])


@pytest.mark.parametrize(("name", "identifier"), [("spark-9.0.8", "spark-9_0_8"), ("a/b:c", "a_b_c"), ("A_1-", "A_1-")])
def test_identifier_has_only_characters_that_bake_allows(name: str, identifier: str) -> None:
    assert bake.identifier(name) == identifier
