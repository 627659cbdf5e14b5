"""Programs that Go builds from locked modules. A script stands in for Go."""

from pathlib import Path

import pytest

from spark_images.engine import gotool
from spark_images.errors import SparkImagesError

PACKAGE = "example.org/made-up/cmd/tool"


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "go.mod").write_text("module x\n")
    (folder / "go.sum").write_text("x\n")
    return folder


def go(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    """Puts a script in the place of Go. `$target` is the file that it must write."""
    file = folder / "bin/go"
    file.parent.mkdir()
    file.write_text(f'#!/bin/bash\nwhile [[ $1 != -o ]]; do options+="$1 "; shift; done; target=$2\n{body}\n')
    file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{file.parent}:/bin:/usr/bin")


def test_a_program_is_built_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, modules: Path) -> None:
    go(monkeypatch, tmp_path, f'echo "$options$PWD" >> {tmp_path}/runs; echo made > "$target"')
    place = gotool.place(modules, PACKAGE, tmp_path / "go")
    assert not place.exists()
    first = gotool.program(modules, PACKAGE, tmp_path / "go")
    assert first == place
    assert first.name == "tool"
    assert first.read_text() == "made\n"
    assert gotool.program(modules, PACKAGE, tmp_path / "go") == first
    (run,) = (tmp_path / "runs").read_text().splitlines()
    assert "-mod=readonly" in run
    assert run.endswith(str(modules))


@pytest.mark.parametrize("changed", ["go.mod", "go.sum"])
def test_other_modules_are_another_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, modules: Path, changed: str
) -> None:
    go(monkeypatch, tmp_path, 'echo made > "$target"')
    first = gotool.program(modules, PACKAGE, tmp_path / "go")
    (modules / changed).write_text("y\n")
    assert gotool.program(modules, PACKAGE, tmp_path / "go") != first


def test_a_failed_build_leaves_nothing_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, modules: Path
) -> None:
    go(monkeypatch, tmp_path, 'echo half > "$target"; echo "checksum mismatch" >&2; exit 1')
    for _ in range(2):
        with pytest.raises(SparkImagesError, match="Go could not build tool:\nchecksum mismatch"):
            gotool.program(modules, PACKAGE, tmp_path / "go")


def test_without_go_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, modules: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SparkImagesError, match=r"this machine has no Go\. Install tool or Go"):
        gotool.program(modules, PACKAGE, tmp_path / "go")
