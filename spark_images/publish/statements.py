"""The statements about an image: its SBOM in two formats, provenance, test results, and VEX document."""

from collections.abc import Iterable, Mapping

from spark_images.attest import predicates, provenance, test_results, vex
from spark_images.attest.test_results import Session
from spark_images.checks.records import Record
from spark_images.plan.project import Project
from spark_images.publish.local import Local
from spark_images.publish.references import Reference
from spark_images.sbom import cyclonedx, spdx
from spark_images.sbom.bill import Bill

CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"

NAMES: Mapping[str, str] = {
    CYCLONEDX: "SBOM (CycloneDX)",
    SPDX: "SBOM (SPDX)",
    provenance.TYPE: "provenance",
    test_results.TYPE: "test results",
    vex.TYPE: "VEX",
}
"""The name of each type of predicate. cosign has the short names cyclonedx, spdxjson, slsaprovenance1 and openvex. It
has no short name for test results."""


def of(project: Project, image: Local, bill: Bill, published: Reference) -> dict[str, str]:
    """Returns the predicate of each type for an image, as JSON. `published` is its reference by digest.

    An image whose tests have no record gets no test results. An image that no statement of [[vex]] is about gets no VEX
    document. Raises SparkImagesError if a statement of [[vex]] is not true for the image.
    """
    found = {
        CYCLONEDX: cyclonedx.text(bill),
        SPDX: spdx.text(bill),
        provenance.TYPE: predicates.text(provenance.predicate(project, image.cell, bill, image.revision)),
    }
    if image.records:
        sessions = [_session(record) for record in image.records]
        found[test_results.TYPE] = predicates.text(test_results.predicate(sessions, project.matrix.settings.source))
    document = vex.document(project.matrix, image.cell, bill, published.digest, repository=published.repository)
    if document:
        found[vex.TYPE] = predicates.text(document)
    return found


LISTED = "statements"
"""The annotation of a signature that lists the statements about the image."""


def listed(found: Iterable[str]) -> dict[str, str]:
    """Returns the annotation that lists statements, by their types. Then no one can remove one without a trace."""
    # cosign reads a comma as the end of an annotation.
    return {LISTED: " ".join(sorted(found))}


def are_listed(annotations: Mapping[str, str]) -> set[str]:
    """Returns the types of the statements that the annotations of a signature list."""
    return set(annotations.get(LISTED, "").split())


def _session(record: Record) -> Session:
    name, _, tier = record.session.partition(" -- ")
    return Session(name, tier, record.commit, record.finished, record.passed, record.failed, record.skipped)
