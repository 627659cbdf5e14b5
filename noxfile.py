"""Nox sessions: `nox -l` lists one test and one smoke session for each cell. What they run stands in spark_images/."""

import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent))

from spark_images.checks import cluster, parallel, suites
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Cell
from spark_images.plan.project import load_project

nox.options.default_venv_backend = "none"
PROJECT = load_project()
CELLS = PROJECT.matrix.buildable


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: style and faults."""
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict."""
    session.run("mypy")


@nox.session
def unit(session: nox.Session) -> None:
    """The unit tests: no engine needed."""
    session.run("pytest", "tests/unit", *session.posargs)


@nox.session
def fresh(session: nox.Session) -> None:
    """Locks, catalogue and drawings are what images.toml and the Dockerfiles say."""
    session.run("inv", "lock.check", "images.catalog", "--check", "graph", "--check")


@nox.session
def build(session: nox.Session) -> None:
    """Every image, side by side; the tests find them built."""
    session.run("inv", "build.all")


@nox.session
def budgets(session: nox.Session) -> None:
    """No image, layer or registry's share is over its budget in images.toml."""
    session.run("inv", "images.budgets")


@nox.session(default=False)
def network(session: nox.Session) -> None:
    """Builds behind a network with a CA and mirrors of its own; nothing of it may stay."""
    session.run("pytest", "tests/integration/network", *session.posargs)


def register(cell: Cell, kind: str, *, smoke: bool) -> None:
    """Adds the session `<kind>-<cell>`."""

    def run(session: nox.Session) -> None:
        if reason := suites.reason_to_skip(cell, smoke=smoke):
            session.skip(reason)
        session.run("inv", "build.runtime", *suites.selection(cell))
        arguments = suites.arguments(cell, CELLS, PROJECT.matrix.tag(cell.name), smoke=smoke)
        session.run("pytest", *arguments, *session.posargs)

    run.__doc__ = suites.describe(cell, smoke=smoke)
    nox.session(name=f"{kind}-{cell.key}", tags=[kind, cell.variant, cell.spark], default=False)(run)


for each in CELLS:
    register(each, "test", smoke=False)
for each in CELLS:
    register(each, "smoke", smoke=True)


def register_conformance(cell: Cell) -> None:
    """Adds the session `conformance-<cell>`."""

    def run(session: nox.Session) -> None:
        session.run("inv", "build.runtime", *suites.selection(cell))
        session.run("pytest", *suites.conformance(cell, PROJECT.matrix.tag(cell.name)), *session.posargs)

    run.__doc__ = f"The runtime contract on {cell.name}: modes, identities, mistakes."
    nox.session(name=f"conformance-{cell.key}", tags=["conformance", cell.variant, cell.spark], default=False)(run)


def register_kubernetes(cell: Cell) -> None:
    """Adds the session `k8s-<cell>`."""

    def run(session: nox.Session) -> None:
        if reason := cluster.reason_to_skip():
            session.skip(reason)
        session.run("inv", "build.runtime", *suites.selection(cell))
        arguments = suites.kubernetes(cell, CELLS, PROJECT.matrix.tag(cell.name))
        session.run("pytest", *arguments, *session.posargs)

    run.__doc__ = f"{cell.name} on the cluster that KUBECONFIG names."
    nox.session(name=f"k8s-{cell.key}", tags=["k8s", cell.variant, cell.spark], default=False)(run)


for each in CELLS:
    register_conformance(each)
for each in suites.on_a_cluster(CELLS):
    register_kubernetes(each)


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """JupyterLab in a real browser, once for each line of Spark: log in, run a notebook, open the Spark UI."""
    for cell in suites.browsed(CELLS):
        session.run("inv", "build.runtime", *suites.selection(cell))
        image = PROJECT.matrix.tag(cell.name)
        session.run("./bootstrap", "--browser", "pytest", "tests/browser", "--image", image, *session.posargs)


@nox.session(requires=[f"test-{cell.key}" for cell in CELLS], default=False)
def test(session: nox.Session) -> None:
    """The tests of every cell."""
    session.log(f"{len(CELLS)} cells tested")


@nox.session
def cells(session: nox.Session) -> None:
    """Every cell's own sessions, two at a time: test or smoke, conformance, k8s; among them network and browser."""
    try:
        parallel.run(suites.queues(CELLS), session.log)
    except SparkImagesError as error:
        session.error(str(error))


@nox.session
def skipped(session: nox.Session) -> None:
    """Says how many cells could not be tested in full on this machine, and why."""
    session.log(suites.summary(CELLS))
