"""Reads the locks and images.toml for one layer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from spark_images import ROOT
from spark_images.matrix.model import Cell
from spark_images.plan.graph import Graph, file_name
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
        folder = graph.targets[name].recipe.name
        for artefact in project.matrix.artefacts(folder, project.matrix.seen_by(folder, cell)):
            entry = project.locks[folder][artefact.coordinate]
            download = Download(purl_of(artefact.coordinate), (entry.sha256,), artefact.licence)
            if "==" in artefact.coordinate:
                archives[canonicalize_name(artefact.coordinate.partition("==")[0])] = download
            else:
                jars[file_name(artefact.coordinate)] = download
    lock = root / target.recipe.folder / lock_name(cell.values["python"])
    packages = dict(pins(lock.read_text())) if lock.exists() else {}
    return Locked(jars, archives, packages)


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
