"""The catalogue, docker/images/README.md: the content of each image, generated from images.toml and the locks.

Only the sizes are measured. `inv images.catalog` writes them to sizes.json (images) and layers.json (layers). The
budgets compare new sizes with layers.json.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from packaging.version import Version
from pydantic import TypeAdapter

from spark_images import ROOT, files
from spark_images.errors import SparkImagesError
from spark_images.matrix.lifecycle import LifeCycle
from spark_images.matrix.model import Cell, Matrix
from spark_images.matrix.tables import Artefact
from spark_images.matrix.templates import fill
from spark_images.plan.project import Project
from spark_images.recipes.locks import package_versions, requirement_sets
from spark_images.reports import overview
from spark_images.reports.markdown import table
from spark_images.reports.measure import Layer, measure
from spark_images.reports.printing import megabytes

FOLDER = ROOT / "docker/images"
PAGE = FOLDER / "README.md"
SIZES = FOLDER / "sizes.json"
LAYERS = FOLDER / "layers.json"
SPARK_GROUP = "org.apache.spark"
"""The group of the jars that Spark's project publishes."""

T = TypeVar("T")
_SIZES = TypeAdapter(dict[str, int])
_LAYERS = TypeAdapter(list[Layer])


def write(project: Project) -> None:
    """Writes the catalogue with the sizes of the images that the engine has. The others keep their last size.

    Also writes the table in README.md.

    Raises SparkImagesError if sizes.json or layers.json is broken, or if the engine fails.
    """
    sizes = _sizes()
    held = layers()
    measured = measure(project, project.matrix.buildable, held.values())
    sizes |= {name: measured.of(name).size for name in measured.images}
    names = {cell.name for cell in project.matrix.buildable}
    files.write(SIZES, json.dumps({name: sizes[name] for name in sorted(sizes) if name in names}, indent=2) + "\n")
    files.write(PAGE, page(project, sizes))
    overview.write(project.matrix)
    for image in measured.images.values():
        held |= {layer.origin: layer for layer in image}
    shipped = project.graph(project.matrix.buildable).shipped
    # The origin of a layer that a stage of an image builds is "<image> <stage>".
    kept = [asdict(held[name]) for name in sorted(held) if name.partition(" ")[0] in shipped]
    files.write(LAYERS, json.dumps(kept, indent=2) + "\n")


def layers() -> dict[str, Layer]:
    """Returns the layers of the last catalogue by name. Raises SparkImagesError if layers.json is broken."""
    return {layer.origin: layer for layer in _read(LAYERS, _LAYERS) or ()}


def check(project: Project) -> None:
    """Raises SparkImagesError if the catalogue or the table in README.md does not match images.toml and the locks."""
    current = {
        PAGE: PAGE.exists() and PAGE.read_text() == page(project, _sizes()),
        overview.PAGE: overview.is_current(project.matrix),
    }
    if outdated := [str(file.relative_to(ROOT)) for file, good in current.items() if not good]:
        raise SparkImagesError(f"out of date: {' and '.join(outdated)}: run `inv images.catalog`")


def _sizes() -> dict[str, int]:
    return _read(SIZES, _SIZES) or {}


def _read(file: Path, kind: TypeAdapter[T]) -> T | None:
    found = files.noted(file, kind)
    # A new measurement would lose the sizes of images that this engine does not have.
    if found is None and file.exists():
        raise SparkImagesError(
            f"{file.relative_to(ROOT)} does not have the format that `inv images.catalog` writes: "
            "restore it with Git, or delete it and run `inv images.catalog`"
        )
    return found


def page(project: Project, sizes: Mapping[str, int]) -> str:
    """Returns the text of the catalogue. `sizes` are in bytes, by image name."""
    return "\n".join(_lines(project, sizes)) + "\n"


def _lines(project: Project, sizes: Mapping[str, int]) -> Iterator[str]:
    matrix = project.matrix
    yield "# Images"
    yield ""
    yield "`inv images.catalog` writes this page from images.toml and the locks. Edit those files, not this page."
    yield "Sizes are the last measured sizes of the unpacked images. Each size includes shared layers."
    yield from ("", "## Spark versions", "")
    yield "A newer version of the same line supersedes a version. After the end of life, a line gets no fixes."
    yield ""
    yield from table(
        ("Spark", "released", "superseded by", "end of life"),
        (_life_cycle(spark, matrix.life_cycle(spark)) for spark in matrix.spark),
    )
    for kind, image in matrix.images.items():
        cells = [cell for cell in matrix.buildable if cell.image == kind]
        if cells:
            yield from ("", f"## {image.title.partition(' {')[0]}", "")
            yield from table(
                ("image", "Spark", "Scala", "Hadoop", "Java", "Python", "adds", "size"),
                (_row(matrix, cell, sizes) for cell in cells),
            )
    yield from ("", "### Run an image", "", "```sh")
    first = matrix.buildable[0]
    yield f"docker run --rm -it {matrix.repository(first.name)} spark-shell"
    yield f"docker run --rm {matrix.repository(first.name)} spark-submit /opt/spark/examples/src/main/python/pi.py"
    yield "```"
    for name, feature in matrix.features.items():
        having = [cell for cell in matrix.buildable if name in cell.features]
        if having:
            newest = max(having, key=lambda cell: Version(cell.spark))
            yield from ("", f"## Feature {name}", "")
            yield fill(feature.usage, newest.values, f"[features.{name}] usage").strip()
            if feature.note:
                rows = (
                    (f"`{cell.key}`", fill(feature.note, cell.values, f"[features.{name}] note")) for cell in having
                )
                yield ""
                yield from table(("cell", "support"), rows)
    refused = [cell for cell in matrix.cells if cell.refusal]
    if refused:
        yield from ("", "## Not built", "")
        reasons = dict.fromkeys(cell.refusal for cell in refused)
        yield from table(
            ("cells", "reason"),
            ((", ".join(f"`{cell.key}`" for cell in refused if cell.refusal == why), why) for why in reasons),
        )
    yield from ("", "## JDBC drivers", "", "In `$SPARK_HOME/jars` of every image, and as `/opt/jdbc/<name>.jar`.", "")
    yield from table(
        ("name", "artefact", "class", "tests", "licence", "terms"),
        (
            (a.link, f"`{a.coordinate}`", f"`{a.driver}`", _tested(a), a.licence, a.terms)
            for a in _artefacts(project)
            if a.driver
        ),
    )
    if connectors := dict.fromkeys(artefact.connector for artefact in _artefacts(project) if artefact.connector):
        yield from ("", "## Connectors", "", "In `$SPARK_HOME/jars` of every image.", "")
        yield from table(
            ("connector", *(f"Spark {line}" for line in matrix.lines)),
            ((connector, *(_connects(matrix, connector, line) for line in matrix.lines)) for connector in connectors),
        )
    yield from ("", "## Other artefacts", "")
    yield from table(
        ("artefact", "licence"),
        ((f"`{a.coordinate}`", a.licence) for a in _artefacts(project) if not a.driver),
    )
    if others := list(_of_another_spark(matrix)):
        yield from ("", "## Jars of another Spark version", "")
        yield from table(("images of Spark", "contain"), others)
    for requirements in requirement_sets(matrix, project.recipes):
        folder = requirements.source.parent
        if folder != ROOT and folder.name not in matrix.servers:
            yield from ("", f"## Python packages: {folder.name} (Python {requirements.python})", "")
            yield ", ".join(f"{name} {version}" for name, version in package_versions(requirements.lock))


def _life_cycle(spark: str, cycle: LifeCycle) -> Sequence[str]:
    """Returns the row of a Spark version. It shows dates only, so that the page does not change from day to day."""
    end = f"[{cycle.end_of_life}]({cycle.source})"
    return (spark, cycle.released.isoformat(), cycle.superseded_by, end)


def _tested(driver: Artefact) -> str:
    return f"tested against {driver.tested}" if driver.tested else "never run against a server"


def _artefacts(project: Project) -> list[Artefact]:
    layers = project.matrix.all_layers
    return [artefact for layer, artefact in project.matrix.all_artefacts() if not layers[layer].tests_only]


def _in_cells(matrix: Matrix) -> Iterator[tuple[Cell, Artefact]]:
    """Yields each artefact of each layer with each cell that can have the layer."""
    for layer in matrix.all_layers:
        for cell in matrix.cells_with(layer):
            yield from ((cell, artefact) for artefact in matrix.artefacts(layer, cell))


def _of_another_spark(matrix: Matrix) -> Iterator[tuple[str, str]]:
    """Yields (Spark version, coordinate) for each jar of Spark's project that has another version than Spark."""
    found = {
        (cell.spark, artefact.coordinate)
        for cell, artefact in _in_cells(matrix)
        if artefact.coordinate.startswith(f"{SPARK_GROUP}:") and not artefact.coordinate.endswith(f":{cell.spark}")
    }
    yield from ((spark, f"`{coordinate}`") for spark, coordinate in sorted(found))


def _connects(matrix: Matrix, connector: str, line: str) -> str:
    """Returns the coordinates of a connector on a line, or "" if the line does not have it."""
    found = {
        artefact.coordinate: None
        for cell, artefact in _in_cells(matrix)
        if (cell.line, artefact.connector) == (line, connector)
    }
    return ", ".join(f"`{coordinate}`" for coordinate in found)


def _row(matrix: Matrix, cell: Cell, sizes: Mapping[str, int]) -> Sequence[str]:
    adds = cell.values["adds"].removeprefix(", ")
    size = megabytes(sizes[cell.name]) if cell.name in sizes else ""
    versions = (cell.values[name] for name in ("spark", "scala", "hadoop", "java", "python"))
    return (f"`{matrix.repository(cell.name)}`", *versions, adds, size)
