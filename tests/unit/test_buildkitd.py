"""How the buildkitd of the tests is found, and why it cannot run."""

import os
from pathlib import Path

import pytest

from spark_images.checks import buildkitd
from spark_images.engine import gotool


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The only folder of PATH, with runc and Go. The user is root, and nothing was built before."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("runc", "go"):
        put(folder, name)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(gotool, "place", lambda *_: tmp_path / "built/buildkitd")
    return folder


def put(folder: Path, name: str) -> Path:
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.touch(mode=0o755)
    return file


def test_buildkitd_on_the_path_needs_no_go(path: Path) -> None:
    (path / "go").unlink()
    found = put(path, "buildkitd")
    assert buildkitd.find() == found
    assert buildkitd.reason_to_skip() == buildkitd.reason_to_skip_without_building() == ""


def test_the_buildkitd_that_was_built_before_needs_no_go(path: Path, tmp_path: Path) -> None:
    (path / "go").unlink()
    found = put(tmp_path / "built", "buildkitd")
    assert buildkitd.find() == found
    assert buildkitd.reason_to_skip() == buildkitd.reason_to_skip_without_building() == ""


def test_go_builds_it_from_the_modules_of_this_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[tuple[Path, str]] = []

    def program(modules: Path, package: str) -> Path:
        asked.append((modules, package))
        return tmp_path

    monkeypatch.setattr(gotool, "program", program)
    assert buildkitd.reason_to_skip() == ""
    assert buildkitd.reason_to_skip_without_building() == (
        "buildkitd is not built: `nox -s remote` builds it once, in minutes"
    )
    assert buildkitd.find() == tmp_path
    ((modules, package),) = asked
    assert f"tool {package}\n" in (modules / "go.mod").read_text()
    assert (modules / "go.sum").exists()


def test_without_go_the_reason_says_so(path: Path) -> None:
    (path / "go").unlink()
    assert buildkitd.reason_to_skip() == "no buildkitd on PATH, and no Go to build it with"


def test_without_runc_the_reason_says_so(path: Path) -> None:
    (path / "runc").unlink()
    assert buildkitd.reason_to_skip() == "buildkitd needs runc, which is not on PATH"


def test_without_root_the_reason_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert buildkitd.reason_to_skip() == "buildkitd needs root, because it mounts file systems"
