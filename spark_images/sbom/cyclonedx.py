"""Writes a bill as CycloneDX 1.6 in JSON."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component as Part
from cyclonedx.model.component import ComponentType, Pedigree
from cyclonedx.model.component_evidence import ComponentEvidence, Occurrence
from cyclonedx.model.license import DisjunctiveLicense, License, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.spdx import is_supported_id
from packageurl import PackageURL

from spark_images.sbom.bill import MODIFIED, TOOL, Bill
from spark_images.sbom.components import Component, Kind

SUFFIX = ".cdx.json"
TYPES = {Kind.SPARK: ComponentType.APPLICATION, Kind.JDK: ComponentType.APPLICATION}
"""The types of components. All others are libraries. grype skips components of the type `platform`."""


def text(bill: Bill) -> str:
    """Returns the SBOM. The same bill gives the same text."""
    bom = Bom(
        serial_number=bill.identity,
        metadata=BomMetaData(
            timestamp=bill.created,
            tools=[],
            component=Part(
                name=bill.name,
                version=bill.version,
                type=ComponentType.CONTAINER,
                bom_ref=bill.name,
                description=bill.title,
                properties=[
                    Property(name=f"{TOOL}:layer:{number:02}", value=f"{layer.digest} {layer.origin}".strip())
                    for number, layer in enumerate(bill.layers)
                ],
            ),
        ),
        components=[_part(bill, component) for component in bill.outermost],
    )
    if bom.metadata.component:
        bom.register_dependency(bom.metadata.component, bom.components)
    bom.metadata.tools.components.add(Part(name=TOOL, type=ComponentType.APPLICATION, bom_ref=TOOL))
    # The library keeps occurrences in a set, whose order is not the same in each process.
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    _sort(document)
    return json.dumps(document, indent=2) + "\n"


def _sort(document: Any) -> None:
    for part in document.get("components", ()):
        part["evidence"]["occurrences"].sort(key=lambda occurrence: str(occurrence["location"]))
        _sort(part)


def _part(bill: Bill, component: Component) -> Part:
    return Part(
        name=component.name,
        version=component.version or None,
        group=component.group or None,
        type=TYPES.get(component.kind, ComponentType.LIBRARY),
        bom_ref=component.path,
        purl=PackageURL.from_string(component.purl),
        hashes=_hashes([component.sha256]) if component.kind is Kind.JAR else [],
        licenses=_licences(component.licence),
        pedigree=Pedigree(notes=MODIFIED) if component.modified else None,
        external_references=list(_references(component)),
        properties=list(_properties(component)),
        evidence=ComponentEvidence(occurrences=[Occurrence(location=path) for path in component.paths]),
        components=[_part(bill, inner) for inner in bill.inside(component)],
    )


def _hashes(values: Iterable[str]) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=value) for value in values]


def _licences(expression: str) -> list[License]:
    if not expression:
        return []
    if is_supported_id(expression):
        return [DisjunctiveLicense(id=expression)]
    return [LicenseExpression(expression)]


def _references(component: Component) -> Iterator[ExternalReference]:
    if component.download:
        yield ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION,
            url=XsUri(component.download.purl),
            comment="one of the files with these hashes, which the lock allows",
            hashes=_hashes(component.download.hashes),
        )


def _properties(component: Component) -> Iterator[Property]:
    yield Property(name=f"{TOOL}:kind", value=component.kind.value)
    yield Property(name=f"{TOOL}:layer", value=component.layer.origin)
    yield Property(name=f"{TOOL}:layer-digest", value=component.layer.digest)
    if component.sha256:
        yield Property(name=f"{TOOL}:sha256:{component.path}", value=component.sha256)
