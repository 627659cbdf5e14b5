"""`--builder` with a real buildkitd: its images arrive in the engine, and are those of the engine's own build."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Any

import pytest

from spark_images import ROOT
from spark_images.checks import suites
from spark_images.engine import build, daemon
from spark_images.matrix.file import VARIABLES
from spark_images.plan import graph as graphs
from spark_images.plan.project import Project, load_project
from spark_images.publish import reproduce
from spark_images.reports import measure
from tests.remote import conftest
from tests.remote.conftest import Builder

LAYER = "entrypoint"
"""A layer that needs only Debian, and no network."""

TAGS = {"local": "builder-test-local", "remote": "builder-test-remote"}
"""The tags of the images that the engine and the builder build. The engine's own images have another tag."""


@dataclass(frozen=True)
class Blob:
    """A blob of an image: its first bytes, its content if it is JSON, and the files of a layer that was read."""

    begin: bytes
    text: bytes = b""
    files: reproduce.Files | None = None


@dataclass(frozen=True)
class Built:
    """The digest of an image's configuration, its text, the digests of its layers, and its blobs."""

    digest: str
    configuration: dict[str, Any]
    layers: list[str]
    blobs: list[Blob]


@pytest.fixture
def projects(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Project]]:
    """Returns the project with each of the tags. Removes the names of its images afterwards."""
    found = {}
    for where, tag in TAGS.items():
        monkeypatch.setenv(f"{VARIABLES}TAG", tag)
        found[where] = load_project()
    yield found
    for image in daemon.client().images.list():
        for name in image.tags:
            if name.rpartition(":")[2] in TAGS.values():
                daemon.remove_name(name)


def compared(local: str, remote: str) -> tuple[Built, Built]:
    """Returns two images of the engine. Reads the files of a layer only if the images differ in it."""
    layers = {}
    for name in (local, remote):
        image = daemon.find(name)
        assert image, f"{name} is not in the engine"
        layers[name] = list(image.attrs["RootFS"]["Layers"])
    same = {one for one, other in zip(*layers.values(), strict=True) if one == other}

    def read(name: str, content: BufferedReader) -> Blob:
        begin = content.peek(4)[:4]
        if begin.startswith(b"{"):
            return Blob(begin, content.read())
        return Blob(begin) if measure.digest_in(name) in same else Blob(begin, files=reproduce.files(content))

    def built(name: str, found: measure.Read[Blob]) -> Built:
        text = found.configuration.text
        return Built(f"sha256:{sha256(text).hexdigest()}", json.loads(text), layers[name], found.layers)

    blobs = measure.read_blobs([local, remote], read)
    return built(local, blobs[local]), built(remote, blobs[remote])


def assert_not_compressed(image: Built) -> None:
    assert image.blobs
    assert [blob.begin for blob in image.blobs if blob.begin.startswith((measure.GZIP, measure.ZSTD))] == []


def test_a_layer_of_the_builder_is_the_same_as_that_of_the_engine(
    builder: Builder, projects: dict[str, Project]
) -> None:
    references = {}
    for where, project in projects.items():
        graph = graphs.graph(project.matrix, project.recipes, project.locks, [(LAYER, project.matrix.buildable[0])])
        (target,) = (found for found in graph.targets.values() if found.recipe.name == LAYER)
        before = builder.steps
        build.build(project, graph, [target], builder=builder.name if where == "remote" else "")
        assert (builder.steps != before) is (where == "remote")
        references[where] = project.matrix.tag(target.name)
    local, remote = compared(references["local"], references["remote"])
    assert_not_compressed(remote)
    assert remote.digest == local.digest


@pytest.mark.slow
def test_an_image_of_the_builder_is_the_same_as_that_of_the_engine(
    builder: Builder, projects: dict[str, Project]
) -> None:
    """Builds the Spark image with the fewest layers. A layer may differ as `inv reproduce` allows."""
    project = projects["remote"]
    cells = [cell for cell in project.matrix.buildable if suites.is_plain(cell)]
    cell = min(cells, key=lambda each: len(project.graph([each]).targets))
    for where, options in (("local", ()), ("remote", ("--builder", builder.name))):
        done = inv(where, "build.runtime", *suites.selection(cell), *options)
        assert done.returncode == 0, done.stderr
    local, remote = compared(*(found.matrix.tag(cell.name) for found in projects.values()))
    assert_not_compressed(remote)
    differing = {
        number: reproduce.differences(ours.files or {}, theirs.files or {})
        for number, (ours, theirs) in enumerate(zip(local.blobs, remote.blobs, strict=True))
        if local.layers[number] != remote.layers[number]
    }
    assert all(differing.values()), "a layer differs in the order or the headers of its files"
    unlike = [path for paths in differing.values() for path in paths]
    assert [path for path in unlike if not path.endswith(reproduce.VARYING)] == []
    ours, theirs = ({**image.configuration, "rootfs": None} for image in (local, remote))
    if theirs == ours and not differing:
        assert remote.digest == local.digest
    assert without_values(theirs) == without_values(ours)


def without_values(configuration: dict[str, Any]) -> dict[str, Any]:
    """Returns a configuration without the values of `ARG` in its history, which only a newer BuildKit writes."""
    history = [
        {**step, "created_by": re.sub(r"^(ARG \w+)=.*", r"\1", step["created_by"], flags=re.DOTALL)}
        for step in configuration["history"]
    ]
    return {**configuration, "history": history}


def inv(where: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs an Invoke task as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "invoke", *arguments],
        cwd=ROOT,
        env={**os.environ, f"{VARIABLES}TAG": TAGS[where]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_unknown_builder_is_wrong_usage(builder: Builder, projects: dict[str, Project]) -> None:
    """The error names the nearest builder."""
    done = inv("remote", "build.runtime", "--builder", f"{builder.name}x")
    assert done.returncode == 2
    assert done.stderr.startswith(f'error: --builder: unknown builder "{builder.name}x"; expected one of ')
    assert f'did you mean "{builder.name}"?' in done.stderr


def test_a_builder_that_does_not_answer_is_an_error(
    builder: Builder, projects: dict[str, Project], tmp_path: Path
) -> None:
    conftest.create("silent", f"unix://{tmp_path}/nothing")
    cell = projects["remote"].matrix.buildable[0]
    done = inv("remote", "build.runtime", *suites.selection(cell), "--builder", "silent")
    assert done.returncode == 1
    assert done.stderr.startswith('error: the builder "silent" does not answer: ')


def test_a_failure_leaves_no_process_builder_or_file(program: Path) -> None:
    left: list[Builder] = []

    def fail() -> None:
        with conftest.running(program) as found:
            left.append(found)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    (builder,) = left
    assert not builder.folder.exists()
    assert not Path("/proc", str(builder.process)).exists()
    assert str(builder.folder) not in Path("/proc/mounts").read_text()
    command = ["docker", "buildx", "inspect", builder.name]
    assert subprocess.run(command, capture_output=True, check=False).returncode
