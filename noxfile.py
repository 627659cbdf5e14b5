"""`nox` runs the sessions marked with *; a run ends with `N passed, M failed, K skipped`.

Each image of the matrix has one session, test-<cell>. After `--` it takes a tier, and pytest's own options:

  nox -s test-3.5.8-iceberg                   all of its tests; on a cluster too where KUBECONFIG names one
  nox -s test-3.5.8-iceberg -- --quick        at most 60 seconds
  nox -s test-3.5.8-iceberg -- --conformance  the runtime contract only
  nox -s test-3.5.8-iceberg -- --kubernetes   the tests on a cluster only
  nox -s test-4.1.1-gpu -- --no-device        all tests that need no CUDA device
  nox -s test-3.5.8-iceberg -- -k merge       pytest's options: one test

A tag chooses several: `nox -t iceberg`, `nox -t 4.1.1`, `nox -t full` (every image, all of its tests).
"""

import atexit
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nox
from nox.command import CommandFailed

sys.path.insert(0, str(Path(__file__).parent))

from spark_images.checks import default_run, parallel, results, sessions, suites, tiers
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.model import Cell
from spark_images.plan.project import load_project

nox.options.default_venv_backend = "none"
CONTAINERS_GO = 20
"""Seconds that pytest has to remove its containers when a session is interrupted."""

NO_TEST = 5
"""Pytest's exit code where it found no test to run."""

try:
    PROJECT = load_project()
except SparkImagesError as wrong:
    print(f"error: {wrong}", file=sys.stderr)
    sys.exit(wrong.exit_code)
CELLS = PROJECT.matrix.buildable


@atexit.register
def close() -> None:
    """Prints the last words of a run, after Nox's own."""
    if sessions.NOTED:
        print(sessions.closing(sessions.NOTED), flush=True)


@contextmanager
def checked(session: nox.Session, name: str, key: str) -> Iterator[None]:
    """A session's body: how it ends is noted, and a mistake of the user's is one message with exit code 2."""
    try:
        with sessions.noted(name, key):
            yield
    except sessions.Skipped as skipped:
        session.skip(str(skipped))
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SparkImagesError as error:
        session.error(str(error))


def checks(*, default: bool = True) -> Callable[[Callable[[nox.Session], None]], Callable[[nox.Session], None]]:
    """Makes a session of a function, named and described as it is."""

    def decorate(function: Callable[[nox.Session], None]) -> Callable[[nox.Session], None]:
        @functools.wraps(function)
        def run(session: nox.Session) -> None:
            with checked(session, session.name, session.name):
                function(session)

        return nox.session(default=default)(run)

    return decorate


@checks()
def lint(session: nox.Session) -> None:
    """Ruff: style and faults."""
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@checks()
def types(session: nox.Session) -> None:
    """mypy, strict."""
    session.run("mypy")


@checks()
def unit(session: nox.Session) -> None:
    """The unit tests; they need no engine."""
    session.run("pytest", "tests/unit", "--junitxml", str(results.junit(session.name)), *session.posargs)


@checks()
def fresh(session: nox.Session) -> None:
    """Locks, catalogue and drawings are what images.toml and the Dockerfiles say."""
    session.run("inv", "lock.check", "images.catalog", "--check", "graph", "--check")


@checks()
def docs(session: nox.Session) -> None:
    """Builds the documentation site: every link, anchor and image exists, and every page is listed."""
    session.run("inv", "docs.build")


@checks()
def build(session: nox.Session) -> None:
    """Builds every layer and every image."""
    session.run("inv", "build.all")


@checks()
def budgets(session: nox.Session) -> None:
    """No image, layer or registry's share is over its budget in images.toml."""
    session.run("inv", "images.budgets")


@nox.session
def cells(session: nox.Session) -> None:
    """Every image, two at a time: the newest Spark of each line in full, the others quickly; network and browser."""
    with checked(session, session.name, session.name):
        outcomes = parallel.run(default_run.jobs(CELLS), session.log)
    sessions.NOTED.extend(outcomes)
    if failed := [outcome.name for outcome in outcomes if outcome.status is results.Status.FAILED]:
        session.error(f"failed: {', '.join(sorted(failed))}")


@checks(default=False)
def network(session: nox.Session) -> None:
    """Builds behind a network with a CA and mirrors of its own; nothing of it may stay."""
    session.run("pytest", "tests/integration/network", "--junitxml", str(results.junit(session.name)), *session.posargs)


@checks(default=False)
def browser(session: nox.Session) -> None:
    """JupyterLab in a real browser, once for each line: log in, run a notebook, open the Spark UI."""
    for cell in suites.browsed(CELLS):
        session.run("inv", "build.runtime", *suites.selection(cell))
        options = ("--image", PROJECT.matrix.tag(cell.name), "--junitxml", str(results.junit(session.name, cell.key)))
        session.run("./bootstrap", "--browser", "pytest", "tests/browser", *options, *session.posargs)


def register(cell: Cell) -> None:
    """Adds the session of a cell."""
    name = default_run.session_of(cell)

    def run(session: nox.Session) -> None:
        try:
            tier, options = tiers.parse(session.posargs)
        except UsageError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
        # What pytest's options leave of a tier is not the tier's result.
        key = f"{results.key(name, tier.option)}{'-partial' if options else ''}"
        with checked(session, default_run.Job(name, tier).name, key):
            test(session, cell, tier, options, key)

    run.__doc__ = default_run.describe(cell, CELLS)
    nox.session(name=name, tags=["full", cell.variant, cell.spark], default=False, allow_parallel=True)(run)


def test(session: nox.Session, cell: Cell, tier: tiers.Tier, options: list[str], key: str) -> None:
    """Builds a cell's image, and runs a tier of its tests on it."""
    if reason := sessions.reason_to_skip(cell, tier):
        raise sessions.Skipped(reason)
    calls = sessions.calls(cell, CELLS, tier, PROJECT.matrix.tag(cell.name))
    session.run("inv", "build.runtime", *suites.selection(cell))
    failed = []

    def run(call: sessions.Call) -> None:
        if call.reason:
            session.log(f"left out: {call.reason}")
            return
        command = ("pytest", *call.arguments, "--junitxml", str(results.junit(key, call.part)), *options)
        # With options of pytest's own, one of several calls may find no test.
        found_none = [NO_TEST] if options and len(calls) > 1 else []
        try:
            session.run(*command, success_codes=[0, *found_none], interrupt_timeout=CONTAINERS_GO)
        except CommandFailed:
            failed.append(call)

    sessions.in_turn(calls, run)
    if failed:
        raise SparkImagesError("tests failed")
    if results.counts_of(key) == results.NONE:
        raise SparkImagesError(f"no test of {cell.name} is chosen by {' '.join(options)}")


for each in CELLS:
    register(each)
