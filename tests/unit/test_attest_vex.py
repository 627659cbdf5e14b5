"""The OpenVEX document of an image, and the tables [[vex]] that it is from."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from spark_images.attest import predicates, vex
from spark_images.errors import MatrixError, SparkImagesError
from spark_images.matrix.model import Cell, Matrix
from spark_images.matrix.selection import cell_of
from spark_images.matrix.vex import Vex
from spark_images.plan.project import Project
from spark_images.sbom.bill import Bill
from spark_images.sbom.components import Component, Kind, Layer
from tests.unit.tree import Tree

A = "a" * 64
DIGEST = f"sha256:{A}"
JAR = Component(
    kind=Kind.JAR,
    purl="pkg:maven/io.net/codec@4.2",
    name="codec",
    version="4.2",
    licence="",
    layer=Layer(DIGEST, "core"),
    paths=("/opt/jars/codec-4.2.jar", "/opt/jars/codec-4.2.jar!/META-INF/maven/io.net/codec/pom.properties"),
)
WHEEL = replace(JAR, kind=Kind.PYTHON, purl="pkg:pypi/z@1", name="z", version="1", paths=("/z/METADATA",))
BILL = Bill("spark-k8s-spark-9.0", "Spark", "9.0", datetime(2026, 1, 2, tzinfo=UTC), (JAR.layer,), (JAR, WHEEL))

ABSENT = Vex(
    vulnerability="CVE-2026-0001",
    product="io.net:codec-http3",
    status="not_affected",
    justification="component_not_present",
    statement="The build removes it.",
    removed="codec-http3-*.jar",
)
AFFECTED = Vex(vulnerability="CVE-2026-0002", product="io.net:codec", status="affected", statement="Use no codec.")


def having(*more: Component) -> Bill:
    return replace(BILL, components=(*BILL.components, *more))


def inside(*paths: str, purl: str = "pkg:maven/other/one@1") -> Component:
    return replace(JAR, kind=Kind.SHADED, purl=purl, paths=paths, within=JAR.path)


@pytest.fixture
def cell(small: Project) -> Cell:
    return cell_of(small.matrix, "9.0-lake")


def matrix(small: Project, *statements: Vex) -> Matrix:
    return replace(small.matrix, vex=statements)


def problem(cell: Cell, bill: Bill, *statements: Vex) -> str:
    with pytest.raises(SparkImagesError) as caught:
        vex.check(statements, cell, bill)
    assert caught.value.exit_code == 1
    return str(caught.value)


# The check.


def test_true_statements_pass(cell: Cell) -> None:
    vex.check([ABSENT, AFFECTED], cell, BILL)


@pytest.mark.parametrize(
    "paths",
    [
        ("/opt/elsewhere/codec-http3-4.2.jar",),
        ("/opt/fat.jar!/libs/codec-http3-4.2.jar",),
        ("/opt/fat.jar", "/opt/fat.jar!/codec-http3-4.2.jar!/META-INF/maven/a/b/pom.properties"),
    ],
)
def test_a_removed_jar_that_is_there_is_an_error_also_inside_another_jar(cell: Cell, paths: tuple[str, ...]) -> None:
    said = problem(cell, having(inside(*paths)), ABSENT)
    assert said == (
        "statements of [[vex]] in images.toml are not true for spark-k8s-spark-9.0:\n"
        f"CVE-2026-0001 says that codec-http3-*.jar is removed, but the image contains {paths[-1]}"
    )


def test_a_jar_with_a_similar_name_is_not_the_removed_one(cell: Cell) -> None:
    vex.check([ABSENT], cell, having(inside("/opt/my-codec-http3-4.2.jar"), inside("/codec-http3-4.2.jar.md5")))


def test_a_shaded_copy_of_an_absent_product_is_an_error(cell: Cell) -> None:
    shaded = inside(
        "/opt/fat.jar!/META-INF/maven/io.net/codec-http3/pom.properties", purl="pkg:maven/io.net/codec-http3@4"
    )
    said = problem(cell, having(shaded), ABSENT)
    assert f"pkg:maven/io.net/codec-http3 is not present, but it is in {shaded.path}" in said


def test_an_absent_version_can_be_there_in_another_version(cell: Cell) -> None:
    of_version = replace(ABSENT, product="pkg:maven/io.net/codec@4.1", removed="")
    vex.check([of_version], cell, BILL)
    assert "pkg:maven/io.net/codec@4.2 is not present" in problem(
        cell, BILL, replace(of_version, product="pkg:maven/io.net/codec@4.2")
    )


def test_a_product_with_a_qualifier_names_only_components_with_it(cell: Cell) -> None:
    bash = inside("/bash", purl="pkg:deb/debian/bash@5?arch=amd64&distro=debian-12")
    names = ("pkg:deb/debian/bash", "pkg:deb/debian/bash?distro=debian-12", "pkg:deb/debian/bash?distro=debian-13")
    statements = [replace(AFFECTED, product=name) for name in names]
    assert vex.applicable(statements, cell, having(bash)) == tuple(statements[:2])


@pytest.mark.parametrize("status", ["affected", "fixed", "under_investigation"])
def test_a_product_that_is_not_there_is_an_error_with_the_nearest_one(cell: Cell, status: str) -> None:
    said = problem(cell, BILL, replace(AFFECTED, status=status, product="pkg:maven/io.net/kodec@4.2"))
    assert 'which the image does not contain (did you mean "pkg:maven/io.net/codec@4.2"?)' in said


def test_code_that_is_not_reached_must_be_in_a_product_that_is_there(cell: Cell) -> None:
    unreached = replace(ABSENT, justification="vulnerable_code_not_in_execute_path", removed="")
    assert "pkg:maven/io.net/codec-http3, which the image does not contain" in problem(cell, BILL, unreached)
    vex.check([replace(unreached, product="pkg:maven/io.net/codec")], cell, BILL)


def test_a_statement_about_other_images_is_not_checked(cell: Cell, small: Project) -> None:
    there = having(inside("/opt/codec-http3-4.2.jar"))
    vex.check([replace(ABSENT, lines=("10",))], cell, there)
    vex.check([replace(ABSENT, features=("gpu",))], cell, there)
    problem(cell, there, replace(ABSENT, lines=("10", "9"), features=("gpu", "lake")))
    problem(cell_of(small.matrix, "9.0-baseline"), there, ABSENT)


def test_every_problem_is_named(cell: Cell) -> None:
    said = problem(cell, having(inside("/codec-http3-1.jar")), ABSENT, replace(AFFECTED, product="pkg:pypi/absent"))
    assert [line.split()[0] for line in said.splitlines()[1:]] == ["CVE-2026-0001", "CVE-2026-0002"]


# The document.


def test_the_document_has_the_fields_of_openvex(cell: Cell, small: Project) -> None:
    aliased = replace(ABSENT, aliases=("GHSA-aaaa-bbbb-cccc",))
    found = vex.document(matrix(small, aliased), cell, BILL, DIGEST)
    assert found is not None
    purl = f"pkg:oci/spark-k8s-spark-9.0@{DIGEST}"
    part = "pkg:maven/io.net/codec-http3"
    assert {**found, "@id": ""} == {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "",
        "author": "spark-images",
        "timestamp": "2026-01-02T00:00:00Z",
        "version": 1,
        "statements": [
            {
                "vulnerability": {"name": "CVE-2026-0001", "aliases": ["GHSA-aaaa-bbbb-cccc"]},
                "products": [
                    {
                        "@id": purl,
                        "identifiers": {"purl": purl},
                        "hashes": {"sha-256": A},
                        "subcomponents": [{"@id": part, "identifiers": {"purl": part}}],
                    }
                ],
                "status": "not_affected",
                "justification": "component_not_present",
                "impact_statement": "The build removes it.",
            }
        ],
    }


@pytest.mark.parametrize(
    ("status", "field"),
    [("affected", "action_statement"), ("fixed", "status_notes"), ("under_investigation", "status_notes")],
)
def test_the_reason_is_in_the_field_of_its_status(cell: Cell, small: Project, status: str, field: str) -> None:
    found = vex.document(matrix(small, replace(AFFECTED, status=status)), cell, BILL, DIGEST)
    assert found is not None
    (statement,) = found["statements"]
    assert statement[field] == "Use no codec."
    assert statement.keys() == {"vulnerability", "products", "status", field}


def test_only_statements_that_apply_to_the_image_are_in_it(cell: Cell, small: Project) -> None:
    statements = (
        replace(AFFECTED, vulnerability="CVE-2026-0003", product="pkg:maven/io.net/codec@4.2"),
        replace(AFFECTED, vulnerability="CVE-2026-0004", product="pkg:maven/io.net/codec@4.1"),
        replace(AFFECTED, vulnerability="CVE-2026-0005", lines=("10",)),
        replace(AFFECTED, vulnerability="CVE-2026-0006", features=("lake",)),
    )
    found = vex.document(matrix(small, *statements), cell, BILL, DIGEST)
    assert found is not None
    names = [each["vulnerability"]["name"] for each in found["statements"]]
    assert names == ["CVE-2026-0003", "CVE-2026-0006"]
    assert [each.vulnerability for each in vex.applicable(statements, cell, BILL)] == names


def test_an_image_without_statements_has_no_document(cell: Cell, small: Project) -> None:
    assert vex.document(matrix(small, replace(ABSENT, lines=("10",))), cell, BILL, DIGEST) is None


def test_a_document_is_not_written_with_a_false_statement(cell: Cell, small: Project) -> None:
    with pytest.raises(SparkImagesError, match="are not true"):
        vex.document(matrix(small, ABSENT), cell, having(inside("/codec-http3-1.jar")), DIGEST)


def test_the_same_input_gives_the_same_bytes_and_another_one_another_identity(cell: Cell, small: Project) -> None:
    def made(*statements: Vex, **options: Any) -> Any:
        return vex.document(matrix(small, *statements), cell, BILL, DIGEST, **options)

    assert predicates.text(made(ABSENT)) == predicates.text(made(ABSENT))
    later = made(ABSENT, issued=datetime(2026, 5, 6, 7, tzinfo=UTC))
    assert later["timestamp"] == "2026-05-06T07:00:00Z"
    assert len({each["@id"] for each in (made(ABSENT), made(AFFECTED), later)}) == 3
    assert made(ABSENT)["@id"].startswith("urn:uuid:")


def test_the_repository_can_be_named(cell: Cell, small: Project) -> None:
    repository = "registry.example:5000/Team/spark"
    found = vex.document(matrix(small, ABSENT), cell, BILL, DIGEST, repository=repository)
    assert found is not None
    (product,) = found["statements"][0]["products"]
    assert product["@id"] == f"pkg:oci/spark@{DIGEST}?repository_url=registry.example:5000/team/spark"


def test_the_author_is_the_vendor(tree: Tree, cell: Cell) -> None:
    found = vex.document(written(tree).matrix({"SPARK_IMAGES_VENDOR": "Us"}), cell, BILL, DIGEST)
    assert found is not None
    assert found["author"] == "Us"


# The tables.

TABLE = """
[[vex]]
vulnerability = "CVE-2026-0001"
product = "io.net:codec-http3"
status = "not_affected"
justification = "component_not_present"
statement = "The build removes it."
removed = "codec-http3-*.jar"
lines = ["9"]
features = ["lake"]
"""


def written(tree: Tree, old: str = "", new: str = "") -> Tree:
    assert old in TABLE
    tree.toml("[settings]", f"{TABLE.replace(old, new, 1) if old else TABLE + new}\n[settings]")
    return tree


def test_a_table_is_a_statement(tree: Tree) -> None:
    (found,) = written(tree).matrix().vex
    assert found == replace(ABSENT, lines=("9",), features=("lake",))
    assert found.product == "pkg:maven/io.net/codec-http3"


@pytest.mark.parametrize(
    ("product", "purl"),
    [
        ("io.net:codec:4.2", "pkg:maven/io.net/codec@4.2"),
        ("pkg:maven/io.net/codec@4.2", "pkg:maven/io.net/codec@4.2"),
        ("pkg:PyPI/My_Package", "pkg:pypi/my-package"),
        ("pkg:deb/debian/bash", "pkg:deb/debian/bash"),
    ],
)
def test_a_product_is_a_package_url_or_a_coordinate(tree: Tree, product: str, purl: str) -> None:
    (found,) = written(tree, "io.net:codec-http3", product).matrix().vex
    assert found.product == purl


JAR_NAME = 'expected the name of a jar without its folder, such as "mesos-*.jar"'


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        ('"not_affected"', '"unaffected"', "status", 'it is "unaffected": expected one of not_affected, affected, '),
        ('"not_affected"', '"unaffected"', "status", '(did you mean "affected"?)'),
        ('"not_affected"', '""', "status", 'it is "": expected one of not_affected, '),
        ("t_not_present", "t_absent", "justification", '(did you mean "component_not_present"?)'),
        ("CVE-2026-0001", "cve_2026_0001", "vulnerability", '(did you mean "CVE-2026-0001"?)'),
        ("CVE-2026-0001", "no CVE", "vulnerability", 'it is "no CVE": expected a name such as "CVE-2026-48748"'),
        ("io.net:codec-http3", "codec", "product", 'it is "codec": expected a package URL such as'),
        ("io.net:codec-http3", "a:b:c:d", "product", 'it is "a:b:c:d": expected a package URL such as'),
        ("io.net:codec-http3", "pkg:maven", "product", 'it is "pkg:maven": expected a package URL such as'),
        ("codec-http3-*.jar", "jars/x-*.jar", "removed", f'"jars/x-*.jar": {JAR_NAME} (did you mean "x-*.jar"?)'),
        ("codec-http3-*.jar", "libcodec.so", "removed", f'it is "libcodec.so": {JAR_NAME}'),
        ("codec-http3-*.jar", "*.jar", "removed", f'it is "*.jar": {JAR_NAME}'),
        ("The build removes it.", " ", "statement", "it is empty: expected the reason"),
        ("removed =", "remove =", "remove", 'unknown key (did you mean "removed"?)'),
        ('product = "io.net:codec-http3"\n', "", "product", "the key is missing"),
    ],
)
def test_a_wrong_value_is_reported_with_its_key_and_the_nearest_value(
    tree: Tree, old: str, new: str, key: str, message: str
) -> None:
    with pytest.raises(MatrixError) as caught:
        written(tree, old, new).matrix()
    said = str(caught.value)
    assert said.startswith(f"images.toml: [vex[0]] {key}: ")
    assert message in said
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"9"', '"91"', '1, lines: unknown line "91"; expected one of 9 (did you mean "9"?)'),
        ('"lake"', '"lak"', '1, features: unknown feature "lak"; expected one of lake (did you mean "lake"?)'),
        ('justification = "component_not_present"\n', "", "1, justification: the key is missing: expected one of"),
        ("not_affected", "fixed", '1, justification: the status is "fixed", and only not_affected has a justification'),
        ("component_not_present", "inline_mitigations_already_exist", "1, removed: a removed jar proves only the "),
        (
            "",
            TABLE,
            "2, vulnerability: number 1 is also about CVE-2026-0001 of pkg:maven/io.net/codec-http3 in 9.0-lake",
        ),
    ],
)
def test_a_wrong_table_is_reported_with_its_number_and_key(tree: Tree, old: str, new: str, message: str) -> None:
    with pytest.raises(MatrixError) as caught:
        written(tree, old, new).matrix()
    assert str(caught.value).startswith(f"images.toml: [[vex]] number {message}")


def test_a_selection_without_images_is_an_error(full: Tree) -> None:
    full.toml(
        "[[features.gpu.refusals]]",
        '[[features.lake.refusals]]\nline = "9"\nreason = "no"\n\n[[features.gpu.refusals]]',
    )
    with pytest.raises(MatrixError, match=r"\[\[vex\]\] number 1, lines, features: no image matches both"):
        written(full).matrix()


def test_two_statements_about_different_images_do_not_contradict_each_other(tree: Tree) -> None:
    other = TABLE.replace('features = ["lake"]', "").replace('lines = ["9"]', "").replace("0001", "0002")
    assert len(written(tree, "", other).matrix().vex) == 2
