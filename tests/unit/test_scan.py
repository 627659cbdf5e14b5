"""A scan as a whole. A script stands in for grype."""

import json
from pathlib import Path

import pytest

from spark_images.errors import UsageError
from spark_images.scan import scan
from spark_images.scan.grype import UnreachableError
from spark_images.scan.statements import Statement
from tests.unit.test_scan_findings import JAR, component, written
from tests.unit.test_scan_grype import only, script

REPORT = {
    "matches": [
        {
            "vulnerability": {"id": "GHSA-1", "severity": "High", "fix": {"versions": ["2.0.0"]}},
            "relatedVulnerabilities": [{"id": "CVE-1"}],
            "artifact": {"name": "made-up", "version": "1.0.0", "purl": JAR},
        }
    ]
}


@pytest.fixture
def sbom(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An SBOM, and a grype on PATH that finds one vulnerability in it."""
    only(monkeypatch, tmp_path / "bin")
    script(tmp_path / "bin/grype", f"[[ $1 == db ]] || echo '{json.dumps(REPORT)}'")
    return written(tmp_path, component(JAR, "core"))


def test_a_scan_joins_the_sbom_the_matches_and_the_statements_of_the_image(sbom: Path) -> None:
    said = {"image": [Statement(frozenset({"CVE-1"}), JAR, "not_affected")]}
    (finding,) = scan.scan([sbom], lambda name: said[name])
    assert (finding.image, finding.layer, finding.vex, finding.fails) == ("image", "core", "not_affected", False)


def test_without_statements_a_fix_fails(sbom: Path) -> None:
    assert [finding.fails for finding in scan.scan([sbom], lambda _: [])] == [True]


def test_nothing_is_scanned_without_a_database(sbom: Path, tmp_path: Path) -> None:
    script(tmp_path / "bin/grype", f"[[ $1 != db ]] || exit 1; echo '{json.dumps(REPORT)}'")
    with pytest.raises(UnreachableError):
        scan.scan([sbom], lambda _: [])


def test_a_wrong_sbom_is_an_error_before_grype_is_needed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only(monkeypatch, tmp_path / "bin")
    with pytest.raises(UsageError, match="cannot be read"):
        scan.scan([tmp_path / "nothing.cdx.json"], lambda _: [])


def test_documents_are_read_in_their_order(tmp_path: Path) -> None:
    files = []
    for number in (1, 2):
        statement = {"vulnerability": {"name": f"CVE-{number}"}, "products": [{"@id": JAR}], "status": "fixed"}
        files.append(tmp_path / f"{number}.json")
        files[-1].write_text(json.dumps({"statements": [statement]}))
    assert [set(statement.names) for statement in scan.read(files)] == [{"CVE-1"}, {"CVE-2"}]


def test_a_wrong_document_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(UsageError, match=r"a\.json is not an OpenVEX document"):
        scan.read([tmp_path / "a.json"])
    with pytest.raises(UsageError, match=r"b\.json cannot be read: No such file or directory"):
        scan.read([tmp_path / "b.json"])
