"""Builds a published image again from the commit in its provenance, and compares the layers.

An archive of classes is never the same twice: the JVM writes addresses into it that the kernel chooses at random. So a
layer may differ in files `*.jsa`, and in nothing else.
"""

import hashlib
import json
import os
import posixpath
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, cast

from spark_images.attest import provenance
from spark_images.engine import daemon, git
from spark_images.errors import SparkImagesError
from spark_images.matrix.file import SWITCH, VARIABLES
from spark_images.plan.project import Project
from spark_images.publish import cosign, statements, verify
from spark_images.publish.cosign import Trust
from spark_images.publish.registry import Repository
from spark_images.reports import measure
from spark_images.wording import counted

COLUMNS = ("layer", "result", "what differs")
ARCHIVE = ".jsa"
"""The end of the name of an archive of classes."""

_SWITCHES = {value: text for text, value in SWITCH.items()}


@dataclass(frozen=True)
class Layer:
    """A layer of a published image: its origin, and the files that differ in the image that was built again."""

    origin: str
    digest: str
    same: bool
    differing: tuple[str, ...] = ()

    @property
    def is_reproduced(self) -> bool:
        """Whether the layer is the same, except for archives of classes."""
        return self.same or all(path.endswith(ARCHIVE) for path in self.differing)


def reproduce(project: Project, text: str, trust: Trust, say: Callable[[str], None] = print) -> list[Layer]:
    """Builds the image that `text` names again, without a cache. Returns its layers, bottom layer first.

    The build runs in a temporary checkout of the commit. Its tag is removed afterwards. Raises
    SparkImagesError if the registry does not have the image, if its provenance is not signed or names no commit of this
    repository, or if the build fails.
    """
    repository, image = verify.image(text)
    document = cosign.attestations(image.reference, trust, provenance.TYPE)[-1]
    chosen = document["buildDefinition"]["externalParameters"]
    commit, cell = chosen["commit"], chosen["cell"]
    if not git.ask("cat-file", "-t", commit) == "commit":
        raise SparkImagesError(
            f"{image.reference} is built from {commit}, which this repository does not have: fetch it"
        )
    tag = f"reproduced-{image.reference.digest.removeprefix('sha256:')[:12]}"
    say(f"building {cell['key']} again from {commit}, without a cache: this takes several minutes")
    name = f"{project.matrix.settings.registry}{project.matrix.repository(_name(project, cell['key']))}:{tag}"
    try:
        with _checkout(commit) as folder:
            _build(folder, cell, {**_variables(chosen), f"{VARIABLES}TAG": tag})
        built = daemon.find(name)
        if built is None:
            raise SparkImagesError(f"{name} was removed after its build: repeat the task")
        origins = dict(verify.layers_of(cosign.attestations(image.reference, trust, statements.CYCLONEDX)[-1]))
        return list(_compare(repository, image, origins, name, built.attrs["RootFS"]["Layers"]))
    finally:
        daemon.remove_name(name)


def _name(project: Project, key: str) -> str:
    return next(cell.name for cell in project.matrix.buildable if cell.key == key)


def _variables(chosen: Mapping[str, Any]) -> dict[str, str]:
    """Returns the settings of the published image as environment variables."""
    settings = {**chosen["settings"], "source": chosen["source"]}
    return {
        f"{VARIABLES}{name.replace('-', '_').upper()}": _SWITCHES[value] if isinstance(value, bool) else str(value)
        for name, value in settings.items()
    }


@contextmanager
def _checkout(commit: str) -> Iterator[Path]:
    """Yields a temporary folder with the files of a commit."""
    with TemporaryDirectory(prefix="spark-images-") as temporary:
        folder = Path(temporary, "checkout")
        git.ask("worktree", "add", "--detach", str(folder), commit)
        try:
            yield folder
        finally:
            git.ask("worktree", "remove", "--force", str(folder))


def _build(folder: Path, cell: Mapping[str, str], variables: Mapping[str, str]) -> None:
    flags = [part for name in ("image", "spark", "variant") for part in (f"--{name}", cell[name])]
    command = [sys.executable, "-m", "invoke", "build.runtime", *flags, "--no-cache"]
    others = {name: value for name, value in os.environ.items() if not name.startswith(VARIABLES)}
    done = subprocess.run(command, cwd=folder, env={**others, **variables}, stdout=sys.stderr, check=False)
    if done.returncode:
        raise SparkImagesError(f"the build of {cell['key']} in a checkout of the commit failed: see its output above")


def _compare(
    repository: Repository, image: verify.Image, origins: Mapping[str, str], tag: str, built: Sequence[str]
) -> Iterator[Layer]:
    """Yields each layer of the published image, compared with the one at the same place in the image `tag`."""
    differing = [digest for one, digest in zip(image.layers, built, strict=False) if one != digest]
    ours = _files_of_engine(tag, differing) if differing else {}
    for number, (published, digest) in enumerate(zip_longest(image.layers, built)):
        if published == digest:
            yield Layer(origins.get(published, ""), published, True)
        elif published is None or digest is None:
            yield Layer(origins.get(published, ""), published or digest, False, ("the whole layer",))
        else:
            theirs = _files_of_registry(repository, image.manifest["layers"][number]["digest"])
            yield Layer(origins.get(published, ""), published, False, differences(theirs, ours[digest]))


Files = Mapping[str, str]
"""The files of a layer: for each path, a text that is the same for the same content, type, mode, owner and date."""


def differences(one: Files, other: Files) -> tuple[str, ...]:
    """Returns the paths that only one of the layers has, or that differ, sorted."""
    return tuple(sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path)))


def _files_of_registry(repository: Repository, digest: str) -> Files:
    with TemporaryFile() as file:
        for block in repository.blob(digest):
            file.write(block)
        file.seek(0)
        return files(BufferedReader(cast(Any, file)))


def _files_of_engine(tag: str, digests: Sequence[str]) -> dict[str, Files]:
    found: dict[str, Files] = {}

    def read(name: str, content: BufferedReader) -> None:
        if (digest := measure.digest_in(name)) in digests:
            found[digest] = files(content)

    measure.read_blobs([tag], read)
    return found


def files(blob: BufferedReader) -> Files:
    """Returns the files of a layer, compressed or not. The mode `r|` reads a stream once."""
    found = {}
    with tarfile.open(fileobj=cast(IO[bytes], measure.unpacked(blob)), mode="r|") as layer:
        for member in layer:
            content = layer.extractfile(member) if member.isfile() else None
            digest = (
                hashlib.file_digest(cast(BufferedReader, content), "sha256").hexdigest() if content else member.linkname
            )
            facts = (member.type.decode(), member.mode, member.uid, member.gid, member.mtime, digest)
            found[posixpath.normpath(f"/{member.name}")] = json.dumps(facts)
    return found


def table(layers: Sequence[Layer]) -> list[Sequence[str]]:
    """Returns a row for each layer that has an origin or differs."""
    shown = (layer for layer in layers if layer.origin or not layer.same)
    return [
        (layer.origin or layer.digest, "same" if layer.same else "differs", ", ".join(layer.differing))
        for layer in shown
    ]


def summary(layers: Sequence[Layer]) -> str:
    """Returns how many layers are the same, and how many differ only in archives of classes."""
    same = sum(layer.same for layer in layers)
    archives = sum(layer.is_reproduced and not layer.same for layer in layers)
    return f"{same} of {counted(len(layers), 'layer')} are the same; {archives} differ only in archives of classes"
