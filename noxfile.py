"""`nox` runs the sessions marked with *. A run ends with `N passed, M failed, K skipped`.

Each cell has one session, test-<cell>. Options after `--` are a tier, or options of pytest:

  nox -s test-3.5.8-iceberg                   all tests; also on a cluster if KUBECONFIG names one
  nox -s test-3.5.8-iceberg -- --quick        quick tests, at most 60 seconds
  nox -s test-3.5.8-iceberg -- --conformance  only the runtime contract
  nox -s test-3.5.8-iceberg -- --kubernetes   only the tests on a cluster
  nox -s test-4.1.1-gpu -- --no-device        all tests that need no CUDA device
  nox -s test-3.5.8-iceberg -- -k merge       only the tests whose name contains "merge"

A Nox tag selects several sessions: `nox -t iceberg`, `nox -t 4.1.1`, `nox -t full` (all tests of every image).
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
"""Seconds for pytest to remove its containers after an interrupt."""

NO_TEST = 5
"""Pytest's exit code if no test is selected."""

try:
    PROJECT = load_project()
except SparkImagesError as wrong:
    print(f"error: {wrong}", file=sys.stderr)
    sys.exit(wrong.exit_code)
CELLS = PROJECT.matrix.buildable


@atexit.register
def close() -> None:
    """Prints the summary of a run after Nox's own output."""
    if sessions.NOTED:
        print(sessions.closing(sessions.NOTED), flush=True)


@contextmanager
def checked(session: nox.Session, name: str, key: str) -> Iterator[None]:
    """Runs the body of a session and records its outcome. A UsageError becomes one message with exit code 2."""
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
    """Makes a session from a function. The session has the function's name and docstring."""

    def decorate(function: Callable[[nox.Session], None]) -> Callable[[nox.Session], None]:
        @functools.wraps(function)
        def run(session: nox.Session) -> None:
            with checked(session, session.name, session.name):
                function(session)

        return nox.session(default=default)(run)

    return decorate


@checks()
def lint(session: nox.Session) -> None:
    """Check formatting and rules with Ruff."""
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@checks()
def types(session: nox.Session) -> None:
    """Check types with mypy, strict."""
    session.run("mypy")


@checks()
def unit(session: nox.Session) -> None:
    """Run the unit tests. They need no engine."""
    session.run("pytest", "tests/unit", "--junitxml", str(results.junit(session.name)), *session.posargs)


@checks()
def fresh(session: nox.Session) -> None:
    """Fail if a lock, the catalogue or a drawing is out of date."""
    session.run("inv", "lock.check", "images.catalog", "--check", "graph", "--check")


@checks()
def build(session: nox.Session) -> None:
    """Build every layer and image."""
    session.run("inv", "build.all")


@checks()
def budgets(session: nox.Session) -> None:
    """Fail if an image, a layer or the total size is over its budget."""
    session.run("inv", "images.budgets")


@nox.session
def cells(session: nox.Session) -> None:
    """Run test-<cell> for every image, network and browser, two at a time."""
    with checked(session, session.name, session.name):
        outcomes = parallel.run(default_run.jobs(CELLS), session.log)
    sessions.NOTED.extend(outcomes)
    if failed := [outcome.name for outcome in outcomes if outcome.status is results.Status.FAILED]:
        session.error(f"failed: {', '.join(sorted(failed))}")


@checks(default=False)
def network(session: nox.Session) -> None:
    """Build behind a mirror and a proxy with a password. Fail if an image keeps a trace of them."""
    session.run("pytest", "tests/integration/network", "--junitxml", str(results.junit(session.name)), *session.posargs)


@checks(default=False)
def browser(session: nox.Session) -> None:
    """Open JupyterLab in headless Chromium, once for each line."""
    for cell in suites.browsed(CELLS):
        session.run("inv", "build.runtime", *suites.selection(cell))
        options = ("--image", PROJECT.matrix.tag(cell.name), "--junitxml", str(results.junit(session.name, cell.key)))
        session.run("./bootstrap", "--browser", "pytest", "tests/browser", *options, *session.posargs)


def register(cell: Cell) -> None:
    """Adds the session of a cell to Nox."""
    name = default_run.session_of(cell)

    def run(session: nox.Session) -> None:
        try:
            tier, options = tiers.parse(session.posargs)
        except UsageError as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(error.exit_code)
        # Pytest's options select only a part of the tier. The files of the whole tier stay unchanged.
        key = f"{results.key(name, tier.option)}{'-partial' if options else ''}"
        with checked(session, default_run.Job(name, tier).name, key):
            test(session, cell, tier, options, key)

    run.__doc__ = default_run.describe(cell, CELLS)
    nox.session(name=name, tags=["full", cell.variant, cell.spark], default=False, allow_parallel=True)(run)


def test(session: nox.Session, cell: Cell, tier: tiers.Tier, options: list[str], key: str) -> None:
    """Builds a cell's image and runs a tier of its tests on it."""
    if reason := sessions.reason_to_skip(cell, tier):
        raise sessions.Skipped(reason)
    calls = sessions.calls(cell, CELLS, tier, PROJECT.matrix.tag(cell.name))
    session.run("inv", "build.runtime", *suites.selection(cell))
    failed = []

    def run(call: sessions.Call) -> None:
        if call.reason:
            session.log(f"tests that cannot run here: {call.reason}")
            return
        command = ("pytest", *call.arguments, "--junitxml", str(results.junit(key, call.part)), *options)
        # With options of pytest, one of several calls may select no test.
        found_none = [NO_TEST] if options and len(calls) > 1 else []
        try:
            session.run(*command, success_codes=[0, *found_none], interrupt_timeout=CONTAINERS_GO)
        except CommandFailed:
            failed.append(call)

    sessions.in_turn(calls, run)
    if failed:
        raise SparkImagesError("tests failed")
    if results.counts_of(key) == results.NONE:
        raise SparkImagesError(f"no test of {cell.name} matches {' '.join(options)}")


for each in CELLS:
    register(each)
