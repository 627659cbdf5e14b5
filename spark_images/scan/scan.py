"""Scans SBOMs for known vulnerabilities."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from spark_images.errors import UsageError
from spark_images.matrix.model import Cell
from spark_images.plan.project import Project
from spark_images.sbom import cyclonedx
from spark_images.sbom import write as sboms
from spark_images.scan import findings, grype, statements

Documents = Callable[[str], Iterable[str]]
"""Returns the OpenVEX documents of an image, as texts. Its argument is the name of the image."""


def written(project: Project, cells: Sequence[Cell], folder: Path = sboms.FOLDER) -> list[Path]:
    """Writes the SBOM of each cell's image. Returns the files. Raises SparkImagesError as `sbom.write.write` does."""
    bills = sboms.write(project, cells, ["cyclonedx"], folder)
    return [folder / f"{bill.name}{cyclonedx.SUFFIX}" for bill in bills]


def read(files: Sequence[str]) -> list[str]:
    """Returns the text of each file. Raises UsageError if one cannot be read."""
    texts = []
    for file in files:
        try:
            texts.append(Path(file).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {error}") from None
    return texts


def scan(files: Sequence[Path], documents: Documents, database: Path | None = None) -> list[findings.Finding]:
    """Returns the findings of each SBOM, with the status that the OpenVEX documents give them.

    `database` is a folder with a database of grype. Without it, grype updates its own from the network.

    Raises grype.UnreachableError (exit code 3) if the database cannot be fetched. Raises UsageError if a file is not an
    SBOM or a document is not OpenVEX, and SparkImagesError if there is no grype or if it fails.
    """
    read = [(file, findings.sbom(file)) for file in files]
    said = {sbom.image: [s for text in documents(sbom.image) for s in statements.read(text)] for _, sbom in read}
    tool = grype.Grype(grype.find(), database)
    tool.ready()
    found = []
    for file, sbom in read:
        matches = findings.matches(tool.report(file, sbom.debian))
        found += findings.findings(sbom, matches, said[sbom.image])
    return found
