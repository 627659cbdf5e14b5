"""Verifies a published image: its signature, its attestations, and that they are about exactly these bytes."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BufferedReader, RawIOBase
from typing import Any

from spark_images.attest import provenance, test_results, vex
from spark_images.errors import SparkImagesError
from spark_images.publish import cosign, references, statements
from spark_images.publish.cosign import Trust
from spark_images.publish.local import REVISION
from spark_images.publish.references import Reference
from spark_images.publish.registry import Manifest, Repository
from spark_images.reports import measure
from spark_images.sbom.bill import TOOL
from spark_images.wording import counted

COLUMNS = ("check", "result", "what was found")
LAYER = f"{TOOL}:layer:"
"""The prefix of the properties of a CycloneDX document that name the layers of the image, bottom layer first."""


About = Callable[["Image", Sequence[Any]], str]


@dataclass(frozen=True)
class Check:
    """One check of an image: whether it passed, and what was found."""

    name: str
    passed: bool
    found: str


@dataclass(frozen=True)
class Image:
    """A published image: its reference by digest, its manifest and its configuration."""

    reference: Reference
    manifest: Mapping[str, Any]
    configuration: Mapping[str, Any]

    @property
    def layers(self) -> list[str]:
        """The digests of the unpacked layers, bottom layer first."""
        return list(self.configuration["rootfs"]["diff_ids"])

    @property
    def revision(self) -> str:
        """The commit that the image is made from, as its label says."""
        labels = (self.configuration.get("config") or {}).get("Labels") or {}
        return str(labels.get(REVISION, ""))


def verify(text: str, trust: Trust) -> tuple[Reference, list[Check]]:
    """Returns the reference by digest of the image that `text` names, and the result of each check.

    Raises UsageError if `text` is not a reference. Raises SparkImagesError if the registry does not have the image, or
    serves other bytes than its digest says.
    """
    repository, found = image(text)
    return found.reference, list(_checks(repository, found, trust))


def image(text: str) -> tuple[Repository, Image]:
    """Returns the image that `text` names, and its repository. Raises the errors of `verify`."""
    given = references.parse(text)
    repository = Repository(given)
    manifest = repository.manifest(given.digest or given.tag)
    if manifest is None:
        raise SparkImagesError(f"{given}: the registry has no such image")
    return repository, _image(repository, given.at(manifest.digest), manifest)


def _image(repository: Repository, reference: Reference, manifest: Manifest) -> Image:
    document = json.loads(manifest.text)
    if "config" not in document:
        raise SparkImagesError(f"{reference} is not an image, but {document.get('mediaType', 'something else')}")
    content = b"".join(repository.blob(document["config"]["digest"]))
    try:
        configuration = json.loads(content)
        configuration["rootfs"]["diff_ids"]
    except (ValueError, KeyError, TypeError):
        kind = document.get("artifactType") or document["config"].get("mediaType", "something else")
        raise SparkImagesError(f"{reference} is not an image, but {kind}") from None
    return Image(reference, document, configuration)


def _checks(repository: Repository, image: Image, trust: Trust) -> Iterator[Check]:
    listed: set[str] = set()

    def signature() -> str:
        listed.update(statements.are_listed(cosign.verify(image.reference, trust)))
        return "signed by the given key" if trust.key else f"signed by {trust.identity}"

    yield _check("signature", signature)
    for kind, about in ABOUT.items():
        yield _check(statements.NAMES[kind], partial(_statement, image, trust, listed, kind, about))
    yield _check("layers", lambda: _layers(repository, image))


def _statement(image: Image, trust: Trust, listed: set[str], kind: str, about: About) -> str:
    if kind not in listed and kind == vex.TYPE and listed:
        return "no statement is about this image"
    return about(image, cosign.attestations(image.reference, trust, kind))


def _check(name: str, run: Callable[[], str]) -> Check:
    try:
        return Check(name, True, run())
    except SparkImagesError as error:
        return Check(name, False, str(error))


def _layers(repository: Repository, image: Image) -> str:
    """Downloads each layer. Its digest must be that of the manifest, which the signature covers.

    The digest of its unpacked content must be that of the configuration. The SBOM names the layers by it.
    """
    packed = [layer["digest"] for layer in image.manifest["layers"]]
    if len(packed) != len(image.layers):
        raise SparkImagesError(f"the manifest has {len(packed)} layers, and the configuration {len(image.layers)}")
    for digest, expected in zip(packed, image.layers, strict=True):
        found = _unpacked(digest, BufferedReader(Blocks(repository.blob(digest))))
        if found != expected:
            raise SparkImagesError(f"the layer {digest} has the content {found}: the configuration names {expected}")
    size = sum(layer["size"] for layer in image.manifest["layers"])
    return f"{counted(len(packed), 'layer')}, {size / 1e6:,.0f} MB, each with its digest"


class Blocks(RawIOBase):
    """A stream of the blocks that an iterator yields."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Returns True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills a part of the buffer. Returns the number of bytes, which is 0 at the end."""
        while not self._rest:
            try:
                self._rest = memoryview(next(self._blocks))
            except StopIteration:
                return 0
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def _unpacked(digest: str, content: BufferedReader) -> str:
    """Returns the digest of the unpacked content of a layer. Raises SparkImagesError if it is broken."""
    unpacked = hashlib.sha256()
    broken = ""
    try:
        stream = measure.unpacked(content)
        while block := stream.read(measure.BLOCK):
            unpacked.update(block)
    except measure.BROKEN as error:
        broken = f"the layer {digest} cannot be unpacked: {error}"
    # At its end, the download is compared with its digest. Changed bytes are the better explanation of a broken layer.
    while content.read(measure.BLOCK):
        pass
    if broken:
        raise SparkImagesError(broken)
    return f"sha256:{unpacked.hexdigest()}"


def cyclonedx(image: Image, documents: Sequence[Any]) -> str:
    """Compares a CycloneDX document with the image. Raises SparkImagesError if their layers differ."""
    _same_layers(image, [digest for digest, _ in layers_of(documents[-1])])
    return counted(_components(documents[-1].get("components", ())), "component")


def layers_of(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns the digest and the origin of each layer that a CycloneDX document names, bottom layer first."""
    component = document.get("metadata", {}).get("component", {})
    named = sorted((each["name"], each["value"]) for each in component.get("properties", ()))
    found = (value.partition(" ") for name, value in named if name.startswith(LAYER))
    return [(digest, origin) for digest, _, origin in found]


def _components(parts: Sequence[Mapping[str, Any]]) -> int:
    return sum(1 + _components(part.get("components", ())) for part in parts)


def spdx(image: Image, documents: Sequence[Any]) -> str:
    """Compares an SPDX document with the image. Raises SparkImagesError unless it names all layers of the image."""
    packages = documents[-1].get("packages", ())
    hashes = {f"sha256:{each['checksumValue']}" for package in packages for each in package.get("checksums", ())}
    _same_layers(image, [layer for layer in image.layers if layer in hashes])
    return counted(len(packages), "package")


def _same_layers(image: Image, layers: Sequence[str]) -> None:
    if missing := [layer for layer in image.layers if layer not in layers]:
        raise SparkImagesError(f"the SBOM does not account for {counted(len(missing), 'layer')}: {', '.join(missing)}")
    if other := [layer for layer in layers if layer not in image.layers]:
        raise SparkImagesError(f"the SBOM is about another image: the layer {other[0]} is not in this one")


def commit(image: Image, documents: Sequence[Any]) -> str:
    """Compares the provenance with the image. Raises SparkImagesError unless both name the same commit."""
    sources = documents[-1].get("buildDefinition", {}).get("resolvedDependencies", ())
    commits = [each["digest"]["gitCommit"] for each in sources if "gitCommit" in each.get("digest", {})]
    if commits != [image.revision]:
        raise SparkImagesError(
            f"the provenance names the commit {', '.join(commits) or 'none'}, and the label of the image "
            f"{image.revision or 'none'}"
        )
    return f"commit {image.revision[:12]}, {counted(len(sources) - 1, 'more input')}"


def passed_tests(_: Image, documents: Sequence[Any]) -> str:
    """Returns the number of tests that passed. Raises SparkImagesError if one failed, or if none passed.

    The result is PASSED if all tests passed, and WARNED if some were skipped.
    """
    found = documents[-1]
    passed, skipped, failed = (found.get(f"{outcome}Tests", ()) for outcome in ("passed", "warned", "failed"))
    if found.get("result") not in ("PASSED", "WARNED") or failed or not passed:
        raise SparkImagesError(f"the result is {found.get('result')}: {', '.join(failed) or 'no test passed'}")
    return f"{counted(len(passed), 'test')} passed{f', {len(skipped)} skipped' if skipped else ''}"


def vex_document(_: Image, documents: Sequence[Any]) -> str:
    """Returns how many vulnerabilities the document is about."""
    return counted(len(documents[-1].get("statements", ())), "statement")


ABOUT: Mapping[str, About] = {
    statements.CYCLONEDX: cyclonedx,
    statements.SPDX: spdx,
    provenance.TYPE: commit,
    test_results.TYPE: passed_tests,
    vex.TYPE: vex_document,
}
"""The function that compares each type of statement with the image. It returns what it found, or raises an error."""


def table(checks: Sequence[Check]) -> list[Sequence[str]]:
    """Returns a row for each check."""
    return [(check.name, "passed" if check.passed else "FAILED", check.found) for check in checks]
