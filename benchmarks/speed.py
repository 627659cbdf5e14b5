"""Times builds: one from nothing (cold), and one when nothing has changed."""

import time
from collections.abc import Sequence
from dataclasses import replace

from spark_images.engine import build, daemon, host, rootfs
from spark_images.matrix.model import Cell
from spark_images.matrix.tables import Settings
from spark_images.plan.graph import LAYER_EPOCH, Graph
from spark_images.plan.project import Project, load_project
from spark_images.recipes.dockerfiles import LEVELS

COLD_TAG = "bench-cold"


def measured(project: Project, cells: Sequence[Cell], moment: float) -> dict[str, float]:
    """Returns the seconds that it takes to build the layers and images of these cells.

    `cold` starts with an empty cache and includes the downloads. `unchanged` repeats a build without changes and
    includes reading the working tree.

    On an empty engine the first build is the cold one. Otherwise the engine keeps its images, and the cold build is a
    second, separate one that needs the same disk space again. Raises SparkImagesError if a build fails or the disk is
    full.
    """
    if daemon.is_empty():
        return {"cold": _cold(project, project.graph(cells)), "unchanged": _unchanged(cells)}
    _build(project, project.graph(cells))
    return {"unchanged": _unchanged(cells), "cold": _cold_apart(project, cells, moment)}


def _unchanged(cells: Sequence[Cell]) -> float:
    begin = time.monotonic()
    again = load_project()
    _build(again, again.graph(cells))
    return time.monotonic() - begin


def _cold(project: Project, graph: Graph) -> float:
    begin = time.monotonic()
    for suite in graph.suites(graph.targets.values()):
        if suite not in project.matrix.os_images:
            rootfs.bootstrap(suite, host.read().apt)
    _build(project, graph)
    return time.monotonic() - begin


def _cold_apart(project: Project, cells: Sequence[Cell], moment: float) -> float:
    """Times a cold build that leaves the user's cache and tags alone.

    Every file gets a different date, so no step is cached. `--no-cache` would replace the cached layers, and the user's
    next build would unpack every image again. The images get a separate tag and are removed afterwards.
    """
    # Settings accepts the names of images.toml, which have hyphens.
    settings = {name.replace("_", "-"): value for name, value in vars(project.matrix.settings).items()}
    matrix = replace(project.matrix, settings=Settings(**{**settings, "tag": COLD_TAG}))
    apart = replace(project, matrix=matrix)
    graph = dated(apart.graph(cells), int(LAYER_EPOCH) + int(moment) % 10_000_000)
    try:
        return _cold(apart, graph)
    finally:
        for target in graph.of_levels(LEVELS):
            if daemon.find(tag := matrix.tag(target.name)):
                daemon.client().images.remove(tag)


def dated(graph: Graph, epoch: int) -> Graph:
    """Returns the graph with `epoch`, in seconds since 1970, as the date of the files in its layers."""
    targets = {
        name: replace(target, arguments={**target.arguments, "LAYER_EPOCH": str(epoch)})
        if "LAYER_EPOCH" in target.arguments
        else target
        for name, target in graph.targets.items()
    }
    return replace(graph, targets=targets)


def _build(project: Project, graph: Graph) -> None:
    build.build(project, graph, graph.of_levels(LEVELS))
