"""The statements about an image: its SBOM in two formats, provenance, test results, and VEX document."""

from collections.abc import Mapping

from spark_images.plan.project import Project
from spark_images.publish.local import Local
from spark_images.sbom import cyclonedx, spdx
from spark_images.sbom.bill import Bill

CYCLONEDX = "https://cyclonedx.org/bom"
SPDX = "https://spdx.dev/Document"
PROVENANCE = "https://slsa.dev/provenance/v1"
TESTS = "https://in-toto.org/attestation/test-result/v0.1"
VEX = "https://openvex.dev/ns"

NAMES: Mapping[str, str] = {
    CYCLONEDX: "SBOM (CycloneDX)",
    SPDX: "SBOM (SPDX)",
    PROVENANCE: "provenance",
    TESTS: "test results",
    VEX: "VEX",
}
"""The name of each type of predicate. cosign knows the first three and the last by the short names cyclonedx, spdxjson,
slsaprovenance1 and openvex."""


def of(project: Project, image: Local, bill: Bill, repository: str) -> dict[str, str]:
    """Returns the predicate of each type for an image, as JSON. `repository` is where it is published.

    An image whose tests have no record gets no test results.
    """
    return {CYCLONEDX: cyclonedx.text(bill), SPDX: spdx.text(bill)}
