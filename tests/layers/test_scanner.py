"""Compares the SBOM of two images with a scanner that knows no lock: syft."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli
from packageurl import PackageURL

from spark_images.checks import suites
from spark_images.plan.project import load_project
from spark_images.sbom import write
from spark_images.sbom.bill import Bill

DIFFERENCES = Path(__file__).with_name("scanner.toml")
COMPARED = {"spark": "iceberg", "jupyter": "baseline"}
"""The variant of each kind of image that is compared. The images are those of the newest Spark that has the variant."""

Side = set[tuple[str, str]]
"""Package URLs without version, and versions."""


@pytest.fixture(scope="module")
def pairs() -> list[tuple[Bill, Side, Side]]:
    """Each image with the components of its SBOM, and those that syft finds."""
    project = load_project()
    found = []
    for kind, variant in COMPARED.items():
        cells = [cell for cell in project.matrix.buildable if (cell.image, cell.variant) == (kind, variant)]
        (cell,) = suites.newest(cells, suites.any_line)
        (bill,) = write.bills(project, [cell])
        ours = {split(component.purl) for component in bill.components}
        found.append((bill, ours, set(scanned(project.matrix.tag(cell.name)))))
    return found


def scanned(image: str) -> Iterator[tuple[str, str]]:
    """Yields the package URLs that syft finds in an image of the engine."""
    environment = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false"}
    command = ["syft", "scan", f"docker:{image}", "--quiet", "--output", "json"]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    for artefact in json.loads(done.stdout)["artifacts"]:
        yield split(artefact["purl"] or f"pkg:generic/{artefact['name']}@{artefact['version']}")


def split(purl: str) -> tuple[str, str]:
    url = PackageURL.from_string(purl)
    return PackageURL(url.type, url.namespace, url.name).to_string(), url.version or ""


def explained(side: str) -> set[str]:
    return {purl for difference in tomli.loads(DIFFERENCES.read_text())["difference"] for purl in difference[side]}


def test_syft_finds_nothing_that_the_sbom_does_not_name(pairs: list[tuple[Bill, Side, Side]]) -> None:
    reasons = explained("theirs")
    for bill, ours, theirs in pairs:
        assert {pair for pair in theirs - ours if pair[0] not in reasons} == set(), bill.name


def test_syft_finds_what_the_sbom_names(pairs: list[tuple[Bill, Side, Side]]) -> None:
    reasons = explained("ours")
    for bill, ours, theirs in pairs:
        assert {pair for pair in ours - theirs if pair[0] not in reasons} == set(), bill.name


def test_every_explained_difference_still_exists(pairs: list[tuple[Bill, Side, Side]]) -> None:
    only_ours = {purl for _, ours, theirs in pairs for purl, _ in ours - theirs}
    only_theirs = {purl for _, ours, theirs in pairs for purl, _ in theirs - ours}
    assert explained("ours") - only_ours == set()
    assert explained("theirs") - only_theirs == set()
