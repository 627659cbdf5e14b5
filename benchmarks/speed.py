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


def unchanged(factory: Factory, cells: Sequence[Cell]) -> float:
    """Returns the seconds that building these cells' layers and images takes when nothing has changed since the last
    time, reading the working tree included. A first build that is not timed makes sure of that.
    """
    _build(factory, factory.graph(cells))
    begin = time.monotonic()
    again = house.load()
    _build(again, again.graph(cells))
    return time.monotonic() - begin


def cold(factory: Factory, cells: Sequence[Cell], moment: float) -> float:
    """Returns the seconds that building these cells' layers and images takes with nothing cached, downloads included.

    Every file gets another date, so that no step is in the cache; with `--no-cache` the new layers would take the
    place of the old in it, and the user's next build would unpack every image again. Images get a tag of their own,
    and go when the time is taken. Raises FactoryError where the build fails, or the disk has not enough room.
    """
    # By the file's names, which the class takes its values by.
    settings = {name.replace("_", "-"): value for name, value in vars(factory.catalog.settings).items()}
    catalog = replace(factory.catalog, settings=Settings(**{**settings, "tag": COLD_TAG}))
    apart = replace(factory, catalog=catalog)
    graph = dated(apart.graph(cells), int(LAYER_EPOCH) + int(moment) % 10_000_000)
    begin = time.monotonic()
    if not catalog.settings.os_image:
        rootfs.bootstrap(catalog.versions["debian"], host.read().apt)
    try:
        _build(apart, graph)
        return time.monotonic() - begin
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
