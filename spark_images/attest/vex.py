"""The OpenVEX document of an image: which known vulnerabilities affect it, and why not, from [[vex]] in images.toml.

The SBOM of the image proves the statements that name a removed or absent jar.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from difflib import get_close_matches
from fnmatch import fnmatchcase
from uuid import NAMESPACE_OID, uuid5

from packageurl import PackageURL

from spark_images.attest import predicates
from spark_images.attest.predicates import Predicate
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Cell, Matrix
from spark_images.matrix.vex import AFFECTED, NOT_AFFECTED, Vex
from spark_images.sbom import purls
from spark_images.sbom.bill import TOOL, Bill
from spark_images.sbom.components import Component
from spark_images.sbom.jars import INSIDE

TYPE = "https://openvex.dev/ns"
"""The predicate type, which cosign calls `openvex`."""

CONTEXT = "https://openvex.dev/ns/v0.2.0"
"""The version of the format."""

_TEXT = {NOT_AFFECTED: "impact_statement", AFFECTED: "action_statement"}
"""The field of the reason by status. Other statuses have it in `status_notes`."""


def applicable(statements: Sequence[Vex], cell: Cell, bill: Bill) -> tuple[Vex, ...]:
    """Returns the statements about the image of a cell, in the order of images.toml.

    A statement whose product has a version does not apply to an image with only another version of the product.
    """
    return tuple(
        vex
        for vex in statements
        if vex.concerns(cell.line, cell.features) and (vex.is_about_absence or _found(vex.product, bill))
    )


def check(statements: Sequence[Vex], cell: Cell, bill: Bill) -> None:
    """Raises SparkImagesError if a statement that selects the image of a cell is not true for it. Names each problem.

    A statement is not true in these cases: the image contains the removed jar, also inside another jar; it contains a
    product that the statement calls absent; it does not contain any version of another product.
    """
    if problems := [f"{vex.vulnerability} {problem}" for vex in statements for problem in _problems(vex, cell, bill)]:
        raise SparkImagesError(
            f"statements of [[vex]] in images.toml are not true for {bill.name}:\n" + "\n".join(problems)
        )


def document(
    matrix: Matrix, cell: Cell, bill: Bill, digest: str, *, repository: str = "", issued: datetime | None = None
) -> Predicate | None:
    """Returns the OpenVEX document of an image, or None if no statement applies to it: OpenVEX needs at least one.

    `digest` is the digest of the image's manifest, `sha256:…`, or "" for an image that is not published. `repository`
    is its repository with the registry, or "" if the document must be valid in every registry. `issued` is the time of
    the document, by default that of the image.

    Raises SparkImagesError as `check` does.
    """
    check(matrix.vex, cell, bill)
    product = predicates.image(repository or bill.name, digest)
    hashes = {"hashes": {"sha-256": digest.partition(":")[2]}} if digest else {}
    statements = [_statement(vex, product, hashes) for vex in applicable(matrix.vex, cell, bill)]
    if not statements:
        return None
    content: Predicate = {
        "@context": CONTEXT,
        "author": matrix.settings.vendor or TOOL,
        "timestamp": predicates.time(issued or bill.created),
        "version": 1,
        "statements": statements,
    }
    return {"@id": f"urn:uuid:{uuid5(NAMESPACE_OID, predicates.text(content))}", **content}


def _statement(vex: Vex, product: str, hashes: Predicate) -> Predicate:
    return {
        "vulnerability": {"name": vex.vulnerability, **({"aliases": list(vex.aliases)} if vex.aliases else {})},
        "products": [
            {"@id": product, "identifiers": {"purl": product}, **hashes, "subcomponents": [_part(vex.product)]}
        ],
        "status": vex.status,
        **({"justification": vex.justification} if vex.justification else {}),
        _TEXT.get(vex.status, "status_notes"): vex.statement,
    }


def _part(purl: str) -> Predicate:
    return {"@id": purl, "identifiers": {"purl": purl}}


def _problems(vex: Vex, cell: Cell, bill: Bill) -> Iterator[str]:
    if not vex.concerns(cell.line, cell.features):
        return
    for path in _removed(vex.removed, bill):
        yield f"says that {vex.removed} is removed, but the image contains {path}"
    if vex.is_about_absence:
        for component in _found(vex.product, bill):
            yield f"says that {vex.product} is not present, but it is in {component.path}"
    elif not _found(_without_version(vex.product), bill):
        near = get_close_matches(vex.product, [component.purl for component in bill.components], n=1, cutoff=0.5)
        meant = f' (did you mean "{near[0]}"?)' if near else ""
        yield f"is about {vex.product}, which the image does not contain{meant}: correct it, or select other images"


def _found(product: str, bill: Bill) -> list[Component]:
    """Returns the components that a package URL names: those of its version, or all if it has none."""
    return [component for component in bill.components if purls.names(product, component.purl)]


def _without_version(product: str) -> str:
    return PackageURL.from_string(product)._replace(version=None).to_string()


def _removed(pattern: str, bill: Bill) -> list[str]:
    """Returns the paths of the jars with a name, also those inside other jars."""
    if not pattern:
        return []
    return sorted(
        {
            path
            for component in bill.components
            for path in component.paths
            for jar in path.split(INSIDE)
            if fnmatchcase(jar.rpartition("/")[2], pattern)
        }
    )
