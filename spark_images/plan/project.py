"""Reads images.toml, the Dockerfiles and the locks of the working tree, and checks that they match."""

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
    """All inputs of a build plan."""

    matrix: Matrix
    recipes: Recipes
    locks: Mapping[str, Lock]

    def graph(self, cells: Iterable[Cell]) -> Graph:
        """Returns the graph that builds the images of these cells."""
        return graphs.graph(self.matrix, self.recipes, self.locks, graphs.images(cells))


def load_project(root: Path = ROOT, environment: Mapping[str, str] = os.environ, *, locked: bool = True) -> Project:
    """Reads the working tree under `root`.

    Raises MatrixError for a mistake in images.toml, a layer's table without a folder, or a feature that adds no layer.
    With `locked`, it also raises MatrixError for an artefact without a lock entry, and the errors of `graph`.
    """
    toml = file.load(root / "images.toml", environment)
    recipes = dockerfiles.read(root)
    for layer in toml.all_layers:
        if layer not in recipes.by_name:
            raise MatrixError(f"images.toml: {toml.place_of(layer)}: {unknown('folder', layer, recipes.by_name)}")
    graphs.check_features(toml, recipes)
    project = Project(toml, recipes, read_locks(recipes, root))
    if locked:
        project.graph(toml.buildable)
    return project
