"""Writes a bill as SPDX 2.3 in JSON."""

import hashlib
import json
import re
from collections.abc import Iterator

from license_expression import LicenseExpression
from spdx_tools.spdx.jsonschema.document_converter import DocumentConverter
from spdx_tools.spdx.model.actor import Actor, ActorType
from spdx_tools.spdx.model.checksum import Checksum, ChecksumAlgorithm
from spdx_tools.spdx.model.document import CreationInfo, Document
from spdx_tools.spdx.model.extracted_licensing_info import ExtractedLicensingInfo
from spdx_tools.spdx.model.package import ExternalPackageRef, ExternalPackageRefCategory, Package, PackagePurpose
from spdx_tools.spdx.model.relationship import Relationship, RelationshipType
from spdx_tools.spdx.model.spdx_no_assertion import SpdxNoAssertion

from spark_images.sbom.bill import MODIFIED, TOOL, Bill
from spark_images.sbom.components import Component, Kind, Layer
from spark_images.sbom.licences import REFERENCE, licensing

SUFFIX = ".spdx.json"
DOCUMENT = "SPDXRef-DOCUMENT"
IMAGE = "SPDXRef-image"
PURPOSES = {Kind.SPARK: PackagePurpose.APPLICATION, Kind.JDK: PackagePurpose.FRAMEWORK}
"""The purposes of components. All others are libraries."""

_REFERENCES = re.compile(rf"{REFERENCE}[A-Za-z0-9.-]+")


def text(bill: Bill) -> str:
    """Returns the SBOM. The same bill gives the same text."""
    converter = DocumentConverter()  # type: ignore[no-untyped-call]
    return json.dumps(converter.convert(document(bill)), indent=2) + "\n"


def document(bill: Bill) -> Document:
    """Returns the SBOM as a document of spdx-tools. An image contains layers, and a layer contains components."""
    return Document(
        creation_info=CreationInfo(
            spdx_version="SPDX-2.3",
            spdx_id=DOCUMENT,
            name=bill.name,
            document_namespace=f"urn:uuid:{bill.identity}",
            creators=[Actor(ActorType.TOOL, TOOL)],
            created=bill.created,
        ),
        packages=[_image(bill), *map(_layer, _layers(bill)), *(_package(component) for component in bill.components)],
        relationships=list(_relationships(bill)),
        extracted_licensing_info=[
            ExtractedLicensingInfo(
                license_id=reference,
                extracted_text="The licence files of the component are in the image.",
                license_name=reference.removeprefix(REFERENCE).replace("-", " "),
            )
            for reference in sorted(
                {r for component in bill.components for r in _REFERENCES.findall(component.licence)}
            )
        ],
    )


def _layers(bill: Bill) -> list[Layer]:
    """Returns each layer once: the layers of features that are off are all the same empty one."""
    return list({layer.digest: layer for layer in bill.layers}.values())


def _id(path: str) -> str:
    """Returns an SPDX identifier for a path. It ends with a hash, because identifiers allow few characters."""
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", path.rpartition("/")[2])
    return f"SPDXRef-{readable}-{hashlib.sha256(path.encode()).hexdigest()[:12]}"


def _image(bill: Bill) -> Package:
    return Package(
        spdx_id=IMAGE,
        name=bill.name,
        version=bill.version,
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        description=bill.title,
        primary_package_purpose=PackagePurpose.CONTAINER,
    )


def _layer(layer: Layer) -> Package:
    return Package(
        spdx_id=_id(layer.digest),
        name=layer.origin or "empty layer",
        download_location=SpdxNoAssertion(),
        files_analyzed=False,
        checksums=[Checksum(ChecksumAlgorithm.SHA256, layer.digest.removeprefix("sha256:"))],
        primary_package_purpose=PackagePurpose.ARCHIVE,
    )


def _package(component: Component) -> Package:
    is_file = component.kind is Kind.JAR
    return Package(
        spdx_id=_id(component.path),
        name=f"{component.group}:{component.name}" if component.group else component.name,
        version=component.version or None,
        download_location=SpdxNoAssertion(),
        file_name=component.path,
        files_analyzed=False,
        checksums=[Checksum(ChecksumAlgorithm.SHA256, component.sha256)] if is_file else [],
        source_info=_source(component),
        license_declared=_licence(component.licence),
        external_references=list(_references(component)),
        primary_package_purpose=PURPOSES.get(component.kind, PackagePurpose.LIBRARY),
    )


def _licence(expression: str) -> LicenseExpression | SpdxNoAssertion:
    return licensing().parse(expression) if expression else SpdxNoAssertion()


def _source(component: Component) -> str:
    lines = [f"{component.kind.value} in {', '.join(component.paths)}"]
    if component.sha256:
        lines.append(f"SHA-256 of {component.path}: {component.sha256}")
    if component.download:
        lines.append(f"locked as {component.download.purl}, SHA-256 {' or '.join(component.download.hashes)}")
    if component.modified:
        lines.append(MODIFIED)
    return "\n".join(lines)


def _references(component: Component) -> Iterator[ExternalPackageRef]:
    yield ExternalPackageRef(ExternalPackageRefCategory.PACKAGE_MANAGER, "purl", component.purl)


def _relationships(bill: Bill) -> Iterator[Relationship]:
    yield Relationship(DOCUMENT, RelationshipType.DESCRIBES, IMAGE)
    for layer in _layers(bill):
        yield Relationship(IMAGE, RelationshipType.CONTAINS, _id(layer.digest))
    for component in bill.components:
        outer = component.within or component.layer.digest
        yield Relationship(_id(outer), RelationshipType.CONTAINS, _id(component.path))
