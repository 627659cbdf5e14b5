"""The findings of a scan: what fails, and what a person sees."""

import json
from pathlib import Path
from typing import Any

import pytest

from spark_images.errors import SparkImagesError, UsageError
from spark_images.scan.findings import Finding, Match, Sbom, exit_code, findings, matches, sbom, summary, table
from spark_images.scan.statements import Statement

JAR = "pkg:maven/org.example/made-up@1.0.0"
DEB = "pkg:deb/debian/x@1?arch=amd64&distro=debian-12"
OF = Sbom("image", {JAR: ("core", "drivers"), "pkg:deb/debian/x@1": ("os",)}, "12")
FIXED = Match("GHSA-1", ("CVE-1",), "High", "made-up", "1.0.0", JAR, ("2.0.0", "1.9.1"))
UNFIXED = Match("CVE-2", (), "Low", "x", "1", DEB, ())


def component(purl: str, layer: str, *inside: dict[str, Any]) -> dict[str, Any]:
    return {"purl": purl, "properties": [{"name": "spark-images:layer", "value": layer}], "components": list(inside)}


def written(folder: Path, *components: dict[str, Any]) -> Path:
    file = folder / "a.cdx.json"
    file.write_text(json.dumps({"metadata": {"component": {"name": "image"}}, "components": components}))
    return file


def test_an_sbom_gives_the_layers_of_each_component_also_of_shaded_ones(tmp_path: Path) -> None:
    file = written(
        tmp_path, component("pkg:maven/a/b@1", "core", component(JAR, "core")), component(JAR, "drivers"), {"name": "x"}
    )
    assert sbom(file) == Sbom("image", {"pkg:maven/a/b@1": ("core",), JAR: ("core", "drivers")}, "")


def test_the_debian_release_comes_from_the_packages(tmp_path: Path) -> None:
    assert sbom(written(tmp_path, component(DEB, "os"))).debian == "12"
    other = component("pkg:deb/debian/y@1?distro=debian-13", "os")
    assert sbom(written(tmp_path, component(DEB, "os"), other)).debian == ""


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"metadata": {"component": {"name": "x"}}, "components": [1]}'])
def test_another_file_is_not_an_sbom(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"a\.json is not an SBOM in CycloneDX: `inv images\.sbom` writes one"):
        sbom(file)


def test_an_sbom_without_components_is_an_error_because_nothing_would_be_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no component"):
        sbom(written(tmp_path))


def test_a_missing_sbom_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        sbom(tmp_path / "a.json")


def test_a_report_gives_the_matches() -> None:
    vulnerability = {"id": "GHSA-1", "severity": "High", "fix": {"versions": ["2.0.0", "1.9.1"], "state": "fixed"}}
    related = [{"id": "CVE-1"}, {"id": "GHSA-1"}]
    match = {
        "vulnerability": vulnerability,
        "relatedVulnerabilities": related,
        "artifact": {"name": "made-up", "version": "1.0.0", "purl": JAR},
    }
    assert matches(json.dumps({"matches": [match]})) == [FIXED]


@pytest.mark.parametrize("report", ["", "{}", '{"matches": [{}]}'])
def test_another_report_is_an_error(report: str) -> None:
    with pytest.raises(SparkImagesError, match="grype's report cannot be read"):
        matches(report)


def test_a_finding_says_where_the_component_is() -> None:
    (finding,) = findings(OF, [FIXED], [])
    assert (finding.component, finding.version, finding.layer) == ("org.example:made-up", "1.0.0", "core, drivers")
    assert (finding.image, finding.aliases, finding.vex) == ("image", ("CVE-1",), "")


def test_the_order_of_qualifiers_does_not_hide_the_layer() -> None:
    turned = Match("CVE-2", (), "Low", "x", "1", "pkg:deb/debian/x@1?distro=debian-12&arch=amd64", ())
    assert findings(OF, [turned], [])[0].layer == "os"


@pytest.mark.parametrize("purl", ["", "not a package URL"])
def test_a_component_without_a_package_url_is_reported_too(tmp_path: Path, purl: str) -> None:
    of = sbom(written(tmp_path, component(JAR, "core"), component(purl, "core")))
    (finding,) = findings(of, [Match("CVE-9", (), "High", "y", "3", purl, ("4",))], [])
    assert (finding.component, finding.version, finding.fails) == ("y", "3", True)


def test_only_a_finding_with_a_fix_fails() -> None:
    assert exit_code([]) == 0
    assert exit_code(findings(OF, [UNFIXED], [])) == 0
    assert exit_code(findings(OF, [UNFIXED, FIXED], [])) == 1


@pytest.mark.parametrize(
    ("status", "code"), [("not_affected", 0), ("fixed", 0), ("affected", 1), ("under_investigation", 1)]
)
def test_a_statement_excuses_a_finding_only_if_it_says_that_there_is_no_harm(status: str, code: int) -> None:
    found = findings(OF, [FIXED], [Statement(frozenset({"CVE-1"}), JAR, status)])
    assert exit_code(found) == code
    assert found[0].vex == status


def test_the_table_starts_with_what_fails() -> None:
    found = findings(OF, [UNFIXED, FIXED], [])
    assert table(found) == [
        ("image", "GHSA-1", "High", "org.example:made-up", "1.0.0", "2.0.0, 1.9.1", "core, drivers", ""),
        ("image", "CVE-2", "Low", "x", "1", "", "os", ""),
    ]


def test_images_with_the_same_finding_share_a_row() -> None:
    found: list[Finding] = []
    for name in ("one", "two", "three"):
        found += findings(Sbom(name, OF.layers, "12"), [UNFIXED], [])
    assert [row[0] for row in table(found)] == ["one and 2 more"]


def test_the_summary_counts_each_finding_once() -> None:
    said = [Statement(frozenset({"CVE-3"}), JAR, "fixed")]
    excused = Match("CVE-3", (), "Low", "made-up", "1.0.0", JAR, ("2.0.0",))
    found = findings(OF, [FIXED, UNFIXED, excused], said)
    assert summary(found) == "1 with a fix and without a VEX statement, 1 without a fix, 1 excused by VEX"
