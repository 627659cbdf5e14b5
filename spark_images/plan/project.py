"""The project as it stands in the working tree: images.toml, the Dockerfiles and the locks, read and held together."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from spark_images import ROOT
from spark_images.errors import MatrixError, unknown
from spark_images.matrix import file
from spark_images.matrix.model import Cell, Matrix
from spark_images.plan import graph as graphs
from spark_images.plan.graph import Graph
from spark_images.recipes import dockerfiles
from spark_images.recipes.dockerfiles import Recipes
from spark_images.recipes.locks import Lock, read_locks


@dataclass(frozen=True)
class Project:
    """Everything that a build is planned from."""

    matrix: Matrix
    recipes: Recipes
    locks: Mapping[str, Lock]

    def graph(self, cells: Iterable[Cell]) -> Graph:
        """Returns the graph that builds these cells' images."""
        return graphs.graph(self.matrix, self.recipes, self.locks, graphs.images(cells))


def load_project(root: Path = ROOT, environment: Mapping[str, str] = os.environ, *, locked: bool = True) -> Project:
    """Reads the working tree under `root`.

    Raises MatrixError for a mistake in images.toml, a table for a layer that has no folder, or a variant that no
    Dockerfile knows; with `locked`, also for an artefact without a lock entry.
    """
    toml = file.load(root / "images.toml", environment)
    recipes = dockerfiles.read(root)
    for layer in toml.all_layers:
        if layer not in recipes.by_name:
            raise MatrixError(f"images.toml: [layers.{layer}]: {unknown('folder', layer, recipes.by_name)}")
    graphs.check_features(toml, recipes)
    project = Project(toml, recipes, read_locks(recipes, root))
    if locked:
        project.graph(toml.buildable)
    return project
