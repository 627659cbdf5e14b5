"""Runs `inv bench`: builds the images and their references, measures them, and writes benchmarks/results."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import kubernetes, queries, results, sizes, speed, start
from benchmarks.containers import Run
from benchmarks.references import CONTENT, MONOLITH, OFFICIAL, References, references
from benchmarks.results import PARTS, Document
from benchmarks.start import LONG, OURS, START, Workload
from spark_images.checks import cluster, suites
from spark_images.engine import build, daemon, gpu
from spark_images.errors import UsageError, unknown
from spark_images.matrix.model import BASELINE, GPU, Cell, Matrix
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project

SAMPLE = 2.0
"""Seconds for which the load of the host is sampled before the first run."""


@dataclass(frozen=True)
class Order:
    """The parts and cells to measure. `runs` is 0 for the default of each part: 3 for a long job, else 7."""

    parts: tuple[str, ...]
    cells: tuple[Cell, ...]
    runs: int
    every: bool
    """Whether the command line names no cell. The build part then measures every cell of the matrix."""


def order(matrix: Matrix, only: Sequence[str], cells: Sequence[str], runs: int) -> Order:
    """Returns what to measure. The default is every part, on the newest baseline of each line.

    Raises UsageError if a part or cell does not exist, a cell has no reference, or `runs` is negative.
    """
    for part in only:
        if part not in PARTS:
            raise UsageError(unknown("part of the benchmark", part, PARTS))
    if runs < 0:
        raise UsageError(f"--runs is {runs}: expected 1 or more")
    chosen = [cell_of(matrix, key) for key in cells] or newest(matrix)
    if odd := [cell.key for cell in chosen if cell.image != "spark"]:
        raise UsageError(f"{', '.join(odd)}: only Spark images have references to compare with; name a spark cell")
    # Without a cluster, the kubernetes part runs only if the command line names it.
    default = [part for part in PARTS if part != "kubernetes" or not cluster.reason_to_skip()]
    return Order(tuple(part for part in PARTS if part in (only or default)), tuple(chosen), runs, not cells)


def newest(matrix: Matrix, variants: Sequence[str] = (BASELINE,)) -> list[Cell]:
    """Returns the Spark images of these variants with the newest Spark version of each line that has them."""
    return [cell for cell in suites.newest(matrix.buildable) if cell.image == "spark" and cell.variant in variants]


def run(project: Project, wanted: Order) -> dict[str, Document]:
    """Measures the requested parts, writes the results, and returns them by part.

    Raises SparkImagesError if an image cannot be built or a timed command fails.
    """
    circumstances = {
        "busy": busy(SAMPLE),
        "cores": os.cpu_count() or 1,
        "revision": build.stamp().revision,
        "date": datetime.now(UTC).date().isoformat(),
    }
    from benchmarks import charts  # noqa: PLC0415  (the import takes a second: other tasks must not wait)

    known = references(project)
    found: dict[str, Document] = {}
    for part in wanted.parts:
        found[part] = {key: {**circumstances, **entry} for key, entry in MEASURES[part](project, known, wanted).items()}
        results.store(part, found[part])
        charts.draw(part, results.read(part))
    return found


def _built(project: Project, known: References, cells: Sequence[Cell], names: Sequence[str]) -> None:
    graph = project.graph(cells)
    build.build(project, graph, graph.of_levels(("runtime",)))
    known.build([(name, cell) for cell in cells for name in names])


def _size(project: Project, known: References, wanted: Order) -> Document:
    found = {}
    for cell in wanted.cells:
        names = [*([OFFICIAL] if cell.variant == BASELINE else []), CONTENT, MONOLITH]
        _built(project, known, [cell], names)
        found[cell.key] = {"images": sizes.measured(project, known, cell, names)}
    return found


def _timed(project: Project, known: References, wanted: Order, workloads: Sequence[Workload], runs: int) -> Document:
    client = daemon.client()
    found = {}
    for cell in wanted.cells:
        _built(project, known, [cell], sorted({workload.reference for workload in workloads}))

        def image(name: str, cell: Cell = cell) -> str:
            return project.matrix.tag(cell.name) if name == OURS else known.tag(name, cell)

        timings = list(start.commands(client, cell, workloads, image, runs))
        if workloads is START:
            timings.append(start.executors(client, cell, image, runs))
        found[cell.key] = {"workloads": {timing.workload: timing.as_document() for timing in timings}}
    return found


def _start(project: Project, known: References, wanted: Order) -> Document:
    return _timed(project, known, wanted, START, wanted.runs or 7)


def _long(project: Project, known: References, wanted: Order) -> Document:
    return _timed(project, known, wanted, LONG, wanted.runs or 3)


def _queries(project: Project, known: References, wanted: Order) -> Document:
    cells = newest(project.matrix, tuple(queries.SETTINGS)) if wanted.every else wanted.cells
    client = daemon.client()
    found = {}
    for cell in cells:
        if queries.accelerator(cell) == GPU and (reason := gpu.reason_to_skip()):
            print(f"{cell.key}: skipped: {reason}", file=sys.stderr)
            continue
        plain = cell_of(project.matrix, f"{cell.spark}-{BASELINE}")
        _built(project, known, [cell], [])
        known.build([(OFFICIAL, plain)])

        def image(side: str, cell: Cell = cell, plain: Cell = plain) -> str:
            return known.tag(OFFICIAL, plain) if side == OFFICIAL else project.matrix.tag(cell.name)

        found[cell.key] = queries.measured(client, cell, image, wanted.runs or 3)
    return found


def _kubernetes(project: Project, known: References, wanted: Order) -> Document:
    kubernetes.check()
    found = {}
    for cell in wanted.cells:
        _built(project, known, [cell], [OFFICIAL])
        images = {OURS: project.matrix.tag(cell.name), start.REFERENCE: known.tag(OFFICIAL, cell)}
        for image in images.values():
            cluster.load(image)
        with kubernetes.namespace() as inside:

            def timed(image: str, inside: str = inside) -> Run:
                return kubernetes.submitted(inside, image)

            timing = start.measure(cell, "pi", OFFICIAL, images, timed, wanted.runs or 7)
        found[cell.key] = {"workloads": {timing.workload: timing.as_document()}}
    return found


def _build(project: Project, _: References, wanted: Order) -> Document:
    cells = project.matrix.buildable if wanted.every else wanted.cells
    taken = speed.measured(project, cells, time.time())
    name = "all" if wanted.every else ", ".join(cell.key for cell in cells)
    return {name: {**taken, "registry": sizes.registry(project, cells)}}


MEASURES: dict[str, Callable[[Project, References, Order], Document]] = {
    "size": _size,
    "start": _start,
    "long": _long,
    "queries": _queries,
    "kubernetes": _kubernetes,
    "build": _build,
}


def busy(seconds: float) -> float:
    """Returns the share of the host's cores, 0 to 1, that was busy during the next `seconds`."""
    before = _jiffies()
    time.sleep(seconds)
    idle, total = (after - then for after, then in zip(_jiffies(), before, strict=True))
    return 1 - idle / total


def _jiffies() -> tuple[int, int]:
    numbers = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return numbers[3] + numbers[4], sum(numbers)
