"""The factory as it stands in the working tree: images.toml, the Dockerfiles and the locks, read and held together."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spark_images import ROOT, dockerfiles, images_toml
from spark_images import graph as graphs
from spark_images.catalog import Catalog, Cell
from spark_images.dockerfiles import House
from spark_images.errors import CatalogError, unknown
from spark_images.graph import Graph
from spark_images.lock import Lock, read_locks


@dataclass(frozen=True)
class Factory:
    """Everything that a build is planned from."""

    catalog: Catalog
    house: House
    locks: Mapping[str, Lock]

    def graph(self, cells: Iterable[Cell]) -> Graph:
        """Returns the graph that builds these cells' images."""
        return graphs.graph(self.catalog, self.house, self.locks, graphs.images(cells))


def load(root: Path = ROOT, environment: Mapping[str, str] = os.environ, *, locked: bool = True) -> Factory:
    """Reads the working tree under `root`.

    Raises CatalogError for a mistake in images.toml, a table for a layer that has no folder, or a variant that no
    Dockerfile knows; with `locked`, also for an artefact without a lock entry.
    """
    toml = images_toml.load(root / "images.toml", environment)
    house = dockerfiles.read(root)
    for layer in toml.layers:
        if layer not in house.recipes:
            raise CatalogError(f"images.toml: [layers.{layer}]: {unknown('folder', layer, house.recipes)}")
    graphs.check_features(toml, house)
    factory = Factory(toml, house, read_locks(house, root))
    if locked:
        factory.graph(toml.buildable)
    return factory
