"""The files that `inv images.sbom` writes."""

import io
import json
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

from spark_images.engine import daemon
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project
from spark_images.reports import measure
from spark_images.reports.measure import Composed
from spark_images.sbom import cyclonedx, layers, spdx, write
from spark_images.sbom.bill import Bill
from spark_images.sbom.components import Component, Kind, Layer
from spark_images.sbom.inventory import Inventory
from spark_images.sbom.locked import Download
from tests.unit.test_sbom_evidence import archive, module

A, B = "a" * 64, "b" * 64
LAYER = Layer(f"sha256:{A}", "core")
JAR = Component(
    kind=Kind.JAR,
    purl="pkg:maven/g/x@1",
    name="x",
    version="1",
    licence="LicenseRef-House-Rules",
    layer=LAYER,
    paths=("/opt/x-1.jar", "/opt/x-1.jar!/META-INF/maven/g/x/pom.properties"),
    sha256=B,
    group="g",
    download=Download("pkg:maven/g/x@1", (A,), "MIT"),
    modified=True,
)
SHADED = replace(
    JAR,
    kind=Kind.SHADED,
    purl="pkg:maven/h/y@2",
    name="y",
    licence="",
    paths=("/opt/x-1.jar!/META-INF/maven/h/y/pom.properties",),
    sha256="",
    download=None,
    modified=False,
    within=JAR.path,
)
WHEEL = replace(
    SHADED,
    kind=Kind.PYTHON,
    purl="pkg:pypi/z@1",
    name="z",
    group="",
    licence="MIT OR Apache-2.0",
    paths=("/z/METADATA",),
    sha256=A,
    within="",
)
BILL = Bill(
    "image",
    "An image",
    "9.0",
    datetime(2026, 1, 2, tzinfo=UTC),
    (LAYER, Layer(f"sha256:{B}", "")),
    (JAR, SHADED, WHEEL),
)


def test_cyclonedx_is_valid_and_says_everything_about_a_component() -> None:
    text = cyclonedx.text(BILL)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    document = json.loads(text)
    jar, wheel = document["components"]
    assert (jar["purl"], jar["bom-ref"]) == ("pkg:maven/g/x@1", "/opt/x-1.jar")
    assert jar["hashes"] == [{"alg": "SHA-256", "content": B}]
    assert jar["licenses"] == [{"expression": "LicenseRef-House-Rules"}]
    assert jar["externalReferences"][0]["hashes"] == [{"alg": "SHA-256", "content": A}]
    assert jar["pedigree"]["notes"] == "the build removed files from it"
    assert [o["location"] for o in jar["evidence"]["occurrences"]] == list(JAR.paths)
    assert {p["name"]: p["value"] for p in jar["properties"]} == {
        "spark-images:kind": "jar",
        "spark-images:layer": "core",
        "spark-images:layer-digest": LAYER.digest,
        "spark-images:sha256:/opt/x-1.jar": B,
    }
    assert [inner["purl"] for inner in jar["components"]] == ["pkg:maven/h/y@2"]
    assert "hashes" not in wheel
    assert wheel["licenses"] == [{"expression": "MIT OR Apache-2.0"}]
    assert [p["value"] for p in document["metadata"]["component"]["properties"]] == [
        f"{LAYER.digest} core",
        f"sha256:{B}",
    ]


def test_spdx_is_valid_and_says_everything_about_a_component() -> None:
    assert validate_full_spdx_document(spdx.document(BILL)) == []
    document = json.loads(spdx.text(BILL))
    packages = {package["name"]: package for package in document["packages"]}
    jar = packages["g:x"]
    assert jar["checksums"] == [{"algorithm": "SHA256", "checksumValue": B}]
    assert jar["licenseDeclared"] == "LicenseRef-House-Rules"
    assert jar["externalRefs"][0]["referenceLocator"] == "pkg:maven/g/x@1"
    assert f"locked as pkg:maven/g/x@1, SHA-256 {A}" in jar["sourceInfo"]
    assert [info["licenseId"] for info in document["hasExtractedLicensingInfos"]] == ["LicenseRef-House-Rules"]
    contains = {(r["spdxElementId"], r["relatedSpdxElement"]) for r in document["relationships"]}
    ids = {name: package["SPDXID"] for name, package in packages.items()}
    assert {
        ("SPDXRef-DOCUMENT", ids["image"]),
        (ids["image"], ids["core"]),
        (ids["core"], ids["g:x"]),
        (ids["g:x"], ids["g:y"]),
        (ids["core"], ids["z"]),
    } <= contains


@pytest.mark.parametrize("text", [cyclonedx.text, spdx.text])
def test_the_same_image_gives_the_same_bytes_and_another_one_another_identity(text: Any) -> None:
    many = replace(WHEEL, paths=tuple(f"/z/{number}" for number in range(40)))
    bill, again = (replace(BILL, components=(JAR, SHADED, replace(many))) for _ in range(2))
    assert text(bill) == text(again)
    assert "2026-01-02T00:00:00" in text(BILL)
    other = replace(BILL, components=BILL.components[:1])
    assert BILL.identity != other.identity
    assert str(BILL.identity) in text(BILL)


class Engine:
    """An engine with images whose only layer has one jar. It counts how often an image is read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *held: str, folder: Path) -> None:
        self.reads = 0
        images = {name: Composed(f"spark-k8s-{name}:latest", (LAYER.digest,), ("core-9.0",)) for name in held}
        monkeypatch.setattr(
            measure, "composed", lambda _, cells: {c.name: images[c.name] for c in cells if c.name in images}
        )
        monkeypatch.setattr(measure, "read_layers", self.read)
        monkeypatch.setattr(layers, "FOLDER", folder)
        layers.folder.cache_clear()
        labels = {write.CREATED: "2026-03-04T05:06:07+00:00"}
        monkeypatch.setattr(daemon, "find", lambda _: SimpleNamespace(labels=labels))

    def read(self, tags: list[str], read: Any) -> dict[str, list[Inventory]]:
        self.reads += 1
        content, jar = io.BytesIO(), archive(module("g", "x", "1"))
        with tarfile.open(fileobj=content, mode="w") as tar:
            member = tarfile.TarInfo("opt/x-1.jar")
            member.size = len(jar)
            tar.addfile(member, io.BytesIO(jar))
        return {tag: [read(f"blobs/sha256/{A}", io.BufferedReader(io.BytesIO(content.getvalue())))] for tag in tags}


def test_each_image_gets_a_file_of_each_format(small: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine = Engine(monkeypatch, "spark-9.0", folder=tmp_path / "layers")
    cells = [cell_of(small.matrix, "9.0-baseline")]
    found = write.write(small, cells, folder=tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.json")) == [
        "spark-k8s-spark-9.0.cdx.json",
        "spark-k8s-spark-9.0.spdx.json",
    ]
    assert write.table(found) == [("spark-k8s-spark-9.0", "1", "0", "0", "0")]
    assert found[0].created == datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    before = (tmp_path / "spark-k8s-spark-9.0.cdx.json").read_bytes()
    (tmp_path / "spark-k8s-spark-9.0.spdx.json").unlink()
    write.write(small, cells, ["cyclonedx"], tmp_path)
    assert not (tmp_path / "spark-k8s-spark-9.0.spdx.json").exists()
    assert (tmp_path / "spark-k8s-spark-9.0.cdx.json").read_bytes() == before
    assert engine.reads == 1, "a layer is read once"


def test_a_known_layer_of_an_image_with_a_new_one_is_not_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(layers, "FOLDER", tmp_path)
    layers.folder.cache_clear()
    read = []

    def new(_: Any) -> Inventory:
        read.append(1)
        return Inventory(removed=("x",))

    def saved(tags: list[str], of: Any) -> dict[str, list[Inventory]]:
        return {tag: [of(f"blobs/sha256/{name}", io.BufferedReader(io.BytesIO())) for name in tag] for tag in tags}

    monkeypatch.setattr(measure, "read_layers", saved)
    monkeypatch.setattr(layers, "_read", new)
    layers.inventories({"a": ("sha256:a",)})
    layers.inventories({"ab": ("sha256:a", "sha256:b")})
    assert len(read) == 2


def test_a_blob_that_is_no_layer_has_an_empty_inventory() -> None:
    assert layers._read(io.BufferedReader(io.BytesIO(b'{"manifest": 1}' * 100))) == Inventory()


def test_an_image_that_is_not_built_names_the_command_that_builds_it(
    small: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Engine(monkeypatch, "spark-9.0", folder=tmp_path)
    cells = [cell_of(small.matrix, f"9.0-{variant}") for variant in ("baseline", "lake")]
    with pytest.raises(SparkImagesError) as caught:
        write.write(small, cells, folder=tmp_path)
    assert str(caught.value) == (
        "images that are not built have no SBOM: spark-k8s-spark-9.0-lake:latest: "
        "run `inv build.runtime --image spark --spark 9.0 --variant lake`"
    )
    assert list(tmp_path.glob("*.json")) == []


def test_an_unknown_format_names_the_nearest_one(small: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r'^unknown format "spdxx"; expected .* \(did you mean "spdx"\?\)$'):
        write.write(small, [], ["spdxx"], tmp_path)
