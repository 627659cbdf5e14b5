import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spark_images.plan import keys

DEFINITION = {
    "group": {"default": {"targets": ["app"]}},
    "target": {
        "os": {
            "context": "os",
            "contexts": {},
            "platforms": ["linux/amd64"],
            "args": {},
            "labels": {},
            "output": ["type=cacheonly"],
        },
        "app": {
            "context": "app",
            "contexts": {"os": "target:os"},
            "platforms": ["linux/amd64"],
            "args": {"VERSION": "1"},
            "labels": {"revision": "abc"},
            "output": ["type=image"],
        },
    },
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("os", "app"):
        (tmp_path / name / "bin").mkdir(parents=True)
        (tmp_path / name / "Dockerfile").write_text("FROM scratch\n")
        (tmp_path / name / "bin/start").write_text("true\n")
    return tmp_path


@pytest.fixture
def definition() -> Any:
    return copy.deepcopy(DEFINITION)


def test_same_inputs_have_the_same_key(root: Path, definition: Any) -> None:
    before = keys.keys(definition, root)
    (root / "app/Dockerfile").touch()
    assert keys.keys(definition, root) == before
    assert before["app"] != before["os"]


CHANGES: dict[str, Callable[[Path, Any], Any]] = {
    "a file": lambda root, _: (root / "app/bin/start").write_text("false\n"),
    "a new file": lambda root, _: (root / "app/bin/stop").touch(),
    "a name": lambda root, _: (root / "app/bin/start").rename(root / "app/bin/go"),
    "a mode": lambda root, _: (root / "app/bin/start").chmod(0o755),
    "a link": lambda root, _: (root / "app/bin/link").symlink_to("start"),
    "an argument": lambda _, it: it["target"]["app"]["args"].update(VERSION="2"),
    "a platform": lambda _, it: it["target"]["app"].update(platforms=["linux/arm64"]),
    "a label": lambda _, it: it["target"]["app"]["labels"].update(revision="def"),
    "a file below": lambda root, _: (root / "os/bin/start").write_text("false\n"),
    "an argument below": lambda _, it: it["target"]["os"]["args"].update(SUITE="trixie"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_changed_input_changes_the_key(root: Path, definition: Any, what: str) -> None:
    before = keys.keys(definition, root)
    CHANGES[what](root, definition)
    after = keys.keys(definition, root)
    assert after["app"] != before["app"]
    assert (after["os"] != before["os"]) == what.endswith("below")


def test_changed_link_target_changes_the_key(root: Path, definition: Any) -> None:
    link = root / "app/link"
    link.symlink_to("Dockerfile")
    before = keys.keys(definition, root)
    link.unlink()
    link.symlink_to("bin")
    assert keys.keys(definition, root) != before


def test_output_is_not_part_of_the_key(root: Path, definition: Any) -> None:
    before = keys.keys(definition, root)
    definition["target"]["os"]["output"] = ["type=docker"]
    definition["group"]["default"]["targets"] = ["os"]
    assert keys.keys(definition, root) == before


def test_a_label_contains_the_key(root: Path, definition: Any) -> None:
    known = keys.keys(definition, root)
    definition["target"]["app"]["context"] = "nowhere"
    labels = {name: target["labels"] for name, target in keys.labelled(definition, root)["target"].items()}
    assert labels == {"os": {"spark-images.inputs": known["os"]}, "app": {"revision": "abc"}}


def test_missing_folder_has_no_key(root: Path, definition: Any) -> None:
    definition["target"]["os"]["context"] = "nowhere"
    assert keys.keys(definition, root) == {}


@pytest.mark.parametrize(("image", "known"), [("debian:bookworm-slim", False), ("debian@sha256:0f", True)])
def test_image_without_a_digest_has_no_key(root: Path, definition: Any, image: str, known: bool) -> None:
    definition["target"]["app"]["contexts"]["os"] = f"docker-image://{image}"
    assert ("app" in keys.keys(definition, root)) == known


def test_another_base_image_changes_the_key(root: Path, definition: Any) -> None:
    definition["target"]["app"]["contexts"]["os"] = "docker-image://debian@sha256:0f"
    before = keys.keys(definition, root)
    definition["target"]["app"]["contexts"]["os"] = "docker-image://debian@sha256:1f"
    assert keys.keys(definition, root)["app"] != before["app"]
