import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BufferedReader
from typing import Any

import pytest
import zstandard

from spark_images.attest import provenance as provenance_of
from spark_images.attest import test_results, vex
from spark_images.errors import SparkImagesError
from spark_images.publish import statements, verify
from spark_images.publish.cosign import Trust
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


@dataclass
class Repository:
    """A repository in memory. As the real one, it compares the digest of a blob at the end of its content."""

    blobs: Mapping[str, bytes]

    def blob(self, digest: str) -> Iterator[bytes]:
        content = self.blobs[digest]
        yield from (content[:5], content[5:])
        if digest_of(content) != digest:
            raise SparkImagesError(f"the blob {digest} cannot be read: its content was changed")


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


UNPACKED = [b"one" * 500, b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(16_000))]
PACKED = [zstandard.ZstdCompressor().compress(content) for content in UNPACKED]
BROKEN = PACKED[1][:4] + b"\xff" * 8 + PACKED[1][12:]
STORED = {digest_of(content): content for content in PACKED}
WHOLE = replace(
    IMAGE,
    manifest={"layers": [{"digest": digest, "size": 1_500_000} for digest in STORED]},
    configuration={**IMAGE.configuration, "rootfs": {"diff_ids": [digest_of(content) for content in UNPACKED]}},
)


def test_layers_with_the_content_of_the_configuration_pass() -> None:
    assert verify._layers(Repository(STORED), WHOLE) == "2 layers, 3 MB, each with its digest"  # type: ignore[arg-type]


@pytest.mark.parametrize("changed", [b"X" + PACKED[1][1:], PACKED[1][:-1], BROKEN])
def test_a_layer_with_changed_bytes_fails_with_its_digest(changed: bytes) -> None:
    digest = digest_of(PACKED[1])
    with pytest.raises(SparkImagesError, match=f"the blob {digest} cannot be read: its content was changed"):
        verify._layers(Repository({**STORED, digest: changed}), WHOLE)  # type: ignore[arg-type]


def test_a_layer_that_unpacks_to_another_content_fails() -> None:
    other = replace(WHOLE, configuration={"rootfs": {"diff_ids": [digest_of(UNPACKED[0]), LAYERS[0]]}})
    wrong = f"the layer {digest_of(PACKED[1])} has the content {digest_of(UNPACKED[1])}: the configuration names"
    with pytest.raises(SparkImagesError, match=wrong):
        verify._layers(Repository(STORED), other)  # type: ignore[arg-type]


def test_a_layer_that_is_broken_as_signed_fails() -> None:
    layers = [{"digest": digest_of(content), "size": 1} for content in (PACKED[0], BROKEN)]
    image = replace(WHOLE, manifest={"layers": layers})
    with pytest.raises(SparkImagesError, match=f"^the layer {digest_of(BROKEN)} cannot be unpacked: "):
        verify._layers(Repository({**STORED, digest_of(BROKEN): BROKEN}), image)  # type: ignore[arg-type]


def test_a_manifest_with_another_number_of_layers_fails() -> None:
    more = replace(WHOLE, configuration={"rootfs": {"diff_ids": LAYERS}})
    with pytest.raises(SparkImagesError, match=r"^the manifest has 2 layers, and the configuration 3$"):
        verify._layers(Repository(STORED), more)  # type: ignore[arg-type]


def test_a_stream_of_blocks_has_all_bytes() -> None:
    blocks = [b"one", b"", b"two" * 10_000, b"three"]
    stream = BufferedReader(verify.Blocks(iter(blocks)))
    assert stream.peek(1)
    assert stream.read() == b"".join(blocks)


@pytest.mark.parametrize("configuration", [b"{}", b"[]", b"binary \xff"])
def test_an_artefact_is_no_image(configuration: bytes) -> None:
    config = {"mediaType": "application/vnd.chart+json", "digest": digest_of(configuration)}
    manifest = Manifest(json.dumps({"config": config}))
    repository = Repository({digest_of(configuration): configuration})
    with pytest.raises(SparkImagesError, match=r"is not an image, but application/vnd.chart\+json$"):
        verify._image(repository, IMAGE.reference, manifest)  # type: ignore[arg-type]


def test_an_image_without_labels_has_no_revision() -> None:
    for config in ({}, {"Labels": None}, None):
        assert replace(IMAGE, configuration={"config": config}).revision == ""


@dataclass
class Cosign:
    """The signature of the image, and its statements. A missing signature or statement is an error, as with cosign."""

    listed: Sequence[str]
    attached: Mapping[str, Any]

    def verify(self, _image: Reference, _of: Trust) -> Mapping[str, str]:
        if not self.listed:
            raise SparkImagesError("no matching signatures")
        return statements.listed(self.listed)

    def attestations(self, _image: Reference, _of: Trust, kind: str) -> list[Any]:
        if kind not in self.attached:
            raise SparkImagesError(f"none of the attestations matched {kind}")
        return [self.attached[kind]]


ALL = {
    statements.CYCLONEDX: cyclonedx(WHOLE.layers),
    statements.SPDX: spdx(WHOLE.layers),
    provenance_of.TYPE: provenance("abc"),
    test_results.TYPE: {"result": "PASSED", "passedTests": ["a"]},
    vex.TYPE: {"statements": [{}]},
}


def failed(monkeypatch: pytest.MonkeyPatch, listed: Sequence[str], *missing: str) -> list[str]:
    """Returns the names of the failed checks of an image whose signature lists statements, some of them missing."""
    attached = {kind: predicate for kind, predicate in ALL.items() if kind not in missing}
    monkeypatch.setattr(verify, "cosign", Cosign(listed, attached))
    checks = verify._checks(Repository(STORED), WHOLE, Trust("k"))  # type: ignore[arg-type]
    return [check.name for check in checks if not check.passed]


def test_each_missing_statement_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert failed(monkeypatch, list(ALL)) == []
    for kind, name in statements.NAMES.items():
        assert failed(monkeypatch, list(ALL), kind) == [name]


def test_an_image_needs_no_vex_document_unless_its_signature_lists_one(monkeypatch: pytest.MonkeyPatch) -> None:
    name = statements.NAMES[vex.TYPE]
    assert name not in failed(monkeypatch, [kind for kind in ALL if kind != vex.TYPE], vex.TYPE)
    assert name in failed(monkeypatch, list(ALL), vex.TYPE)
    # Without a signature, nobody knows whether there was one.
    assert {"signature", name} <= set(failed(monkeypatch, [], vex.TYPE))


def test_a_signature_that_does_not_list_a_statement_does_not_excuse_its_absence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = [kind for kind in ALL if kind != test_results.TYPE]
    assert failed(monkeypatch, kinds, test_results.TYPE) == [statements.NAMES[test_results.TYPE]]
