import json
import subprocess
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spark_images.engine import host
from spark_images.engine.host import Apt, Host
from spark_images.errors import SparkImagesError, UsageError
from spark_images.locks import update
from spark_images.recipes.locks import Entry, Requirements, requirement_sets
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
    """A set for Python 3.13 that stands upon one lock, and shares images with another."""
    (place.root / "below.lock").write_text("numpy==1.26.4\n")
    (place.root / "beside.lock").write_text("six==1.17.0\n")
    (place.root / "requirements.in").write_text("pandas=={version}\n")
    mirror = Host(Path("/host/ca.pem"), Apt(), {"index-url": "https://pip.example"}, None, {})
    monkeypatch.setattr(host, "read", lambda: mirror)
    return Requirements(
        place.root / "requirements.in",
        place.root / "requirements-3.13.lock",
        "3.13",
        "linux/amd64",
        {"version": "2.3.3"},
        extends=(place.root / "below.lock",),
        beside=(place.root / "beside.lock",),
    )


def compiles(monkeypatch: pytest.MonkeyPatch, code: int = 0) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def run(command: list[str], *, cwd: Path, env: dict[str, str], **how: Any) -> Any:
        seen.update(command=command, env=env, input=how["input"])
        if not code:
            (cwd / command[command.index("--output-file") + 1]).write_text("# old fingerprint\npandas==2.3.3\n")
        return SimpleNamespace(returncode=code, stderr="no such package\n")

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_a_python_lock_says_what_it_was_compiled_from(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiles(monkeypatch)
    assert update._compile(requirements, upgrade=False)
    assert requirements.lock.read_text() == f"{requirements.fingerprint}\npandas==2.3.3\n"
    assert not update._compile(requirements, upgrade=False)


def test_a_python_lock_is_compiled_for_the_images_python_from_the_hosts_index(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = compiles(monkeypatch)
    update._compile(requirements, upgrade=True)
    command = " ".join(seen["command"])
    assert "--generate-hashes" in command
    assert "--python-version 3.13" in command
    assert "--python-platform x86_64-manylinux_2_28" in command
    assert command.endswith("--output-file requirements-3.13.lock -")
    assert seen["input"] == "pandas==2.3.3\n"
    assert "--default-index https://pip.example" in command
    assert "--upgrade" in command
    assert seen["env"]["SSL_CERT_FILE"] == "/host/ca.pem"


def test_what_the_set_below_holds_is_not_held_again(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = compiles(monkeypatch)
    update._compile(requirements, upgrade=False)
    command = " ".join(seen["command"])
    assert f"--constraint {place.root / 'below.lock'}" in command
    assert f"--constraint {place.root / 'beside.lock'}" in command
    assert "--no-emit-package numpy" in command
    assert "--no-emit-package six" not in command
    assert "--upgrade" not in command


def test_requirements_that_cannot_be_met(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiles(monkeypatch, code=1)
    with pytest.raises(SparkImagesError, match=r"^requirements\.in cannot be resolved:\nno such package$"):
        update._compile(requirements, upgrade=False)


def test_every_set_of_every_python_is_compiled(full: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update, "ROOT", full.root)
    monkeypatch.setattr(update, "requirement_sets", partial(requirement_sets, root=full.root))
    monkeypatch.setattr(host, "read", lambda: Host(None, Apt(), {}, None, {}))
    compiles(monkeypatch)
    (full.root / "docker/intermediate/lake-deps/requirements-3.13.lock").unlink()
    changed = update.update(full.load(), ["python"])
    assert full.root / "docker/intermediate/lake-deps/requirements-3.13.lock" in changed
    assert len(changed) == 7
    assert update.update(full.load(), ["python"]) == []
