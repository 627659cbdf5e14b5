"""Which statements an image gets. tests/unit/test_attest_* have the content of each."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from spark_images.attest import provenance, test_results, vex
from spark_images.checks.records import Record
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project
from spark_images.publish import statements
from spark_images.publish.local import Local
from spark_images.publish.references import Reference
from spark_images.sbom.bill import Bill
from spark_images.sbom.components import Layer

LAYER = f"sha256:{'1' * 64}"
PUBLISHED = Reference("r.example", "team/k8s-spark", "", f"sha256:{'0' * 64}")
BILL = Bill("k8s-spark", "Spark", "9.0", datetime(2026, 11, 27, tzinfo=UTC), (Layer(LAYER, "os"),), ())
RECORDS = (
    Record("sha256:2", "9.0-lake", "test-9.0-lake", "a" * 40, "2026-11-27T22:30:00Z", ("a",), (), ("b",)),
    Record("sha256:2", "9.0-lake", "test-9.0-lake -- --quick", "a" * 40, "2026-11-27T22:40:00Z", ("c",), (), ()),
)
ALWAYS = {statements.CYCLONEDX, statements.SPDX, provenance.TYPE}


@pytest.fixture
def image(small: Project, monkeypatch: pytest.MonkeyPatch) -> Local:
    # The real one reads the locks of the working tree.
    monkeypatch.setattr(
        provenance, "predicate", lambda _, cell, bill, revision: {"of": [cell.key, revision, bill.name]}
    )
    monkeypatch.setattr(vex, "document", lambda *_, **__: None)
    cell = cell_of(small.matrix, "9.0-lake")
    return Local(cell, "k8s-spark-9.0-lake:latest", "sha256:2", (LAYER,), "a" * 40, "2026-11-27T10:00:00Z", RECORDS)


def of(project: Project, image: Local) -> dict[str, Any]:
    return {kind: json.loads(text) for kind, text in statements.of(project, image, BILL, PUBLISHED).items()}


def test_a_tested_image_has_an_sbom_provenance_and_test_results(small: Project, image: Local) -> None:
    found = of(small, image)
    assert found.keys() == ALWAYS | {test_results.TYPE}
    assert found[statements.CYCLONEDX]["bomFormat"] == "CycloneDX"
    assert found[statements.SPDX]["spdxVersion"].startswith("SPDX-")
    assert found[provenance.TYPE] == {"of": ["9.0-lake", "a" * 40, "k8s-spark"]}


def test_an_untested_image_has_no_test_results(small: Project, image: Local) -> None:
    assert of(small, replace(image, records=())).keys() == ALWAYS


def test_each_record_is_a_session_with_its_tier(small: Project, image: Local) -> None:
    found = of(small, image)[test_results.TYPE]
    assert found["result"] == "WARNED"
    assert found["passedTests"] == ["test-9.0-lake: a", "test-9.0-lake (--quick): c"]
    assert found["warnedTests"] == ["test-9.0-lake: b"]
    assert [each["annotations"]["tier"] for each in found["configuration"]] == ["", "--quick"]


def test_an_image_that_a_statement_is_about_has_a_vex_document(
    small: Project, image: Local, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def document(*arguments: Any, **options: Any) -> Any:
        given.extend([*arguments, options])
        return {"statements": [{}]}

    monkeypatch.setattr(vex, "document", document)
    found = of(small, replace(image, records=()))
    assert found.keys() == ALWAYS | {vex.TYPE}
    assert found[vex.TYPE] == {"statements": [{}]}
    # The document is about the digest in this repository.
    assert given == [small.matrix, image.cell, BILL, PUBLISHED.digest, {"repository": "r.example/team/k8s-spark"}]


def test_each_type_has_a_name() -> None:
    assert statements.NAMES.keys() == ALWAYS | {test_results.TYPE, vex.TYPE}
