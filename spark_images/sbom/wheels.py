"""Reads the METADATA or PKG-INFO of an installed Python package."""

import hashlib
import re
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser

from spark_images.sbom import licences

METADATA = re.compile(r"[^/]+\.(?:dist-info/METADATA|egg-info/PKG-INFO|egg-info)$")
"""The file that proves a Python package."""


@dataclass(frozen=True)
class Wheel:
    """An installed Python package: its metadata file with its hash, and what that file says.

    `licence` is an SPDX expression, or "" if the file does not say it.
    """

    path: str
    sha256: str
    name: str
    version: str
    licence: str = ""


def read(path: str, metadata: bytes) -> Wheel:
    """Returns the package that a metadata file describes."""
    headers = HeaderParser().parsestr(metadata.decode(errors="replace"))
    sha256 = hashlib.sha256(metadata).hexdigest()
    return Wheel(path, sha256, headers["Name"] or "", headers["Version"] or "", _licence(headers))


def _licence(headers: Message) -> str:
    """Returns the licence of the first header that gives one: the expression, a name, a classifier, a text."""
    said = (headers["License"] or "").strip()
    if found := licences.of_expression(headers["License-Expression"] or "") or licences.known(said):
        return found
    classifiers = [c.rpartition(" :: ")[2] for c in headers.get_all("Classifier", ()) if c.startswith("License :: ")]
    if names := [name for classifier in classifiers if (name := licences.known(classifier))]:
        return licences.joined(names, "OR")
    is_name = said not in ("", "UNKNOWN") and "\n" not in said
    return licences.of_text(said) or (licences.named(said) if is_name else "")
