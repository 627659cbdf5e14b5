"""Reads every file of a layer and lists the software in it, by separate rules that share nothing with the SBOM."""

import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO
from zipfile import BadZipFile, ZipFile

from pydantic import TypeAdapter

from spark_images import BUILD, files
from spark_images.engine import daemon
from tests.integration.layers import digest

ZIP = b"PK\x03\x04"
IN_MEMORY = 32_000_000
"""The size, in bytes, up to which an archive stays in memory."""


@dataclass(frozen=True)
class Evidence:
    """The software in one layer: paths as an SBOM writes them, with the names in an archive after `!/`.

    `archives` has the SHA-256 of each archive with Java classes, by path, and `python` that of the metadata of each
    Python package. `modules` are Maven's coordinates in archives, `machines` are Java virtual machines. `debian` has
    the version of each installed Debian package, if the layer has dpkg's status. `files` are all paths, and `removed`
    are those that the layer removes.
    """

    archives: dict[str, str]
    modules: list[str]
    python: dict[str, str]
    machines: list[str]
    debian: dict[str, str]
    files: list[str]
    removed: list[str]


_EVIDENCE = TypeAdapter(Evidence)


def folder() -> Path:
    """Returns the folder of the record. A change of this file gives another one, so that every layer is read again."""
    return BUILD / "evidence" / hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]


def recorded(layer: str) -> Evidence | None:
    """Returns what an earlier run found in a layer, or None."""
    return files.noted(folder() / layer, _EVIDENCE)


def read(references: Sequence[str], missing: Collection[str]) -> None:
    """Reads the `missing` layers of images in one pass, and records what is in them."""
    with daemon.saved(references) as archive:
        for member in archive:
            layer = digest(member.name)
            if layer in missing and (blob := archive.extractfile(member)):
                files.write(folder() / layer, json.dumps(asdict(of_layer(blob))))


def of_layer(blob: IO[bytes]) -> Evidence:
    """Returns what is in a layer, which is an unpacked tar archive."""
    found = Evidence({}, [], {}, [], {}, [], [])
    with tarfile.open(fileobj=blob, mode="r|") as layer:
        for member in layer:
            path = "/" + member.name.removeprefix("./").strip("/")
            name = path.rpartition("/")[2]
            found.files.append(path)
            if name.startswith(".wh."):
                found.removed.append(path)
            content = layer.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            if name == "libjvm.so":
                found.machines.append(path)
            if re.search(r"\.(dist-info/METADATA|egg-info/PKG-INFO|egg-info|whl|egg)$", path):
                found.python[path] = hashlib.sha256(content.read()).hexdigest()
                continue
            if path == "/var/lib/dpkg/status":
                found.debian.update(_installed(content.read().decode()))
                continue
            begin = content.read(len(ZIP))
            if begin == ZIP:
                with SpooledTemporaryFile(IN_MEMORY) as file:
                    file.write(begin)
                    shutil.copyfileobj(content, file, 1 << 20)
                    _open(path, file, found)
    return found


def _open(path: str, file: IO[bytes], found: Evidence) -> None:
    """Adds an archive to the evidence if it contains Java classes, and the archives in it."""
    try:
        with ZipFile(file) as archive:
            names = archive.namelist()
            if path.endswith(".jar") or any(name.endswith(".class") for name in names):
                file.seek(0)
                found.archives[path] = hashlib.sha256(file.read()).hexdigest()
            for name in names:
                if name.endswith("/pom.properties"):
                    found.modules.append(f"{path}!/{name}")
                elif name.endswith((".jar", ".war", ".ear")):
                    _open(f"{path}!/{name}", io.BytesIO(archive.read(name)), found)
    except BadZipFile:
        assert not path.endswith(".jar"), f"{path} is no archive"


def _installed(status: str) -> Iterator[tuple[str, str]]:
    for paragraph in re.split(r"\n\n+", status):
        if "\nStatus: install ok installed\n" in paragraph:
            name, version = (re.search(rf"^{key}: (.+)$", paragraph, re.MULTILINE) for key in ("Package", "Version"))
            assert name, paragraph
            assert version, paragraph
            yield name[1], version[1]


def merged(layers: Iterable[Evidence]) -> dict[str, str]:
    """Returns the Debian packages of an image from the evidence of its layers, bottom layer first."""
    found: dict[str, str] = {}
    for layer in layers:
        found = layer.debian or found
    return found
