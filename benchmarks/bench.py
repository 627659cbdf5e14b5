"""`inv bench`: builds what is compared, measures it, and writes benchmarks/results."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import kubernetes, results, sizes, speed, start
from benchmarks.containers import Run
from benchmarks.references import CONTENT, MONOLITH, OFFICIAL, References, references
from benchmarks.results import PARTS, Document
from benchmarks.start import LONG, OURS, START, Workload
from spark_images.checks import cluster, suites
from spark_images.engine import build, daemon
from spark_images.errors import UsageError, unknown
from spark_images.matrix.model import BASELINE, Cell, Matrix
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project

SAMPLE = 2.0
"""Seconds over which the machine is watched before the first run."""


@dataclass(frozen=True)
class Order:
    """What is to be measured. `runs` is 0 for each part's own number: 7, of a long job 3."""

    parts: tuple[str, ...]
    cells: tuple[Cell, ...]
    runs: int
    every: bool
    """Whether no cell was named: building is then measured for all that there are."""


def order(matrix: Matrix, only: Sequence[str], cells: Sequence[str], runs: int) -> Order:
    """Returns what a command line asks for: all parts, and the newest baseline of each line, unless it says otherwise.

    Raises UsageError for a part or cell that does not exist, a cell that has no reference, or a number of runs below 0.
    """
    for part in only:
        if part not in PARTS:
            raise UsageError(unknown("part of the benchmark", part, PARTS))
    if runs < 0:
        raise UsageError(f"--runs is {runs}: expected 1 or more")
    chosen = [cell_of(matrix, key) for key in cells] or newest(matrix)
    if odd := [cell.key for cell in chosen if cell.image != "spark"]:
        raise UsageError(f"{', '.join(odd)}: the references are Spark images: name a cell of those")
    # A part that needs a cluster is left out where there is none, unless it is asked for by name.
    default = [part for part in PARTS if part != "kubernetes" or not cluster.reason_to_skip()]
    return Order(tuple(part for part in PARTS if part in (only or default)), tuple(chosen), runs, not cells)


def newest(matrix: Matrix) -> list[Cell]:
    """Returns the baseline of the newest Spark version of each line."""
    return [cell for cell in suites.newest(matrix.buildable) if (cell.image, cell.variant) == ("spark", BASELINE)]


def run(project: Project, wanted: Order) -> dict[str, Document]:
    """Measures what is wanted and writes the results; returns them by part.

    Raises SparkImagesError where something cannot be built or a timed command fails.
    """
    circumstances = {
        "busy": busy(SAMPLE),
        "cores": os.cpu_count() or 1,
        "revision": build.stamp().revision,
        "date": datetime.now(UTC).date().isoformat(),
    }
    from benchmarks import charts  # noqa: PLC0415  (it takes a second, which no other task should wait for)

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
    "kubernetes": _kubernetes,
    "build": _build,
}


def busy(seconds: float) -> float:
    """Returns the share of this machine's cores that was busy over some seconds: 0 to 1."""
    before = _jiffies()
    time.sleep(seconds)
    idle, total = (after - then for after, then in zip(_jiffies(), before, strict=True))
    return 1 - idle / total


def _jiffies() -> tuple[int, int]:
    numbers = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return numbers[3] + numbers[4], sum(numbers)
