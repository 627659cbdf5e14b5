"""Reads a jar: its Maven coordinates, its licences, and the jars that it contains.

A shaded jar contains the classes of other jars. Maven leaves the coordinates of each in META-INF/maven.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from typing import IO
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from spark_images.errors import SparkImagesError
from spark_images.sbom import licences

SUFFIX = ".jar"
INSIDE = "!/"
"""Separates the path of a jar from the path of a file in it, as in Java's URLs."""

_PROPERTIES = re.compile(r"(?:.*/)?META-INF/maven/[^/]+/[^/]+/pom\.properties$")
_LICENCE = re.compile(r"(?:META-INF/)?(?:licen[sc]e|copying)(?:\.(?:txt|md))?$", re.IGNORECASE)
_MANIFEST = "META-INF/MANIFEST.MF"
_VERSIONED = re.compile(r"^(?P<artifact>.+?)-(?P<version>\d.*)$")


@dataclass(frozen=True)
class Pom:
    """The coordinate of a module in a jar, the paths of its pom.properties, and the licence that its POM declares.

    A jar for several Spark versions can contain a module several times.
    """

    group: str
    artifact: str
    version: str
    paths: tuple[str, ...]
    licence: str = ""


@dataclass(frozen=True)
class Jar:
    """A jar: its hash, the modules in it, the licence that its manifest or its licence file gives it, and inner jars.

    The path of an inner jar begins with the path of the outer one.
    """

    path: str
    sha256: str
    poms: tuple[Pom, ...] = ()
    licence: str = ""
    inner: tuple["Jar", ...] = ()

    @property
    def stem(self) -> str:
        """The file name without its suffix: `netty-handler-4.2.7.Final`."""
        return self.path.rpartition("/")[2].removesuffix(SUFFIX)

    @property
    def own(self) -> Pom | None:
        """The module that the file name names, or None if the jar does not contain its coordinate."""
        return next((pom for pom in self.poms if _is_named(self.stem, pom)), None)


def _is_named(stem: str, pom: Pom) -> bool:
    return stem == f"{pom.artifact}-{pom.version}" or stem.startswith(f"{pom.artifact}-{pom.version}-")


def split(stem: str) -> tuple[str, str]:
    """Returns the artifact and version in the file name of a jar. Without a version in the name, it is ""."""
    match = _VERSIONED.match(stem)
    return (match["artifact"], match["version"]) if match else (stem, "")


def read(path: str, sha256: str, file: IO[bytes]) -> Jar:
    """Returns what a jar says about itself. Raises SparkImagesError if the file is not a ZIP archive."""
    try:
        with ZipFile(file) as archive:
            names = archive.namelist()
            poms = _merged(sorted(_poms(archive, names), key=lambda pom: pom.paths))
            inner = [_inner(path, name, archive.read(name)) for name in sorted(names) if name.endswith(SUFFIX)]
            return Jar(path, sha256, poms, _licence(archive, names), tuple(inner))
    except BadZipFile:
        raise SparkImagesError(f"/{path} is not a ZIP archive, although its name ends with {SUFFIX}") from None


def _inner(path: str, name: str, content: bytes) -> Jar:
    return read(f"{path}{INSIDE}{name}", hashlib.sha256(content).hexdigest(), BytesIO(content))


def _poms(archive: ZipFile, names: list[str]) -> Iterator[Pom]:
    for name in names:
        if not _PROPERTIES.match(name):
            continue
        properties = dict(_pairs(archive.read(name).decode(errors="replace")))
        if {"groupId", "artifactId", "version"} <= properties.keys():
            xml = f"{name.rpartition('/')[0]}/pom.xml"
            declared = _declared(archive.read(xml)) if xml in names else ""
            yield Pom(properties["groupId"], properties["artifactId"], properties["version"], (name,), declared)


def _merged(poms: Iterable[Pom]) -> tuple[Pom, ...]:
    """Returns each module once, with all of its paths."""
    found: dict[tuple[str, str, str], Pom] = {}
    for pom in poms:
        key = (pom.group, pom.artifact, pom.version)
        known = found.get(key, replace(pom, paths=()))
        found[key] = replace(known, paths=(*known.paths, *pom.paths), licence=known.licence or pom.licence)
    return tuple(found.values())


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            yield key.strip(), value.strip()


def _declared(pom: bytes) -> str:
    """Returns the licences of a POM as an SPDX expression, or "" if it declares none. Parents of the POM can."""
    try:
        root = ElementTree.fromstring(pom)  # noqa: S314 -- the jar is locked by its hash
    except ElementTree.ParseError:
        return ""
    space = root.tag.rpartition("}")[0]
    of = f"{space}}}" if space else ""
    found = []
    for licence in root.iterfind(f"{of}licenses/{of}license"):
        given = [text for part in ("name", "url") if (text := (licence.findtext(f"{of}{part}") or "").strip())]
        found += [*filter(None, map(licences.known, given)), *map(licences.named, given)][:1]
    return licences.choice(found)


def _licence(archive: ZipFile, names: list[str]) -> str:
    """Returns the licence of the manifest, or of the first licence file that is recognised, as an SPDX expression."""
    if _MANIFEST in names:
        # A line has at most 72 bytes. A space continues it.
        manifest = archive.read(_MANIFEST).decode(errors="replace").replace("\r\n", "\n").replace("\n ", "")
        for line in manifest.splitlines():
            key, _, value = line.partition(": ")
            if key == "Bundle-License" and (found := licences.of_bundle(value)):
                return found
    texts = (archive.read(name).decode(errors="replace") for name in sorted(names) if _LICENCE.match(name))
    return next(filter(None, map(licences.of_text, texts)), "")
