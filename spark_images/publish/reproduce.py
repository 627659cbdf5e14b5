"""Builds a published image again from the commit in its provenance, and compares the layers.

An archive of classes is never the same twice: the JVM writes addresses into it that the kernel chooses at random. jlink
of Java 17 writes the JDK's modules in one of two forms, at random. So a layer may differ in files `*.jsa` and in the
modules, and in nothing else.
"""

import hashlib
import json
import os
import posixpath
import subprocess
import sys
import tarfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, cast

from spark_images.attest import predicates, provenance
from spark_images.engine import daemon, git
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.file import SWITCH, VARIABLES
from spark_images.matrix.model import Cell
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project
from spark_images.publish import cosign, statements, verify
from spark_images.publish.cosign import Trust
from spark_images.publish.references import Reference
from spark_images.publish.registry import Repository
from spark_images.reports import measure
from spark_images.wording import counted

COLUMNS = ("layer", "result", "what differs")
VARYING = (".jsa", "/lib/modules")
"""The ends of the names of the files that differ in each build: archives of classes, and the modules of a JDK."""

ARRANGEMENT = "the order or the headers of the files"
"""The difference of a layer whose files are all the same."""

ATTRIBUTE = "SCHILY.xattr."
"""The beginning of the name of an extended attribute in a tar file."""

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
        """Whether the layer is the same, except for the files in VARYING."""
        return self.same or all(path.endswith(VARYING) for path in self.differing)


def reproduce(project: Project, text: str, trust: Trust, say: Callable[[str], None] = print) -> list[Layer]:
    """Builds the image that `text` names again, without a cache. Returns its layers, bottom layer first.

    The build runs in a temporary checkout of the commit. Its tag is removed afterwards. Raises SparkImagesError if the
    registry does not have the image, if its provenance is not signed, or if it names no commit of this repository or no
    cell of images.toml. Raises it if the build fails.
    """
    repository, image = verify.image(text)
    document = cosign.attestations(image.reference, trust, provenance.TYPE)[-1]
    chosen = _parameters(image.reference, document)
    commit = _commit(image.reference, chosen["commit"])
    cell = _cell(project, chosen["cell"]["key"], commit)
    tag = f"reproduced-{image.reference.digest.removeprefix('sha256:')[:12]}"
    say(f"building {cell.key} again from {commit}, without a cache: this takes several minutes")
    registry = project.matrix.settings.registry
    name = f"{registry}{project.matrix.repository(cell.name)}:{tag}"
    # The commit can have another registry in images.toml.
    own = {f"{VARIABLES}TAG": tag, f"{VARIABLES}REGISTRY": registry}
    try:
        with _checkout(commit) as folder:
            _build(folder, cell, {**_variables(chosen, cell.values["debian"]), **own})
        built = daemon.find(name)
        if built is None:
            raise SparkImagesError(f"{name} was removed after its build: repeat the task")
        origins = dict(verify.layers_of(cosign.attestations(image.reference, trust, statements.CYCLONEDX)[-1]))
        layers = _compare(repository, image, origins, name, built.attrs["RootFS"]["Layers"])
        return [*layers, _settings(image.configuration, _configuration(name))]
    finally:
        daemon.remove_name(name)


def _parameters(image: Reference, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what the user chose for the build in a provenance. Raises SparkImagesError for that of another tool."""
    build = document.get("buildDefinition", {})
    if build.get("buildType") != provenance.BUILD_TYPE:
        raise SparkImagesError(
            f"the provenance of {image} has the build type {build.get('buildType')}: only {provenance.BUILD_TYPE} can "
            "be built again"
        )
    return cast(Mapping[str, Any], build["externalParameters"])


def _commit(image: Reference, revision: str) -> str:
    """Returns the revision if it is the hash of a commit that this repository has. Raises SparkImagesError if not."""
    if not predicates.commit("", revision):
        raise SparkImagesError(
            f"{image} cannot be built again: it is built from uncommitted changes (revision {revision})"
        )
    if git.ask("cat-file", "-t", revision) != "commit":
        raise SparkImagesError(f"{image} is built from {revision}, which this repository does not have: fetch it")
    return revision


def _cell(project: Project, key: str, commit: str) -> Cell:
    try:
        return cell_of(project.matrix, key)
    except UsageError as error:
        raise SparkImagesError(
            f"the provenance names a cell that is not in images.toml any more: {error}: run this task in a checkout of "
            f"{commit}"
        ) from None


def _variables(chosen: Mapping[str, Any], debian: str) -> dict[str, str]:
    """Returns the settings of the published image as environment variables. `debian` is its Debian release."""
    settings = {**chosen["settings"], "source": chosen["source"]}
    if settings.get("os-image"):
        # The provenance has the image of one release. The setting has a pair for each release.
        settings["os-image"] = f"{debian}={settings['os-image']}"
    return {
        f"{VARIABLES}{name.replace('-', '_').upper()}": _SWITCHES[value] if isinstance(value, bool) else str(value)
        for name, value in settings.items()
    }


@contextmanager
def _checkout(commit: str) -> Iterator[Path]:
    """Yields a temporary folder with the files of a commit. Raises SparkImagesError if Git cannot make it."""
    with TemporaryDirectory(prefix="spark-images-") as temporary:
        folder = Path(temporary, "checkout")
        git.ask("worktree", "add", "--detach", str(folder), commit)
        try:
            if not folder.is_dir():
                raise SparkImagesError(f"git worktree add failed for {commit}: see `git worktree add` for the reason")
            yield folder
        finally:
            git.ask("worktree", "remove", "--force", str(folder))


def _build(folder: Path, cell: Cell, variables: Mapping[str, str]) -> None:
    flags = ["--image", cell.image, "--spark", cell.spark, "--variant", cell.variant]
    command = [sys.executable, "-m", "invoke", "build.runtime", *flags, "--no-cache"]
    others = {name: value for name, value in os.environ.items() if not name.startswith(VARIABLES)}
    done = subprocess.run(command, cwd=folder, env={**others, **variables}, stdout=sys.stderr, check=False)
    if done.returncode:
        raise SparkImagesError(f"the build of {cell.key} in a checkout of the commit failed: see its output above")


def _compare(
    repository: Repository, image: verify.Image, origins: Mapping[str, str], tag: str, built: Sequence[str]
) -> Iterator[Layer]:
    """Yields each layer of the published image, compared with the one at the same place in the image `tag`."""
    same = {digest for one, digest in zip(image.layers, built, strict=False) if one == digest}
    ours = _files_of_engine(tag, same) if len(same) < len(built) else []
    for number, (published, digest) in enumerate(zip_longest(image.layers, built)):
        if published == digest:
            yield Layer(origins.get(published, ""), published, True)
        elif published is None or digest is None:
            yield Layer(origins.get(published, ""), published or digest, False, ("the whole layer",))
        else:
            theirs = _files_of_registry(repository, image.manifest["layers"][number]["digest"])
            found = differences(theirs, ours[number]) or (ARRANGEMENT,)
            yield Layer(origins.get(published, ""), published, False, found)


SETTINGS = "configuration"
"""The origin of the configuration in the result. It has the settings and the history of the image."""


def _configuration(tag: str) -> Mapping[str, Any]:
    def read(_: str, content: BufferedReader) -> bytes:
        return content.read() if content.peek(1).startswith(b"{") else b""

    return cast(Mapping[str, Any], json.loads(measure.read_blobs([tag], read)[tag].configuration))


def _settings(published: Mapping[str, Any], built: Mapping[str, Any]) -> Layer:
    """Compares two configurations: all settings, such as the entrypoint, except the digests of the layers."""
    names = sorted((published.keys() | built.keys()) - {"rootfs"})
    differing = tuple(name for name in names if published.get(name) != built.get(name))
    return Layer(SETTINGS, "", not differing, differing)


Files = Mapping[str, str]
"""The files of a layer: for each path, a text that is the same for the same content, type, mode, owner, date and
attributes."""


def differences(one: Files, other: Files) -> tuple[str, ...]:
    """Returns the paths that only one of the layers has, or that differ, sorted."""
    return tuple(sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path)))


def _files_of_registry(repository: Repository, digest: str) -> Files:
    with TemporaryFile() as file:
        for block in repository.blob(digest):
            file.write(block)
        file.seek(0)
        return files(BufferedReader(cast(Any, file)))


def _files_of_engine(tag: str, same: Collection[str]) -> list[Files]:
    """Returns the files of each layer, bottom layer first. Those of the layers `same` are not read."""

    def read(name: str, content: BufferedReader) -> Files:
        # The engine also saves manifests and configurations. They are JSON.
        is_read = measure.digest_in(name) not in same and not content.peek(1).startswith(b"{")
        return files(content) if is_read else {}

    return measure.read_layers([tag], read)[tag]


def files(blob: BufferedReader) -> Files:
    """Returns the files of a layer, compressed or not. The mode `r|` reads a stream once."""
    found = {}
    with tarfile.open(fileobj=cast(IO[bytes], measure.unpacked(blob)), mode="r|") as layer:
        for member in layer:
            content = layer.extractfile(member) if member.isfile() else None
            digest = (
                hashlib.file_digest(cast(BufferedReader, content), "sha256").hexdigest() if content else member.linkname
            )
            device = (member.devmajor, member.devminor) if member.isdev() else ()
            # The system keeps rights of a program, such as `cap_net_raw`, in an extended attribute.
            attributes = sorted(each for each in member.pax_headers.items() if each[0].startswith(ATTRIBUTE))
            owner = (member.uid, member.gid, member.mtime)
            facts = (member.type.decode(), member.mode, *owner, digest, *device, *attributes)
            found[posixpath.normpath(f"/{member.name.lstrip('/')}")] = json.dumps(facts)
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
    layers = [layer for layer in layers if layer.digest]
    same = sum(layer.same for layer in layers)
    archives = sum(layer.is_reproduced and not layer.same for layer in layers)
    return f"{same} of {counted(len(layers), 'layer')} are the same; {archives} differ only in archives of classes"
