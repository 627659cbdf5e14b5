"""How long building takes: everything anew, and when nothing has changed."""

import time
from collections.abc import Sequence
from dataclasses import replace

from spark_images import build, engine, host, house, rootfs
from spark_images.catalog import Cell, Settings
from spark_images.dockerfiles import KINDS
from spark_images.graph import LAYER_EPOCH, Graph
from spark_images.house import Factory

COLD_TAG = "bench-cold"


def measured(factory: Factory, cells: Sequence[Cell], moment: float) -> dict[str, float]:
    """Returns the seconds that building these cells' layers and images takes: `cold`, with nothing cached and downloads
    included, and `unchanged`, with nothing changed since the last time, reading the working tree included.

    On an engine that holds nothing the first build is the cold one. Elsewhere what it holds stays, and a cold build
    stands apart, for as much disk again. Raises FactoryError where a build fails or the disk is full.
    """
    if engine.is_empty():
        return {"cold": _cold(factory, factory.graph(cells)), "unchanged": _unchanged(cells)}
    _build(factory, factory.graph(cells))
    return {"unchanged": _unchanged(cells), "cold": _cold_apart(factory, cells, moment)}


def _unchanged(cells: Sequence[Cell]) -> float:
    begin = time.monotonic()
    again = house.load()
    _build(again, again.graph(cells))
    return time.monotonic() - begin


def _cold(factory: Factory, graph: Graph) -> float:
    begin = time.monotonic()
    if not factory.catalog.settings.os_image:
        rootfs.bootstrap(factory.catalog.versions["debian"], host.read().apt)
    _build(factory, graph)
    return time.monotonic() - begin


def _cold_apart(factory: Factory, cells: Sequence[Cell], moment: float) -> float:
    """Every file gets another date, so that no step is in the cache; with `--no-cache` the new layers would take the
    place of the old in it, and the user's next build would unpack every image again. Images get a tag of their own,
    and go when the time is taken.
    """
    # By the file's names, which the class takes its values by.
    settings = {name.replace("_", "-"): value for name, value in vars(factory.catalog.settings).items()}
    catalog = replace(factory.catalog, settings=Settings(**{**settings, "tag": COLD_TAG}))
    apart = replace(factory, catalog=catalog)
    graph = dated(apart.graph(cells), int(LAYER_EPOCH) + int(moment) % 10_000_000)
    try:
        return _cold(apart, graph)
    finally:
        for target in graph.of_kinds(KINDS):
            if engine.find(tag := catalog.tag(target.name)):
                engine.client().images.remove(tag)


def dated(graph: Graph, epoch: int) -> Graph:
    """Returns the graph with another date for the files of its layers, in seconds since 1970."""
    targets = {
        name: replace(target, arguments={**target.arguments, "LAYER_EPOCH": str(epoch)})
        if "LAYER_EPOCH" in target.arguments
        else target
        for name, target in graph.targets.items()
    }
    return replace(graph, targets=targets)


def _build(factory: Factory, graph: Graph) -> None:
    build.build(factory, graph, graph.of_kinds(KINDS))
