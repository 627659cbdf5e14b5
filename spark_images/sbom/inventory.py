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
OWNED = re.compile(r"var/lib/dpkg/info/([^/]+)\.list$")
COPYRIGHT = re.compile(r"usr/share/doc/([^/]+)/copyright$")
DOC = re.compile(r"usr/share/doc/([^/]+)$")
JAVA = re.compile(r"usr/lib/jvm/[^/]+/lib/server/libjvm\.so$")
SPARK = "opt/spark/RELEASE"

REMOVED = ".wh."
"""The prefix of a marker: the file with the rest of its name is removed from the layers below."""

REMOVED_ALL = ".wh..wh..opq"
"""The name of a marker: everything in its folder is removed from the layers below."""

_JVM = re.compile(rb"VM \((\S+)\) for linux")
_SPARK = re.compile(r"Spark (\S+) ")


@dataclass(frozen=True)
class Inventory:
    """What one layer contains. Paths are relative to the root of the image.

    `owned` maps a file of a Python package to the Debian package that installed it. `copyrights` are licences by the
    name of a Debian package, and `documents` are its links to the documents of another one. `java` and `spark` are the
    path and version of a Java runtime and of Spark. `removed` are the paths that the layer removes from those below.
    """

    jars: tuple[Jar, ...] = ()
    wheels: tuple[Wheel, ...] = ()
    packages: tuple[Package, ...] = ()
    owned: Mapping[str, str] = field(default_factory=dict)
    copyrights: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    java: tuple[tuple[str, str], ...] = ()
    spark: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()


Member = tuple[tarfile.TarInfo, IO[bytes] | None]
"""A file of a layer, and its content if it is a regular file."""


def members(layer: tarfile.TarFile) -> Iterator[Member]:
    """Yields each file of a layer. Read its content before the next one."""
    for member in layer:
        yield member, layer.extractfile(member) if member.isfile() else None


def inventory(files: Iterable[Member]) -> Inventory:
    """Returns the inventory of a layer from its files. Raises SparkImagesError for a jar that is no ZIP archive."""
    found_jars: list[Jar] = []
    found_wheels: list[Wheel] = []
    packages: list[Package] = []
    owned: dict[str, str] = {}
    copyrights: dict[str, str] = {}
    documents: dict[str, str] = {}
    java: list[tuple[str, str]] = []
    spark: list[tuple[str, str]] = []
    removed: list[str] = []
    for member, content in files:
        path = posixpath.normpath(member.name).lstrip("/")
        folder, name = posixpath.split(path)
        if name == REMOVED_ALL:
            removed.append(f"{folder}/")
        elif name.startswith(REMOVED):
            removed.append(posixpath.join(folder, name.removeprefix(REMOVED)))
        elif member.issym() and (link := DOC.match(path)):
            documents[link[1]] = posixpath.basename(member.linkname)
        elif content is None:
            continue
        elif path.endswith(jars.SUFFIX):
            found_jars.append(_jar(path, content))
        elif wheels.METADATA.search(path):
            found_wheels.append(wheels.read(path, content.read().decode(errors="replace")))
        elif path == STATUS:
            packages = list(debian.packages(content.read().decode()))
        elif listed := OWNED.match(path):
            paths = (line.lstrip("/") for line in content.read().decode().splitlines())
            owned |= {file: listed[1].partition(":")[0] for file in paths if wheels.METADATA.search(file)}
        elif document := COPYRIGHT.match(path):
            copyrights[document[1]] = debian.licence(content.read().decode(errors="replace"))
        elif JAVA.match(path) and (vm := _JVM.search(content.read())):
            java.append((path, vm[1].decode()))
        elif path == SPARK and (release := _SPARK.match(content.read().decode())):
            spark.append((path, release[1]))
    return Inventory(
        jars=tuple(sorted(found_jars, key=lambda jar: jar.path)),
        wheels=tuple(sorted(found_wheels, key=lambda wheel: wheel.path)),
        packages=tuple(sorted(packages, key=lambda package: package.name)),
        owned=dict(sorted(owned.items())),
        copyrights=dict(sorted(copyrights.items())),
        documents=dict(sorted(documents.items())),
        java=tuple(java),
        spark=tuple(spark),
        removed=tuple(sorted(removed)),
    )


def _jar(path: str, content: IO[bytes]) -> Jar:
    # A ZIP archive begins at its end, so the stream must become a file. The largest jar has 1 GB.
    with TemporaryFile() as file:
        shutil.copyfileobj(content, file, 1 << 20)
        file.seek(0)
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return jars.read(path, sha256, file)
