"""Reads the locks and images.toml for one layer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from spark_images import ROOT
from spark_images.matrix.model import Cell
from spark_images.plan.graph import Graph, Target, file_name
from spark_images.plan.project import Project
from spark_images.recipes.locks import lock_name

_HASH = "--hash=sha256:"


@dataclass(frozen=True)
class Download:
    """A locked download: its package URL, its licence, and the SHA-256 of each file that the lock allows.

    An artefact has one hash. A Python package has one for each of its wheels. `licence` is "" for a Python package,
    because its own metadata has it.
    """

    purl: str
    hashes: tuple[str, ...]
    licence: str = ""


@dataclass(frozen=True)
class Locked:
    """The downloads of a layer: jars by file name, source archives by project, and Python packages by name."""

    jars: Mapping[str, Download]
    archives: Mapping[str, Download]
    packages: Mapping[str, Download]

    def with_hash(self, sha256: str) -> Download | None:
        """Returns the jar with this hash, or None."""
        return next((download for download in self.jars.values() if sha256 in download.hashes), None)


NOTHING = Locked({}, {}, {})
"""The locks of a layer that downloads nothing."""


def locked(project: Project, graph: Graph, cell: Cell, origin: str, root: Path = ROOT) -> Locked:
    """Returns what the locks say about the layer that comes from the target `origin`.

    A layer can copy its files from another target, as spark-jars does, so the artefacts of all targets below count.
    """
    target = graph.targets.get(origin)
    if target is None:
        return NOTHING
    jars: dict[str, Download] = {}
    archives: dict[str, Download] = {}
    for name in sorted(graph.closure([origin])):
        for coordinate, download in _artefacts(project, cell, graph.targets[name].recipe.name):
            if "==" in coordinate:
                archives[canonicalize_name(coordinate.partition("==")[0])] = download
            else:
                jars[file_name(coordinate)] = download
    return Locked(jars, archives, dict(_packages(project, cell, target, root)))


def downloads(project: Project, graph: Graph, cell: Cell, root: Path = ROOT) -> tuple[Download, ...]:
    """Returns every locked download that the image of a cell is built from, sorted by package URL.

    It includes the downloads of layers that the image does not contain, such as those of a toolchain.
    """
    found: set[Download] = set()
    for name in graph.closure([cell.name]):
        target = graph.targets[name]
        found |= {download for _, download in _artefacts(project, cell, target.recipe.name)}
        found |= {download for _, download in _packages(project, cell, target, root)}
    return tuple(sorted(found, key=lambda download: (download.purl, download.hashes)))


def _artefacts(project: Project, cell: Cell, folder: str) -> Iterator[tuple[str, Download]]:
    """Yields the coordinate and the download of each artefact of a layer."""
    for artefact in project.matrix.artefacts(folder, project.matrix.seen_by(folder, cell)):
        entry = project.locks[folder][artefact.coordinate]
        yield artefact.coordinate, Download(purl_of(artefact.coordinate), (entry.sha256,), artefact.licence)


def _packages(project: Project, cell: Cell, target: Target, root: Path) -> Iterator[tuple[str, Download]]:
    """Yields the normal name and the download of each Python package in the lock of a layer, if it has one."""
    python = project.matrix.seen_by(target.recipe.name, cell).values["python"]
    lock = root / target.recipe.folder / lock_name(python)
    if lock.exists():
        yield from pins(lock.read_text())


def purl_of(coordinate: str) -> str:
    """Returns the package URL of an artefact: `pkg:maven/…` or, for a source archive of Python, `pkg:pypi/…`."""
    if "==" in coordinate:
        return pypi(*coordinate.split("=="))
    return maven(*coordinate.split(":"))


def pypi(name: str, version: str) -> str:
    """Returns the package URL of a Python package."""
    return PackageURL("pypi", name=canonicalize_name(name), version=version).to_string()


def maven(group: str, artifact: str, version: str, classifier: str = "") -> str:
    """Returns the package URL of a jar."""
    qualifiers = {"classifier": classifier} if classifier else {}
    return PackageURL("maven", group, artifact, version, qualifiers).to_string()


def pins(lock: str) -> Iterator[tuple[str, Download]]:
    """Yields the normal name of each package in the text of a lock of Python packages, and its download."""
    for entry in lock.replace("\\\n", " ").splitlines():
        if not entry[:1].isalnum():
            continue
        pin, *options = entry.split()
        name, _, version = pin.partition("==")
        hashes = sorted(option.removeprefix(_HASH) for option in options if option.startswith(_HASH))
        yield canonicalize_name(name), Download(pypi(name, version), tuple(hashes))
