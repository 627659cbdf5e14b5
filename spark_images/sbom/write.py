"""Writes the SBOMs of images to files."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from spark_images import BUILD, files
from spark_images.engine import daemon
from spark_images.errors import SparkImagesError, UsageError, unknown
from spark_images.matrix.model import Cell
from spark_images.plan.graph import LAYER_EPOCH
from spark_images.plan.project import Project
from spark_images.reports import measure
from spark_images.sbom import cyclonedx, layers, spdx
from spark_images.sbom.bill import Bill
from spark_images.sbom.components import Kind, Layer, Shown, components, count
from spark_images.sbom.locked import locked

FOLDER = BUILD / "sbom"
COUNTED = (Kind.JAR, Kind.SHADED, Kind.PYTHON, Kind.DEBIAN)
"""The kinds that `table` counts. An image has only one Spark and one JDK."""

CREATED = "org.opencontainers.image.created"

FORMATS: Mapping[str, tuple[str, Callable[[Bill], str]]] = {
    "cyclonedx": (cyclonedx.SUFFIX, cyclonedx.text),
    "spdx": (spdx.SUFFIX, spdx.text),
}
"""The suffix and the writer of each format."""

COLUMNS = ("image", *(f"{kind.value}s" for kind in COUNTED))
"""The columns of `table`."""


def write(project: Project, cells: Sequence[Cell], formats: Sequence[str] = (), folder: Path = FOLDER) -> list[Bill]:
    """Writes the SBOM of each cell's image to `folder`, as `<image><suffix>`. Returns what they say.

    Without `formats`, writes every format.

    Raises UsageError for an unknown format. Raises SparkImagesError if the engine does not have an image, if an image
    is older than its Dockerfiles, or if a file cannot be written.
    """
    for given in formats:
        if given not in FORMATS:
            raise UsageError(unknown("format", given, FORMATS))
    found = bills(project, cells)
    for bill in found:
        for suffix, text in (FORMATS[name] for name in formats or FORMATS):
            files.write(folder / f"{bill.name}{suffix}", text(bill))
    return found


def table(found: Sequence[Bill]) -> list[Sequence[str]]:
    """Returns a row for each image: the number of components of each kind."""
    rows: list[Sequence[str]] = []
    for bill in found:
        counted = count(bill.components)
        rows.append((bill.name, *(str(counted[kind]) for kind in COUNTED)))
    return rows


def bills(project: Project, cells: Sequence[Cell]) -> list[Bill]:
    """Returns the bill of each cell's image. Raises SparkImagesError as `write` does."""
    images = measure.composed(project, cells)
    if missing := [cell for cell in cells if cell.name not in images]:
        raise SparkImagesError(_not_built(project, missing))
    graph = project.graph(cells)
    shown = layers.inventories({image.tag: image.digests for image in images.values()})
    found = []
    for cell in cells:
        image = images[cell.name]
        stack = [Layer(digest, origin) for digest, origin in zip(image.digests, image.origins, strict=True)]
        parts = components(
            [Shown(layer, shown[layer.digest], locked(project, graph, cell, layer.origin)) for layer in stack],
            cell.values["debian_number"],
        )
        name = project.matrix.repository(cell.name)
        version = f"{cell.spark}{cell.values['suffix']}"
        found.append(Bill(name, cell.values["title"], version, _created(image.tag), tuple(stack), parts))
    return found


def _created(tag: str) -> datetime:
    """Returns the date in the label of an image, or the date of the files in its layers if it has no such label."""
    image = daemon.find(tag)
    said = image.labels.get(CREATED) if image else None
    return datetime.fromisoformat(said) if said else datetime.fromtimestamp(int(LAYER_EPOCH), UTC)


def _not_built(project: Project, missing: Sequence[Cell]) -> str:
    names = ", ".join(project.matrix.tag(cell.name) for cell in missing)
    flags: dict[str, None] = {}
    for cell in missing:
        flags |= dict.fromkeys((f"--image {cell.image}", f"--spark {cell.spark}", f"--variant {cell.variant}"))
    return f"images that are not built have no SBOM: {names}: run `inv build.runtime {' '.join(sorted(flags))}`"
