"""Builds the reference images from the same packages, and with the same code, as our images.

A reference is a folder here that contains a Dockerfile. The project treats it as one more kind of image, so it goes
through the same graph, bake definition and build.
"""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace

from benchmarks import FOLDER
from spark_images import BUILD, ROOT
from spark_images.engine import build
from spark_images.matrix.model import Cell
from spark_images.matrix.tables import Image, Layer
from spark_images.plan.graph import Graph, Target
from spark_images.plan.project import Project
from spark_images.recipes import dockerfiles
from spark_images.recipes.dockerfiles import Recipes
from spark_images.recipes.locks import lock_name

OFFICIAL = "official"
CONTENT = "official-content"
MONOLITH = "monolith"
REFERENCES = (OFFICIAL, CONTENT, MONOLITH)

DISTRIBUTION = "spark-distribution"
"""The layer whose Spark archive the references unpack."""

CONTEXTS = BUILD / "benchmarks"


@dataclass(frozen=True)
class References:
    """A project that has the references as additional kinds of images."""

    project: Project

    def tag(self, reference: str, cell: Cell) -> str:
        """Returns the full name of the reference image for a cell."""
        return self.project.matrix.tag(self._sibling(reference, cell).name)

    def _sibling(self, reference: str, cell: Cell) -> Cell:
        return self.project.matrix.sibling(cell, reference)

    def graph(self, pairs: Iterable[tuple[str, Cell]]) -> tuple[Graph, tuple[Target, ...]]:
        """Returns the graph that builds these (reference, cell) pairs, and their targets in it."""
        cells = [self._sibling(reference, cell) for reference, cell in pairs]
        graph = self.project.graph(cells)
        names = [cell.name for cell in cells]
        targets = {
            name: replace(target, arguments={**target.arguments, "REQUIREMENTS": self._requirements(target.cell)})
            if target.cell and "REQUIREMENTS" in target.recipe.arguments
            else target
            for name, target in graph.targets.items()
        }
        return replace(graph, targets=targets), tuple(targets[name] for name in dict.fromkeys(names))

    def _requirements(self, cell: Cell) -> str:
        """Returns the Python locks, in order, that our image of this Spark version and variant installs."""
        ours = self.project.matrix.sibling(cell, "spark")
        graph = self.project.graph([ours])
        folders = [t.recipe for t in graph.of_levels(("base", "intermediate"))]
        lock = lock_name(ours.values["python"])
        return " ".join(
            f"{recipe.name}-{ours.values['python']}" for recipe in folders if (ROOT / recipe.folder / lock).exists()
        )

    def build(self, pairs: Iterable[tuple[str, Cell]]) -> None:
        """Builds these (reference, cell) pairs. Raises SparkImagesError if a build fails."""
        write_contexts(self.project.recipes)
        build.build(self.project, *self.graph(pairs))


def references(project: Project) -> References:
    """Returns the project with the reference images added: `bench-official-3.5.8` and so on."""
    matrix = project.matrix
    images = {
        name: Image(
            title=f"Reference: {name}", name=f"bench-{name}-{{spark}}{{suffix}}", key=f"{name}-{{spark}}-{{variant}}"
        )
        for name in REFERENCES
    }
    artefacts = matrix.all_layers[DISTRIBUTION].artefacts
    # The distribution is a Python package. The layer's other artefacts are jars that the official image does not have.
    archive = tuple(artefact for artefact in artefacts if "==" in artefact.coordinate)
    jars = tuple(artefact for artefact in artefacts if artefact not in archive)
    taken = {OFFICIAL: Layer(artefacts=archive), CONTENT: Layer(artefacts=jars), MONOLITH: Layer(artefacts=artefacts)}
    matrix = replace(
        matrix,
        images={**matrix.images, **images},
        layers={**matrix.layers, **taken},
        # The refusals of our images do not apply to references.
        refusals=tuple(rule for rule in matrix.refusals if rule.image in project.matrix.images),
    )
    recipes = {
        name: dockerfiles.parse(
            name, "benchmark", (CONTEXTS / name).relative_to(ROOT), (FOLDER / name / "Dockerfile").read_text()
        )
        for name in REFERENCES
    }
    locks = dict.fromkeys(taken, project.locks[DISTRIBUTION])
    return References(Project(matrix, Recipes({**project.recipes.by_name, **recipes}), {**project.locks, **locks}))


def write_contexts(recipes: Recipes) -> None:
    """Writes the build context of each reference: its folder and every lock of Python packages."""
    locks = {
        lock.name.replace("requirements", recipe.name): lock
        for recipe in recipes.by_name.values()
        for lock in sorted((ROOT / recipe.folder).glob(lock_name("*")))
    }
    for name in REFERENCES:
        context = CONTEXTS / name
        shutil.rmtree(context, ignore_errors=True)
        shutil.copytree(FOLDER / name, context)
        (context / "requirements").mkdir()
        for file, lock in locks.items():
            shutil.copyfile(lock, context / "requirements" / file)
