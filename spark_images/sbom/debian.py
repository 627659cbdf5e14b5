"""Reads Debian's records: the installed packages, and the licences in their copyright files."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from spark_images.sbom import licences

INSTALLED = "install ok installed"
MACHINE_READABLE = re.compile(r"^Format:\s*\S*(?:dep5|copyright-format)", re.IGNORECASE | re.MULTILINE)
_FIELD = re.compile(r"^Licen[sc]e:[ \t]*(.+)$", re.IGNORECASE | re.MULTILINE)
_COMMON = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9.-]*[A-Za-z0-9])")
_JVM = re.compile(r"^(?P<version>.+?)(?:-(?P<release>deb\d+u\d+))?-Debian$")


@dataclass(frozen=True)
class Package:
    """An installed Debian package. `source` is the name of the source package that it was built from."""

    name: str
    version: str
    architecture: str
    source: str


def packages(status: str) -> Iterator[Package]:
    """Yields the installed packages in the text of dpkg's status file."""
    for paragraph in status.split("\n\n"):
        lines = (line.partition(": ") for line in paragraph.splitlines() if not line.startswith(" "))
        fields = {key: value for key, _, value in lines}
        if fields.get("Status") != INSTALLED:
            continue
        name, version = fields["Package"], fields["Version"]
        # The version of the source package follows in brackets if it differs.
        source, _, _ = fields.get("Source", name).partition(" ")
        yield Package(name, version, fields["Architecture"], source)


def licence(copyright_file: str) -> str:
    """Returns the licences of a package as an SPDX expression, or "" if its copyright file does not name them.

    The files of a package can have several licences. The expression joins them with AND.
    """
    if MACHINE_READABLE.search(copyright_file):
        found = [of_short_name(match[1]) for match in _FIELD.finditer(copyright_file)]
    else:
        found = [of_short_name(match[1]) for match in _COMMON.finditer(copyright_file)]
        found = found or [licences.of_text(copyright_file)]
    return licences.joined(sorted(set(filter(None, found))), "AND")


def of_short_name(text: str) -> str:
    """Returns the SPDX expression of a licence field in a copyright file, such as `GPL-2+ or Artistic`."""
    said = re.sub(r"\s+with\s+.*?\bexceptions?\b", "", text.strip().rstrip(","), flags=re.IGNORECASE)
    either = [part for part in re.split(r",?\s+or\s+|\s*\|\s*", said) if part]
    choices = []
    for part in either:
        together = [_one(name) for name in re.split(r",?\s+and\s+|,\s*", part) if name.strip()]
        choices.append(licences.joined(together, "AND"))
    return licences.joined(choices, "OR")


def _one(name: str) -> str:
    """Returns the SPDX identifier of one of Debian's short names: GPL-2+ is GPL-2.0-or-later."""
    name = name.strip().strip("()")
    gnu = re.fullmatch(r"(A?GPL|LGPL|GFDL)(?:-?v?(\d(?:\.\d)?)(?:\.0)?)?(\+?)(?:-or-later)?", name, re.IGNORECASE)
    if gnu and gnu[2]:
        number = gnu[2] if "." in gnu[2] else f"{gnu[2]}.0"
        later = gnu[3] or name.endswith("-or-later")
        return licences.named(f"{gnu[1].upper()}-{number}-{'or-later' if later else 'only'}")
    return licences.named(name)


def of_jvm(version: str) -> str:
    """Returns the Debian version of the package that a JVM is from, from the version that the JVM prints."""
    match = _JVM.match(version)
    if not match:
        return version
    return f"{match['version']}~{match['release']}" if match["release"] else match["version"]
