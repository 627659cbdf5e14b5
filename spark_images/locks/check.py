"""Checks that the locks match images.toml and the requirements.in files."""

from collections.abc import Mapping
from pathlib import Path

from spark_images import ROOT
from spark_images.errors import MatrixError
from spark_images.matrix.model import Matrix
from spark_images.recipes.dockerfiles import Recipes
from spark_images.recipes.locks import ARTEFACTS, REQUIREMENTS, Lock, requirement_sets


def wanted(matrix: Matrix, locks: Mapping[str, Lock]) -> dict[str, set[str]]:
    """Returns the coordinates that images.toml gives each layer. A layer that has only a lock gets an empty set."""
    coordinates: dict[str, set[str]] = {layer: set() for layer in sorted({*matrix.all_layers, *locks})}
    for layer, artefact in matrix.all_artefacts(servers=True):
        coordinates[layer].add(artefact.coordinate)
    return coordinates


def disagreements(matrix: Matrix, recipes: Recipes, locks: Mapping[str, Lock], root: Path = ROOT) -> list[str]:
    """Returns a sentence for each difference between a lock and images.toml or requirements.in."""
    found = []
    for layer, coordinates in wanted(matrix, locks).items():
        locked = set(locks.get(layer, ()))
        place = matrix.place_of(layer)
        found += [f"{place}: {c} is not in {ARTEFACTS}" for c in sorted(coordinates - locked)]
        found += [f"{place}: {c} is in {ARTEFACTS} but not in images.toml" for c in sorted(locked - coordinates)]
    for requirements in requirement_sets(matrix, recipes, root):
        path = requirements.lock.relative_to(root)
        if not requirements.lock.exists():
            found.append(f"{path} is missing")
        elif requirements.lock.read_text().partition("\n")[0] != requirements.fingerprint:
            found.append(f"{path} does not match {REQUIREMENTS}")
    return found


def check(matrix: Matrix, recipes: Recipes, locks: Mapping[str, Lock], root: Path = ROOT) -> None:
    """Raises MatrixError, with each difference, if a lock does not match images.toml or requirements.in."""
    if found := disagreements(matrix, recipes, locks, root):
        raise MatrixError("\n".join([*found, "run `inv lock.update`"]))
