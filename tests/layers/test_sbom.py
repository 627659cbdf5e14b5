"""Compares the SBOM of each image with every file of its layers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from spdx_tools.spdx.parser.jsonlikedict.json_like_dict_parser import JsonLikeDictParser
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from spark_images.attest import vex
from spark_images.engine import daemon
from spark_images.matrix.model import Cell
from spark_images.plan.project import Project, load_project
from spark_images.sbom import cyclonedx, spdx, write
from spark_images.sbom.bill import Bill
from tests.integration.layers import EMPTY, holder, names_by_digest, smallest
from tests.layers import evidence
from tests.layers.evidence import Evidence


@dataclass(frozen=True)
class Part:
    """A component of a CycloneDX SBOM, as a user of the file reads it."""

    purl: PackageURL
    path: str
    locations: list[str]
    layer: str
    sha256: str
    licences: list[Any]


@dataclass(frozen=True)
class Checked:
    """An image: its cell, its bill, its SBOM as a user reads it, and what is in its layers, bottom layer first."""

    cell: Cell
    bill: Bill
    parts: list[Part]
    layers: Mapping[str, Evidence]

    @property
    def by_location(self) -> dict[str, Part]:
        return {location: part for part in self.parts for location in part.locations}


def cells(project: Project, image: str | None) -> list[Cell]:
    """Returns the cells to check: the one of the option --image, or all."""
    matrix = project.matrix
    names = {cell.key: (None, matrix.tag(cell.name), matrix.repository(cell.name)) for cell in matrix.buildable}
    found = [cell for cell in matrix.buildable if image in names[cell.key]]
    assert found, f"--image {image} names no image of the matrix"
    return found


@pytest.fixture(scope="module")
def images(request: pytest.FixtureRequest) -> list[Checked]:
    if not names_by_digest():
        pytest.skip("this engine does not name layers by digest, so the files of a layer cannot be found")
    project = load_project()
    wanted = cells(project, request.config.getoption("--image"))
    bills = write.bills(project, wanted)
    references = [project.matrix.tag(cell.name) for cell in wanted]
    holders = [holder(reference, daemon.client().images.get(reference).attrs) for reference in references]
    if missing := {layer for holder in holders for layer in holder.layers if not evidence.recorded(layer)}:
        evidence.read(smallest(missing, holders), missing)
    return [
        Checked(cell, bill, list(parts(json.loads(cyclonedx.text(bill)))), shown(bill))
        for cell, bill in zip(wanted, bills, strict=True)
    ]


def shown(bill: Bill) -> dict[str, Evidence]:
    layers = {layer.digest: evidence.recorded(layer.digest) for layer in bill.layers if layer.digest != EMPTY}
    assert None not in layers.values(), "a layer was not read"
    return {digest: found for digest, found in layers.items() if found}


def parts(document: Any) -> Iterator[Part]:
    for part in document.get("components", ()):
        properties = {p["name"]: p["value"] for p in part["properties"]}
        hashes = {h["alg"]: h["content"] for h in part.get("hashes", ())}
        yield Part(
            PackageURL.from_string(part["purl"]),
            part["bom-ref"],
            [occurrence["location"] for occurrence in part["evidence"]["occurrences"]],
            properties["spark-images:layer-digest"],
            hashes.get("SHA-256", ""),
            part.get("licenses", []),
        )
        yield from parts(part)


def test_the_sbom_names_every_archive_module_and_python_package_with_its_layer(images: list[Checked]) -> None:
    for image in images:
        # Two sets of Python packages can contain the same package. The higher layer is the one that counts.
        highest = {
            path: layer
            for layer, found in image.layers.items()
            for path in (*found.archives, *found.modules, *found.python, *found.machines)
        }
        named = {path: part.layer for path, part in image.by_location.items() if path in highest}
        assert named == highest, image.bill.name


def test_the_sbom_names_the_debian_packages_that_dpkg_knows_and_no_others(images: list[Checked]) -> None:
    for image in images:
        named = {
            p.purl.name: p.purl.version for p in image.parts if p.purl.type == "deb" and "arch" in p.purl.qualifiers
        }
        assert named == evidence.merged(image.layers.values()), image.bill.name


def test_everything_that_the_sbom_names_is_in_the_layer_that_it_names(images: list[Checked]) -> None:
    for image in images:
        inside = {digest: {*found.files, *found.archives, *found.modules} for digest, found in image.layers.items()}
        absent = [f"{loc} of {p.layer}" for p in image.parts for loc in p.locations if loc not in inside[p.layer]]
        assert absent == [], image.bill.name


def test_the_hash_of_each_archive_is_that_of_its_bytes(images: list[Checked]) -> None:
    for image in images:
        archives = {path: sha256 for found in image.layers.values() for path, sha256 in found.archives.items()}
        hashed = {part.path: part.sha256 for part in image.parts if part.sha256}
        assert hashed == {path: archives[path] for path in hashed}, image.bill.name
        assert len(hashed) > 200, image.bill.name


def test_no_layer_hides_other_bytes_of_another_one(images: list[Checked]) -> None:
    """The SBOM names what is visible. Bytes that a higher layer hides would be in the image, and in no SBOM."""
    for image in images:
        seen: dict[str, str] = {}
        hidden = [
            path for layer in image.layers.values() for path in layer.removed if ".jar" in path or "-info" in path
        ]
        for layer in image.layers.values():
            files = layer.archives | layer.python
            hidden += [path for path, sha256 in files.items() if seen.setdefault(path, sha256) != sha256]
        assert hidden == [], image.bill.name


def test_every_component_has_a_licence(images: list[Checked]) -> None:
    """If this fails, add the component to a table of spark_images/sbom/known.toml."""
    unlicensed = {str(part.purl) for image in images for part in image.parts if not part.licences}
    assert unlicensed == set()


def test_both_formats_are_valid_and_name_the_same_components(images: list[Checked]) -> None:
    for image in images[:: max(1, len(images) // 6)]:
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(cyclonedx.text(image.bill)) is None
        document = JsonLikeDictParser().parse(json.loads(spdx.text(image.bill)))  # type: ignore[no-untyped-call]
        assert validate_full_spdx_document(document) == []
        purls = sorted(reference.locator for package in document.packages for reference in package.external_references)
        assert purls == sorted(part.purl.to_string() for part in image.parts)


def test_statements_about_vulnerabilities_are_true(images: list[Checked]) -> None:
    """The tables [[vex]] of images.toml. Removed jars are compared with the files, and not only with the SBOM."""
    statements = load_project().matrix.vex
    for image in images:
        vex.check(statements, image.cell, image.bill)
        jars = {path for found in image.layers.values() for path in (*found.files, *found.archives)}
        selected = [each for each in statements if each.concerns(image.cell.line, image.cell.features)]
        names = [each.removed for each in selected if each.removed]
        assert [p for p in jars for name in names if fnmatch(p.rpartition("/")[2], name)] == [], image.bill.name
