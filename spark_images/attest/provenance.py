"""The provenance of an image: what it was built from, in the format of SLSA, version 1.

The facts come from images.toml, the locks and the SBOM. No fact comes from the machine that built the image: no
mirror, proxy, certificate, path or name.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from spark_images import ROOT
from spark_images.attest import predicates
from spark_images.attest.predicates import Predicate
from spark_images.matrix.model import Cell, Matrix
from spark_images.plan.project import Project
from spark_images.sbom.bill import Bill
from spark_images.sbom.components import Kind
from spark_images.sbom.locked import Download, downloads

TYPE = "https://slsa.dev/provenance/v1"
"""The predicate type."""

BUILD_TYPE = "urn:spark-images:build:v1"
"""The build type. docs/attestations.md describes it."""

BUILDER = "urn:spark-images:builder:buildkit:v1"
"""The builder: BuildKit on a machine of the person who published the image. It gives no SLSA level."""

ANY_OF = "sha256-any-of"
"""The annotation with the hashes of a dependency, if its lock allows several files."""

APT = (Kind.DEBIAN, Kind.JDK)
"""The kinds of components that apt installs. The JDK is made from the files of a Debian package."""


def predicate(
    project: Project,
    cell: Cell,
    bill: Bill,
    revision: str,
    *,
    started: datetime | None = None,
    finished: datetime | None = None,
    root: Path = ROOT,
) -> Predicate:
    """Returns the provenance of a cell's image.

    `bill` is the image's content, for its Debian packages. `revision` is the commit in the image's label
    org.opencontainers.image.revision. `root` has the locks of that commit. `started` and `finished` are the times of
    the build, and are omitted if they are unknown. A revision that is not a commit, such as one that ends in `-dirty`,
    is an external parameter but not a dependency.

    Raises MatrixError as `Project.graph` does.
    """
    matrix = project.matrix
    times = {"startedOn": started, "finishedOn": finished}
    metadata = {name: predicates.time(at) for name, at in times.items() if at}
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": _parameters(matrix, cell, revision),
            "resolvedDependencies": [
                *_sources(matrix, cell, revision),
                *(_locked(download) for download in downloads(project, project.graph([cell]), cell, root)),
                *_debian(bill),
            ],
        },
        "runDetails": {"builder": {"id": BUILDER}, **({"metadata": metadata} if metadata else {})},
    }


def _parameters(matrix: Matrix, cell: Cell, revision: str) -> Predicate:
    """Returns the values that a user chooses. With the commit, they decide the bytes of the image and its labels.

    The registry and the tag decide only the name, so they are not parameters.
    """
    settings = matrix.settings
    return {
        "cell": {"key": cell.key, "image": cell.image, "spark": cell.spark, "variant": cell.variant},
        "commit": revision,
        "source": settings.source,
        "settings": {
            "class-archive": settings.class_archive,
            "documentation": settings.documentation,
            "os-image": matrix.os_images.get(cell.values["debian"], ""),
            "vendor": settings.vendor,
        },
    }


def _sources(matrix: Matrix, cell: Cell, revision: str) -> Iterator[Predicate]:
    """Yields the Git commit, and the image that replaces the bootstrapped Debian, if there is one."""
    if commit := predicates.commit(matrix.settings.source, revision):
        yield commit
    reference, _, digest = matrix.os_images.get(cell.values["debian"], "").partition("@")
    if reference:
        algorithm, _, value = digest.partition(":")
        uri = predicates.image(reference, digest)
        yield {"uri": uri, "digest": {algorithm: value}} if value else {"uri": uri}


def _locked(download: Download) -> Predicate:
    """Returns the descriptor of a download. A digest names one file, so several hashes are an annotation."""
    if len(download.hashes) == 1:
        return {"uri": download.purl, "digest": {"sha256": download.hashes[0]}}
    return {"uri": download.purl, "annotations": {ANY_OF: list(download.hashes)}}


def _debian(bill: Bill) -> Iterator[Predicate]:
    """Yields the Debian packages. dpkg does not keep the hash of a package's file, so they have only a version."""
    for purl in sorted({component.purl for component in bill.components if component.kind in APT}):
        yield {"uri": purl}
