"""The inventory of one layer: what its files show about the software in it. Nothing here knows a lock.

Only evidence inside the layer counts: the coordinates in jars, the metadata of Python packages, and dpkg's records.
"""

import hashlib
import posixpath
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO

from spark_images.sbom import debian, jars, wheels
from spark_images.sbom.debian import Package
from spark_images.sbom.jars import Jar
from spark_images.sbom.wheels import Wheel

STATUS = "var/lib/dpkg/status"
SPARK = "opt/spark/RELEASE"
_RECORD = re.compile(r"var/lib/dpkg/info/([^/:]+)(?::[^/]+)?\.(?:list|md5sums)$")
_COPYRIGHT = re.compile(r"usr/share/doc/([^/]+)/copyright$")
_DOCUMENTS = re.compile(r"usr/share/doc/([^/]+)(?:/copyright)?$")
_JAVA = re.compile(r"(usr/lib/jvm/[^/]+/)lib/server/libjvm\.so$")
_JVM = re.compile(rb"VM \((\S+)\) for linux")
_RELEASE = re.compile(rb"Spark (\S+) ")

REMOVED = ".wh."
"""The prefix of a marker: the file with the rest of its name is removed from the layers below."""

REMOVED_ALL = ".wh..wh..opq"
"""The name of a marker: everything in its folder is removed from the layers below."""


@dataclass(frozen=True)
class Proof:
    """A file that proves a program: its path, its hash, and the version in it, or "" if it contains none."""

    path: str
    sha256: str
    version: str = ""


@dataclass(frozen=True)
class Inventory:
    """The software in one layer. Paths are relative to the root of the image.

    `packages` are all Debian packages that dpkg knows in this layer, also those of the layers below. `records` are
    dpkg's files about the packages that this layer installs, by package. `owned` are the metadata files of Python that
    they contain, by package. `copyrights` are licences by package, and `documents` names the package whose copyright
    file a package shares. `removed` are the paths that the layer removes from the layers below.
    """

    jars: tuple[Jar, ...] = ()
    wheels: tuple[Wheel, ...] = ()
    packages: tuple[Package, ...] = ()
    records: Mapping[str, tuple[Proof, ...]] = field(default_factory=dict)
    owned: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    copyrights: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    java: tuple[Proof, ...] = ()
    spark: tuple[Proof, ...] = ()
    removed: tuple[str, ...] = ()


Member = tuple[tarfile.TarInfo, IO[bytes] | None]
"""A file of a layer, and its content if it is a regular file."""


def members(layer: tarfile.TarFile) -> Iterator[Member]:
    """Yields each file of a layer. Read its content before the next one."""
    for member in layer:
        yield member, layer.extractfile(member) if member.isfile() else None


def inventory(files: Iterable[Member]) -> Inventory:
    """Returns the inventory of a layer from its files. Raises SparkImagesError for a jar that is not a ZIP archive."""
    found = _Found()
    for member, content in files:
        path = posixpath.normpath(member.name).lstrip("/")
        folder, name = posixpath.split(path)
        if name == REMOVED_ALL:
            found.removed.append(f"{folder}/")
        elif name.startswith(REMOVED):
            found.removed.append(posixpath.join(folder, name.removeprefix(REMOVED)))
        elif member.issym():
            found.link(path, member.linkname)
        elif content is not None:
            found.file(path, content)
    return found.inventory()


class _Found:
    """The findings so far in the files of one layer."""

    def __init__(self) -> None:
        self.jars: list[Jar] = []
        self.wheels: list[Wheel] = []
        self.packages: list[Package] = []
        self.records: dict[str, list[Proof]] = {}
        self.owned: dict[str, tuple[str, ...]] = {}
        self.copyrights: dict[str, str] = {}
        self.documents: dict[str, str] = {}
        self.java: list[Proof] = []
        self.spark: list[Proof] = []
        self.removed: list[str] = []

    def link(self, path: str, target: str) -> None:
        if match := _DOCUMENTS.match(path):
            self.documents[match[1]] = posixpath.basename(target.removesuffix("/copyright"))

    def file(self, path: str, content: IO[bytes]) -> None:
        if path.endswith(jars.SUFFIX):
            self.jars.append(_jar(path, content))
        elif wheels.METADATA.search(path):
            self.wheels.append(wheels.read(path, content.read()))
        elif path == STATUS:
            self.packages = list(debian.packages(content.read().decode()))
        elif match := _RECORD.match(path):
            self._record(match[1], path, content.read())
        elif match := _COPYRIGHT.match(path):
            self.copyrights[match[1]] = debian.licence(content.read().decode(errors="replace"))
        elif _JAVA.match(path):
            self.java += _proofs(path, content.read(), _JVM)
        elif path == SPARK:
            self.spark += _proofs(path, content.read(), _RELEASE)

    def _record(self, package: str, path: str, content: bytes) -> None:
        self.records.setdefault(package, []).append(Proof(path, hashlib.sha256(content).hexdigest()))
        if path.endswith(".list"):
            files = (line.lstrip("/") for line in content.decode().splitlines())
            if owned := tuple(sorted(file for file in files if wheels.METADATA.search(file))):
                self.owned[package] = owned

    def inventory(self) -> Inventory:
        return Inventory(
            jars=tuple(sorted(self.jars, key=lambda jar: jar.path)),
            wheels=tuple(sorted(self.wheels, key=lambda wheel: wheel.path)),
            packages=tuple(sorted(self.packages, key=lambda package: package.name)),
            # md5sums has hashes of the package's files, so it says more than list.
            records={
                package: tuple(sorted(self.records[package], key=lambda proof: proof.path, reverse=True))
                for package in sorted(self.records)
            },
            owned=dict(sorted(self.owned.items())),
            copyrights=dict(sorted(self.copyrights.items())),
            documents=dict(sorted(self.documents.items())),
            java=tuple(self.java),
            spark=tuple(self.spark),
            removed=tuple(sorted(self.removed)),
        )


def _proofs(path: str, content: bytes, version: re.Pattern[bytes]) -> list[Proof]:
    match = version.search(content)
    return [Proof(path, hashlib.sha256(content).hexdigest(), match[1].decode())] if match else []


def _jar(path: str, content: IO[bytes]) -> Jar:
    # The index of a ZIP archive is at its end, so the stream must become a file. The largest jar has 1 GB.
    with TemporaryFile() as file:
        shutil.copyfileobj(content, file, 1 << 20)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return jars.read(path, sha256, file)
