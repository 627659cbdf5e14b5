"""Joins the matches of grype with the SBOM and the statements. Decides what fails."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packageurl import PackageURL
from pydantic import BaseModel, ValidationError

from spark_images.errors import SparkImagesError, UsageError
from spark_images.sbom.bill import TOOL
from spark_images.scan.statements import HARMLESS, Statement, status

LAYER = f"{TOOL}:layer"
"""The property of a component in the SBOM that names its layer."""


@dataclass(frozen=True)
class Match:
    """A vulnerability that grype found in a component. `aliases` are its other identifiers.

    `purl` is the package URL of the component, or "". `fixed_in` has the versions with a fix.
    """

    vulnerability: str
    aliases: tuple[str, ...]
    severity: str
    name: str
    version: str
    purl: str
    fixed_in: tuple[str, ...]


@dataclass(frozen=True)
class Sbom:
    """An SBOM: the name of its image, each package URL with its layers, and the Debian release, or ""."""

    image: str
    layers: dict[str, tuple[str, ...]]
    debian: str


@dataclass(frozen=True)
class Finding:
    """A vulnerability of a component of an image. `vex` is the status that a statement gives it, or ""."""

    image: str
    vulnerability: str
    aliases: tuple[str, ...]
    severity: str
    component: str
    version: str
    purl: str
    fixed_in: tuple[str, ...]
    layer: str
    vex: str

    @property
    def fails(self) -> bool:
        """Whether there is a fix, and no statement that excuses the finding."""
        return bool(self.fixed_in) and self.vex not in HARMLESS


def sbom(file: Path) -> Sbom:
    """Reads an SBOM in CycloneDX, as `inv images.sbom` writes it.

    Raises UsageError if the file cannot be read, or is not CycloneDX in JSON with at least one component.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        image = document["metadata"]["component"]["name"]
        parts = list(_parts(document))
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UsageError(f"{file} is not an SBOM in CycloneDX: `inv images.sbom` writes one") from None
    if not parts:
        raise UsageError(f"{file} names no component: `inv images.sbom` writes an SBOM with components")
    layers: dict[str, dict[str, None]] = {}
    for purl, layer in parts:
        layers.setdefault(_key(purl), {}).setdefault(layer)
    return Sbom(image, {purl: tuple(names) for purl, names in layers.items()}, _debian(purl for purl, _ in parts))


def _parts(document: Any) -> Iterator[tuple[str, str]]:
    for component in document.get("components", ()):
        layer = next((p["value"] for p in component.get("properties", ()) if p["name"] == LAYER), "")
        if component.get("purl"):
            yield component["purl"], layer
        yield from _parts(component)


def _key(purl: str) -> str:
    """Returns a package URL without its qualifiers, because grype can write them in another order."""
    try:
        url = PackageURL.from_string(purl)
    except ValueError:
        return purl
    return PackageURL(url.type, url.namespace, url.name, url.version).to_string()


def _debian(purls: Iterable[str]) -> str:
    found = {match[1] for purl in purls if (match := re.match(r"pkg:deb/debian/.*[?&]distro=debian-(\d+)", purl))}
    return found.pop() if len(found) == 1 else ""


class _Fix(BaseModel):
    versions: list[str] = []


class _Vulnerability(BaseModel):
    id: str
    severity: str = ""
    fix: _Fix = _Fix()


class _Related(BaseModel):
    id: str


class _Artefact(BaseModel):
    name: str
    version: str
    purl: str = ""


class _Match(BaseModel):
    vulnerability: _Vulnerability
    relatedVulnerabilities: list[_Related] = []  # noqa: N815 -- grype's name
    artifact: _Artefact


class _Report(BaseModel):
    matches: list[_Match]


def matches(report: str | bytes) -> list[Match]:
    """Returns the matches in grype's report, in JSON. Raises SparkImagesError if it is not such a report."""
    try:
        found = _Report.model_validate_json(report).matches
    except ValidationError as error:
        raise SparkImagesError(f"grype's report cannot be read: {error.errors()[0]['msg']}") from None
    return [
        Match(
            vulnerability=each.vulnerability.id,
            aliases=tuple(sorted({other.id for other in each.relatedVulnerabilities} - {each.vulnerability.id})),
            severity=each.vulnerability.severity,
            name=each.artifact.name,
            version=each.artifact.version,
            purl=each.artifact.purl,
            fixed_in=tuple(each.vulnerability.fix.versions),
        )
        for each in found
    ]


def findings(of: Sbom, found: Iterable[Match], statements: Sequence[Statement]) -> list[Finding]:
    """Returns the findings of an image: those that fail first, then by component and vulnerability."""
    rows = set()
    for match in found:
        rows.add(
            Finding(
                image=of.image,
                vulnerability=match.vulnerability,
                aliases=match.aliases,
                severity=match.severity,
                component=_name(match),
                version=match.version,
                purl=match.purl,
                fixed_in=match.fixed_in,
                layer=", ".join(of.layers.get(_key(match.purl), ())),
                vex=status(statements, (match.vulnerability, *match.aliases), match.purl),
            )
        )
    return sorted(rows, key=lambda row: (not row.fails, row.component, row.vulnerability, row.purl))


def _name(match: Match) -> str:
    """Returns the name of a component: `group:artifact` for a jar."""
    if not match.purl.startswith("pkg:maven/"):
        return match.name
    url = PackageURL.from_string(match.purl)
    return f"{url.namespace}:{url.name}"


def exit_code(found: Iterable[Finding]) -> int:
    """Returns 1 if a finding fails, else 0."""
    return int(any(finding.fails for finding in found))


COLUMNS = ("image", "vulnerability", "severity", "component", "version", "fixed in", "layer", "VEX")


def table(found: Iterable[Finding]) -> list[tuple[str, ...]]:
    """Returns the rows of the table: those that fail first. Images with the same finding share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for f in sorted(found, key=lambda finding: not finding.fails):
        row = (f.vulnerability, f.severity, f.component, f.version, ", ".join(f.fixed_in), f.layer, f.vex)
        rows.setdefault(row, []).append(f.image)
    return [(_images(images), *row) for row, images in rows.items()]


def _images(names: Sequence[str]) -> str:
    others = len(dict.fromkeys(names)) - 1
    return f"{names[0]} and {others} more" if others else names[0]


def summary(found: Sequence[Finding]) -> str:
    """Returns one sentence: how many findings fail, and how many do not."""
    failing = [finding for finding in found if finding.fails]
    excused = [finding for finding in found if finding.vex in HARMLESS]
    unfixed = len(found) - len(failing) - len(excused)
    return (
        f"{len(failing)} with a fix and without a VEX statement, {unfixed} without a fix, {len(excused)} excused by VEX"
    )
