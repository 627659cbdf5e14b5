"""The statements of OpenVEX documents."""

import json
from typing import Any

import pytest

from spark_images.errors import UsageError
from spark_images.scan.statements import Statement, read, status

JAR = "pkg:maven/org.example/made-up@1.0.0"


def text(**statement: Any) -> str:
    said = {"vulnerability": {"name": "CVE-1"}, "products": [{"@id": JAR}], "status": "not_affected", **statement}
    return json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "statements": [said]})


def test_a_statement_is_about_its_product() -> None:
    assert read(text()) == [Statement(frozenset({"CVE-1"}), JAR, "not_affected")]


def test_the_aliases_and_the_old_form_of_a_vulnerability_are_read() -> None:
    assert read(text(vulnerability={"name": "CVE-1", "aliases": ["GHSA-1"]}))[0].names == {"CVE-1", "GHSA-1"}
    assert read(text(vulnerability="CVE-2"))[0].names == {"CVE-2"}


def test_a_statement_about_an_image_is_about_its_subcomponents() -> None:
    products = [{"@id": "pkg:oci/image@sha256:1", "subcomponents": [{"@id": JAR}, {"@id": "pkg:pypi/wheel"}]}]
    assert [statement.product for statement in read(text(products=products))] == [JAR, "pkg:pypi/wheel"]


def test_a_package_url_can_be_an_identifier() -> None:
    assert read(text(products=[{"@id": "a-jar", "identifiers": {"purl": JAR}}]))[0].product == JAR


def test_a_product_without_a_package_url_is_omitted() -> None:
    assert read(text(products=[{"@id": "a-jar"}])) == []


@pytest.mark.parametrize("wrong", ["", "[]", "{}", '{"statements": [{"status": "fixed"}]}'])
def test_another_document_is_an_error_that_names_it(wrong: str) -> None:
    with pytest.raises(UsageError, match=r"a\.json is not an OpenVEX document"):
        read(wrong, "a.json")


def said(product: str, *, names: tuple[str, ...] = ("GHSA-1", "CVE-1"), purl: str = JAR) -> str:
    return status([Statement(frozenset({"CVE-1"}), product, "fixed")], names, purl)


def test_a_statement_counts_for_each_identifier_of_a_vulnerability() -> None:
    assert said(JAR) == "fixed"
    assert said(JAR, names=("GHSA-1",)) == ""


@pytest.mark.parametrize("product", ["pkg:maven/org.example/made-up", JAR])
def test_a_product_without_a_version_is_each_version(product: str) -> None:
    assert said(product) == "fixed"


@pytest.mark.parametrize(
    "product",
    [
        "pkg:maven/org.example/made-up@2.0.0",
        "pkg:maven/org.other/made-up@1.0.0",
        "pkg:maven/org.example/other@1.0.0",
        "pkg:pypi/made-up@1.0.0",
        "pkg:maven/org.example/made-up@1.0.0?type=zip",
        "not a package URL",
    ],
)
def test_a_statement_about_another_product_says_nothing(product: str) -> None:
    assert said(product) == ""


def test_a_product_can_omit_the_qualifiers_of_a_component() -> None:
    purl = "pkg:deb/debian/x@1?arch=amd64&distro=debian-12"
    assert said("pkg:deb/debian/x@1", purl=purl) == "fixed"
    assert said("pkg:deb/debian/x@1?distro=debian-12", purl=purl) == "fixed"
    assert said("pkg:deb/debian/x@1?distro=debian-13", purl=purl) == ""


def test_the_last_statement_counts() -> None:
    names = frozenset({"CVE-1"})
    statements = [Statement(names, JAR, "not_affected"), Statement(names, JAR, "affected")]
    assert status(statements, ["CVE-1"], JAR) == "affected"
