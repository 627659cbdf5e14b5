import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spark_images.engine import host
from spark_images.engine.host import Apt, Host
from spark_images.errors import SparkImagesError, UsageError
from spark_images.locks import update
from spark_images.recipes.locks import Entry, Requirements
from tests.unit.tree import Tree

NEW = "f" * 64
CORE = "docker/intermediate/core/artefacts.lock"


@pytest.fixture
def place(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """The small project as the repository; every artefact that is fetched has the hash NEW."""
    monkeypatch.setattr(update, "ROOT", tree.root)
    monkeypatch.setattr(update, "_hashes", lambda _, coordinates: {c: Entry(NEW, 2) for c in coordinates})
    return tree


def test_an_unknown_kind(place: Tree) -> None:
    with pytest.raises(
        UsageError, match='no kind of lock "pyton": there is artefacts, python; the nearest is "python"'
    ):
        update.update(place.load(), ["pyton"])


def test_locks_that_agree_are_left_alone(place: Tree) -> None:
    assert update.update(place.load(), ["artefacts"]) == []


def test_what_is_locked_keeps_its_hash(place: Tree) -> None:
    before = json.loads((place.root / CORE).read_text())
    place.toml('[spark."9.1"]', '[spark."9.2"]')
    assert update.update(place.load(locked=False), ["artefacts"]) == [place.root / CORE]
    assert json.loads((place.root / CORE).read_text()) == {
        "group:core:9.0": before["group:core:9.0"],
        "group:core:9.2": {"sha256": NEW, "size": 2},
    }


def test_what_nothing_takes_leaves_the_lock_without_an_engine(place: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(update, "_hashes")
    place.toml('[spark."9.1"]\nline = "9"\n', "")
    update.update(place.load(locked=False), ["artefacts"])
    assert list(json.loads((place.root / CORE).read_text())) == ["group:core:9.0"]


@pytest.fixture
def requirements(place: Tree, monkeypatch: pytest.MonkeyPatch) -> Requirements:
    below = place.root / "below.lock"
    below.write_text("numpy==1.26.4\n")
    (place.root / "requirements.in").write_text("pandas\n")
    mirror = Host(Path("/host/ca.pem"), Apt(), {"index-url": "https://pip.example"}, None, {})
    monkeypatch.setattr(host, "read", lambda: mirror)
    place.toml('debian = "bookworm"', 'debian = "bookworm"\npython = "3.11"')
    return Requirements(place.root / "requirements.in", {}, (below,))


def compiles(monkeypatch: pytest.MonkeyPatch, code: int = 0) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def run(command: list[str], *, cwd: Path, env: dict[str, str], **_: Any) -> Any:
        seen.update(command=command, env=env)
        if not code:
            (cwd / "requirements.lock").write_text("# old fingerprint\npandas==2.3.3\n")
        return SimpleNamespace(returncode=code, stderr="no such package\n")

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_a_python_lock_says_what_it_was_compiled_from(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiles(monkeypatch)
    assert update._compile(place.load(), requirements, upgrade=False)
    assert requirements.lock.read_text() == f"{requirements.fingerprint}\npandas==2.3.3\n"
    assert not update._compile(place.load(), requirements, upgrade=False)


def test_a_python_lock_is_compiled_for_the_images_python_from_the_hosts_index(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = compiles(monkeypatch)
    update._compile(place.load(), requirements, upgrade=True)
    command = " ".join(seen["command"])
    assert "--generate-hashes" in command
    assert "--python-version 3.11" in command
    assert "--default-index https://pip.example" in command
    assert "--upgrade" in command
    assert seen["env"]["SSL_CERT_FILE"] == "/host/ca.pem"


def test_what_the_set_below_holds_is_not_held_again(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = compiles(monkeypatch)
    update._compile(place.load(), requirements, upgrade=False)
    command = " ".join(seen["command"])
    assert f"--constraint {place.root / 'below.lock'} --no-emit-package numpy" in command
    assert "--upgrade" not in command


def test_requirements_that_cannot_be_met(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiles(monkeypatch, code=1)
    with pytest.raises(SparkImagesError, match=r"^requirements\.in cannot be resolved:\nno such package$"):
        update._compile(place.load(), requirements, upgrade=False)
