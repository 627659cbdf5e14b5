"""Runs the real Noxfile as a user does: it contacts no engine, and a mistake is one message."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from spark_images import ROOT
from spark_images.checks import default_run
from spark_images.plan.project import Project

LIMIT = 20
"""Seconds for one Nox command. The Noxfile takes half a second."""


def nox(*arguments: str, root: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    here = {name: value for name, value in os.environ.items() if not name.startswith("SPARK_IMAGES_")}
    return subprocess.run(
        [sys.executable, "-m", "nox", *arguments],
        cwd=root,
        env={**here, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of an engine that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_the_list_needs_no_engine(deaf: str) -> None:
    done = nox("--list", DOCKER_HOST=deaf)
    assert done.returncode == 0
    assert "* lint -> " in done.stdout


SESSION = re.compile(r"^(?P<mark>[*-]) (?P<name>\S+)(?: \[(?P<tags>\S+)\])? -> (?P<description>.+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def listed() -> Mapping[str, Mapping[str, str]]:
    """The sessions of `nox --list`, by name."""
    return {found["name"]: found.groupdict() for found in SESSION.finditer(nox("--list").stdout)}


def test_each_cell_has_one_session(listed: Mapping[str, Mapping[str, str]], project: Project) -> None:
    cells = project.matrix.buildable
    assert {name for name in listed if name.startswith("test-")} == {default_run.session_of(cell) for cell in cells}
    for cell in cells:
        assert listed[default_run.session_of(cell)]["tags"].split(",") == ["full", cell.variant, cell.spark]


def test_the_jobs_of_the_default_run_are_sessions(listed: Mapping[str, object], project: Project) -> None:
    assert {job.session for job in default_run.jobs(project.matrix.buildable)} <= set(listed)


def test_the_default_run_has_seven_sessions_with_different_descriptions(
    listed: Mapping[str, Mapping[str, str]],
) -> None:
    marked = [name for name, session in listed.items() if session["mark"] == "*"]
    assert marked == ["lint", "types", "unit", "fresh", "docs", "build", "budgets", "cells"]
    assert len({session["description"] for session in listed.values()}) == len(listed)


@pytest.fixture
def mistaken(tmp_path: Path) -> Path:
    """A copy of the repository with a mistake in images.toml."""
    for name in ("noxfile.py", "images.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("spark_images", "docker"):
        shutil.copytree(ROOT / name, tmp_path / name)
    with (tmp_path / "images.toml").open("a") as file:
        file.write('\n[images.made-up]\ncolour = "red"\n')
    return tmp_path


@pytest.mark.parametrize("arguments", [["--list"], ["--session", "lint"]])
def test_a_mistake_in_images_toml_is_one_message(mistaken: Path, arguments: list[str]) -> None:
    done = nox(*arguments, root=mistaken)
    assert done.returncode == 2
    assert "error: images.toml: " in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.fixture(scope="module")
def some_cell(project: Project) -> str:
    return default_run.session_of(project.matrix.buildable[0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--quick", "--conformance"], "error: --quick and --conformance contradict each other"),
        (["--quik"], 'error: unknown tier "--quik"; expected one of --quick,'),
    ],
)
def test_a_wrong_tier_is_one_message(some_cell: str, deaf: str, options: list[str], said: str) -> None:
    done = nox("--session", some_cell, "--", *options, DOCKER_HOST=deaf)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_session_is_one_message_with_the_nearest_session() -> None:
    done = nox("--session", "lint", "test-3.5.8-icebreg")
    assert done.returncode == 2
    assert done.stderr.strip() == (
        'error: no session "test-3.5.8-icebreg" (did you mean "test-3.5.8-iceberg"?); `nox -l` lists all sessions'
    )
    assert not done.stdout


def test_a_run_ends_with_the_counts(some_cell: str) -> None:
    done = nox("--session", some_cell, "--", "--kubernetes", KUBECONFIG="")
    assert done.returncode == 0
    assert "skipped: no cluster: KUBECONFIG is not set" in done.stderr
    assert done.stdout.splitlines()[-1] == "0 passed, 0 failed, 1 skipped"
