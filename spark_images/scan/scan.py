"""Scans SBOMs for known vulnerabilities."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from spark_images.attest import predicates, vex
from spark_images.errors import UsageError, reason
from spark_images.matrix.model import Cell
from spark_images.plan.project import Project
from spark_images.sbom import cyclonedx, write
from spark_images.scan import findings, grype, statements
from spark_images.scan.statements import Statement

Statements = Callable[[str], Iterable[Statement]]
"""Returns the OpenVEX statements for an image, the newest last. Its argument is the name of the image."""


def written(
    project: Project, cells: Sequence[Cell], folder: Path = write.FOLDER
) -> tuple[list[Path], dict[str, list[Statement]]]:
    """Writes the SBOM of each cell's image. Returns the files, and the statements of [[vex]] by the name of the image.

    Raises SparkImagesError as `sbom.write.write` and `attest.vex.document` do.
    """
    bills = write.write(project, cells, ["cyclonedx"], folder)
    said = {}
    for cell, bill in zip(cells, bills, strict=True):
        document = vex.document(project.matrix, cell, bill, "")
        said[bill.name] = statements.read(predicates.text(document), bill.name) if document else []
    return [folder / f"{bill.name}{cyclonedx.SUFFIX}" for bill in bills], said


def read(files: Sequence[Path]) -> list[Statement]:
    """Returns the statements of OpenVEX documents.

    Raises UsageError, which names the file, if one cannot be read or is not an OpenVEX document.
    """
    found = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {reason(error)}") from None
        found += statements.read(text, str(file))
    return found


def scan(files: Sequence[Path], said: Statements, database: Path | None = None) -> list[findings.Finding]:
    """Returns the findings of each SBOM, with the status that the statements give them.

    `database` is a folder with a database of grype. Without it, grype updates its own from the network.

    Raises grype.UnreachableError (exit code 3) if the database cannot be fetched. Raises UsageError if a file is not an
    SBOM, and SparkImagesError if there is no grype or if it fails.
    """
    sboms = [(file, findings.sbom(file)) for file in files]
    tool = grype.Grype(grype.find(), database)
    tool.ready()
    found = []
    for file, sbom in sboms:
        matches = findings.matches(tool.report(file, sbom.debian))
        found += findings.findings(sbom, matches, list(said(sbom.image)))
    return found
