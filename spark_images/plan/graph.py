"""The DAG of the layers and images that a selection of cells needs.

Edges come from the Dockerfiles: a name in FROM, COPY --from or a mount that is not a stage of the same file is a folder
under docker/. A folder combined with a cell's values, which give its name and arguments, is a target.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from spark_images.errors import MatrixError, SparkImagesError, unknown
from spark_images.matrix.model import Cell, Matrix
from spark_images.matrix.tables import Artefact
from spark_images.recipes.dockerfiles import Recipe, Recipes
from spark_images.recipes.locks import Lock

LAYER_EPOCH = "1767225600"
"""The date of every file in a layer: 2026-01-01, in seconds since 1970. Equal content gives equal bytes."""

PREDEFINED = frozenset({"TARGETARCH", "TARGETPLATFORM"})
"""Arguments that BuildKit sets itself, from the platform of the target."""

ROOTFS = "rootfs"
"""The folder of the bootstrapped Debian. An image of the setting os-image replaces its target of the same release."""


@dataclass(frozen=True)
class Target:
    """A layer or image to build. `name` has no prefix or tag. `contexts` maps names in its Dockerfile to targets."""

    name: str
    recipe: Recipe
    arguments: Mapping[str, str]
    contexts: Mapping[str, str]
    suite: str
    """The Debian release that the target is built on."""
    platform: str
    cell: Cell | None
    """The cell of an image, or None for a layer."""


@dataclass(frozen=True)
class Graph:
    """Targets by name, dependencies first. `shipped` has the names of the targets whose files are in an image."""

    targets: Mapping[str, Target]
    shipped: frozenset[str]

    def of_levels(self, levels: Iterable[str]) -> tuple[Target, ...]:
        """Returns the shipped targets of these levels (base, intermediate, runtime), dependencies first."""
        return tuple(t for t in self.targets.values() if t.recipe.level in levels and t.name in self.shipped)

    def closure(self, names: Iterable[str]) -> set[str]:
        """Returns the names of these targets and of all their dependencies."""
        return all_below(names, lambda name: self.targets[name].contexts.values())

    def suites(self, requested: Iterable[Target]) -> list[str]:
        """Returns the Debian releases whose root file systems these targets need."""
        needed = (self.targets[name] for name in self.closure(target.name for target in requested))
        return sorted({target.suite for target in needed if target.recipe.name == ROOTFS})


def all_below(names: Iterable[str], below: Callable[[str], Iterable[str]]) -> set[str]:
    """Returns these names and every name that repeated calls of `below` reach from them."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += below(name)
    return found


def images(cells: Iterable[Cell]) -> list[tuple[str, Cell]]:
    """Returns the roots of the graph that builds the images of these cells."""
    return [(cell.image, cell) for cell in cells]


def graph(matrix: Matrix, recipes: Recipes, locks: Mapping[str, Lock], roots: Iterable[tuple[str, Cell]]) -> Graph:
    """Returns the targets that `roots` need, dependencies first. A root is a folder and the cell with its values.

    Raises MatrixError for an unknown folder or argument, an artefact without a lock entry, or two different builds with
    one name. Raises SparkImagesError for a cycle, and for a stage with the name of a folder.
    """
    targets: dict[str, Target] = {}
    shipped: set[str] = set()
    todo = [(folder, cell, True) for folder, cell in roots]
    done: set[tuple[str, str, bool]] = set()
    while todo:
        folder, asking, ships = todo.pop()
        cell = matrix.seen_by(folder, asking)
        target = _target(matrix, recipes, locks, folder, cell)
        known = targets.setdefault(target.name, target)
        if known != target:
            raise MatrixError(
                f'images.toml: two different builds have the name "{target.name}": {_difference(known, target)}. '
                "Put the value that differs into the name"
            )
        if ships:
            shipped.add(target.name)
        if (target.name, cell.key, ships) in done:
            continue
        done.add((target.name, cell.key, ships))
        for name, s in target.recipe.reached(target.arguments):
            todo.append((name, matrix.sibling(cell, name) if name in matrix.images else cell, ships and s))
    sorter = TopologicalSorter({name: sorted(t.contexts.values()) for name, t in sorted(targets.items())})
    try:
        return Graph({name: targets[name] for name in sorter.static_order()}, frozenset(shipped))
    except CycleError as error:
        raise SparkImagesError(f"the Dockerfiles form a cycle: {' -> '.join(error.args[1])}") from None


def _target(matrix: Matrix, recipes: Recipes, locks: Mapping[str, Lock], folder: str, cell: Cell) -> Target:
    recipe = recipes.by_name[folder]
    for stage in recipe.stages:
        if stage.name in recipes.by_name:
            raise SparkImagesError(
                f'{recipe.folder}/Dockerfile: the stage "{stage.name}" has the name of a folder: rename it'
            )
    is_image = folder in matrix.images
    artefacts = matrix.artefacts(folder, cell)
    offered = {name.upper(): value for name, value in cell.values.items()}
    offered |= {f"{name}_VERSION": value for name, value in offered.items()}
    offered |= {
        "LAYER_EPOCH": LAYER_EPOCH,
        "ARTEFACTS": " ".join(_hashed(matrix, artefact, folder, locks) for artefact in artefacts),
        "LINKS": " ".join(f"{a.link}={file_name(a.coordinate)}" for a in artefacts if a.link),
    }
    if is_image:
        offered |= {f"ENABLE_{f.upper()}": str(f in cell.features).lower() for f in recipes.features}
    arguments = {name: offered[name] for name in recipe.arguments if name in offered}
    for name, default in recipe.arguments.items():
        if default is None and name not in arguments and name not in PREDEFINED:
            raise MatrixError(f"{recipe.folder}/Dockerfile: ARG {name}: {unknown('value', name, sorted(offered))}")

    contexts = {}
    for name, _ in recipe.reached(arguments):
        if name not in recipes.by_name:
            raise MatrixError(f"{recipe.folder}/Dockerfile: {unknown('folder', name, recipes.by_name)}")
        contexts[name] = matrix.name_of(name, cell)
    return Target(
        name=matrix.name_of(folder, cell),
        recipe=recipe,
        arguments=arguments,
        contexts=contexts,
        suite=cell.values["debian"],
        platform=cell.values["platform"],
        cell=cell if is_image else None,
    )


def _hashed(matrix: Matrix, artefact: Artefact, folder: str, locks: Mapping[str, Lock]) -> str:
    entry = locks[folder].get(artefact.coordinate) if folder in locks else None
    if entry is None:
        raise MatrixError(
            f"images.toml: {matrix.place_of(folder)} artefacts: {artefact.coordinate} has no entry in its lock: "
            "run `inv lock.update --only artefacts`"
        )
    return f"{artefact.coordinate}@sha256:{entry.sha256}"


def file_name(coordinate: str) -> str:
    """Returns the file name in a Maven repository of a jar: its coordinate is group:artifact:version[:classifier]."""
    _, *name = coordinate.split(":")
    return f"{'-'.join(name)}.jar"


def _difference(one: Target, other: Target) -> str:
    for name in one.arguments:
        if one.arguments[name] != other.arguments.get(name):
            return f'{name} is "{one.arguments[name]}" and "{other.arguments.get(name)}"'
    return f"one is built from {dict(one.contexts)} and the other from {dict(other.contexts)}"


def check_features(matrix: Matrix, recipes: Recipes) -> None:
    """Raises MatrixError if an image has no Dockerfile, or if a feature of a buildable cell adds no layer to it."""
    for cell in matrix.buildable:
        if cell.image not in recipes.by_name:
            raise MatrixError(f"images.toml: [images.{cell.image}]: there is no docker/runtime/{cell.image}/Dockerfile")
        for feature in cell.features:
            if _reached(recipes, cell.image, "") == _reached(recipes, cell.image, feature):
                raise MatrixError(
                    f"images.toml: [features.{feature}]: the feature adds no layer to {cell.key}: "
                    f"{recipes.by_name[cell.image].folder}/Dockerfile has no stage that "
                    f"ENABLE_{feature.upper()}=true adds"
                )


def _reached(recipes: Recipes, image: str, feature: str) -> set[str]:
    """Returns the folders that an image and its base images need with one feature switched on."""
    switches = {f"ENABLE_{f.upper()}": str(f == feature).lower() for f in recipes.features}
    found = {name for name, _ in recipes.by_name[image].reached(switches)}
    for name in found & {name for name, recipe in recipes.by_name.items() if recipe.level == "runtime"}:
        found |= _reached(recipes, name, feature)
    return found
