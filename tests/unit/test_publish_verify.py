import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from spark_images.errors import SparkImagesError
from spark_images.publish import statements, verify
from spark_images.publish.references import Reference
from spark_images.publish.registry import Manifest
from spark_images.publish.verify import Image

LAYERS = [f"sha256:{digit * 64}" for digit in "123"]
IMAGE = Image(
    Reference("r.example", "spark", "", f"sha256:{'0' * 64}"),
    {"layers": []},
    {
        "rootfs": {"diff_ids": LAYERS},
        "config": {"Labels": {"org.opencontainers.image.revision": "abc"}},
    },
)


def cyclonedx(layers: Sequence[str], *components: Any) -> Mapping[str, Any]:
    properties = [{"name": f"spark-images:layer:{n:02}", "value": f"{each} os"} for n, each in enumerate(layers)]
    properties.append({"name": "other", "value": "sha256:4"})
    return {"metadata": {"component": {"properties": properties}}, "components": components}


def spdx(layers: Sequence[str]) -> Mapping[str, Any]:
    return {"packages": [{"checksums": [{"checksumValue": each.removeprefix("sha256:")}]} for each in layers] + [{}]}


def provenance(*commits: str) -> Mapping[str, Any]:
    inputs = [{"digest": {"gitCommit": commit}} for commit in commits]
    return {"buildDefinition": {"resolvedDependencies": [*inputs, {"digest": {"sha256": "0"}}]}}


def test_a_cyclonedx_document_with_all_layers_passes() -> None:
    assert verify.cyclonedx(IMAGE, [cyclonedx(LAYERS, {"components": [{}]}, {})]) == "3 components"


@pytest.mark.parametrize("document", [cyclonedx(LAYERS[:2]), spdx(LAYERS[:2])])
def test_an_sbom_without_a_layer_of_the_image_fails(document: Mapping[str, Any]) -> None:
    check = verify.spdx if "packages" in document else verify.cyclonedx
    with pytest.raises(SparkImagesError, match=f"the SBOM does not account for 1 layer: {LAYERS[2]}"):
        check(IMAGE, [document])


def test_an_sbom_of_another_image_fails() -> None:
    with pytest.raises(SparkImagesError, match="the SBOM is about another image: the layer sha256:999"):
        verify.cyclonedx(IMAGE, [cyclonedx([*LAYERS, f"sha256:{'9' * 64}"])])


def test_an_empty_sbom_fails() -> None:
    for check in (verify.cyclonedx, verify.spdx):
        with pytest.raises(SparkImagesError, match="does not account for 3 layers"):
            check(IMAGE, [{}])


def test_an_spdx_document_with_all_layers_passes() -> None:
    assert verify.spdx(IMAGE, [spdx(LAYERS)]) == "4 packages"


def test_provenance_of_the_commit_in_the_label_passes() -> None:
    assert verify.commit(IMAGE, [provenance("abc")]) == "commit abc, 1 more input"


@pytest.mark.parametrize("document", [provenance("other"), provenance(), provenance("abc", "other"), {}])
def test_provenance_of_another_commit_fails(document: Mapping[str, Any]) -> None:
    with pytest.raises(SparkImagesError, match=r"the provenance names the commit .*, and the label of the image abc"):
        verify.commit(IMAGE, [document])


def test_passed_tests_pass() -> None:
    assert verify.passed_tests(IMAGE, [{"result": "PASSED", "passedTests": ["a", "b"]}]) == "2 tests passed"
    skipped = {"result": "WARNED", "passedTests": ["a"], "warnedTests": ["b", "c"]}
    assert verify.passed_tests(IMAGE, [skipped]) == "1 test passed, 2 skipped"


@pytest.mark.parametrize(
    "document",
    [
        {"result": "FAILED", "passedTests": ["b"]},
        {"result": "PASSED"},
        {"result": "PASSED", "passedTests": ["b"], "failedTests": ["a"]},
        {},
    ],
)
def test_tests_with_another_result_fail(document: Mapping[str, Any]) -> None:
    with pytest.raises(SparkImagesError, match="the result is"):
        verify.passed_tests(IMAGE, [document])


def test_the_newest_attestation_of_a_type_counts() -> None:
    older, newer = {"result": "FAILED"}, {"result": "PASSED", "passedTests": ["a"]}
    assert verify.passed_tests(IMAGE, [older, newer]) == "1 test passed"


def test_a_signature_lists_the_statements() -> None:
    types = {"https://one.example", "https://two.example"}
    assert statements.are_listed(statements.listed(types)) == types
    assert "," not in statements.listed(types)[statements.LISTED]
    assert statements.are_listed({}) == set()


def test_each_statement_is_compared_with_the_image() -> None:
    assert verify.ABOUT.keys() == statements.NAMES.keys()


def test_an_index_is_no_image() -> None:
    manifest = Manifest(json.dumps({"mediaType": "application/vnd.oci.image.index.v1+json", "manifests": []}))
    with pytest.raises(SparkImagesError, match=r"is not an image, but application/vnd"):
        verify._image(None, IMAGE.reference, manifest)  # type: ignore[arg-type]
