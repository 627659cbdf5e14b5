"""`nox` runs the sessions marked with *. A run ends with `N passed, M failed, K skipped`.

Each image has one session, test-<cell>. Options after `--` are a tier, or options of pytest:

  nox -s test-3.5.9-iceberg                   all tests; also on a cluster if KUBECONFIG names one
  nox -s test-3.5.9-iceberg -- --quick        quick tests, at most 60 seconds
  nox -s test-3.5.9-iceberg -- --own-layers   quick tests of what the image adds to the image that it extends
  nox -s test-3.5.9-iceberg -- --conformance  only the runtime contract
  nox -s test-3.5.9-iceberg -- --kubernetes   only the tests on a cluster
  nox -s test-4.1.1-gpu -- --no-device        all tests that need no CUDA device
  nox -s test-3.5.9-iceberg -- --no-slow      all tests that need neither a CUDA device nor much time
  nox -s test-3.5.9-iceberg -- -k merge       only the tests whose name contains "merge"

A Nox tag selects several sessions: `nox -t iceberg`, `nox -t 4.1.4`, `nox -t full` (all tests of every image, every
SBOM and publication, `inv scan`, and a remote builder).
"""

import atexit
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import nox
from nox import _options as command_line

sys.path.insert(0, str(Path(__file__).parent))

from spark_images.checks import default_run, parallel, results, sessions
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.model import Cell
from spark_images.plan.project import load_project

nox.options.default_venv_backend = "none"

try:
    PROJECT = load_project()
except SparkImagesError as wrong:
    print(f"error: {wrong}", file=sys.stderr)
    sys.exit(wrong.exit_code)
CELLS = PROJECT.matrix.buildable
TIERS = default_run.tiers(CELLS)


@atexit.register
def close() -> None:
    """Prints the summary of a run after Nox's own output."""
    if sessions.NOTED:
        print(sessions.closing(sessions.NOTED), flush=True)


@contextmanager
def reported(session: nox.Session) -> Iterator[None]:
    """Turns the errors of a session's body into messages. A UsageError gives exit code 2."""
    try:
        yield
    except sessions.Skipped as skipped:
        session.skip(str(skipped))
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except SparkImagesError as error:
        session.error(str(error))


def checks(
    *, default: bool = True, tags: Sequence[str] = ()
) -> Callable[[Callable[[nox.Session], None]], Callable[[nox.Session], None]]:
    """Makes a session from a function. The session has the function's name and docstring, and these Nox tags."""

    def decorate(function: Callable[[nox.Session], None]) -> Callable[[nox.Session], None]:
        @functools.wraps(function)
        def run(session: nox.Session) -> None:
            with reported(session), sessions.noted(session.name, session.name):
                function(session)

        return nox.session(default=default, tags=tags)(run)

    return decorate


@checks()
def lint(session: nox.Session) -> None:
    """Check code with Ruff, texts with the prose linter, and the workflows of GitHub and GitLab."""
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("python", "-m", "spark_images.checks.prose")
    schema = ("check-jsonschema", "--builtin-schema")
    session.run(*schema, "vendor.github-workflows", *map(str, sorted(Path(".github/workflows").iterdir())))
    session.run(*schema, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", ".gitlab-ci.yml")
    session.run(*schema, "vendor.renovate", "renovate.json")
    session.run("zizmor", "--offline", "--no-progress", ".github")


@checks()
def types(session: nox.Session) -> None:
    """Check types with mypy, strict."""
    session.run("mypy")


@checks()
def unit(session: nox.Session) -> None:
    """Run the unit tests. They need no engine."""
    session.run(
        "pytest",
        "tests/unit",
        "--numprocesses",
        "auto",
        "--junitxml",
        str(results.junit(session.name)),
        *session.posargs,
    )


@checks()
def fresh(session: nox.Session) -> None:
    """Fail if a lock, the catalogue, the table in README.md or a drawing is out of date."""
    session.run("inv", "lock.check", "images.catalog", "--check", "graph", "--check")


@checks()
def docs(session: nox.Session) -> None:
    """Build the documentation site. A broken link, an unlisted page or a warning fails."""
    session.run("inv", "docs.build")


@checks()
def build(session: nox.Session) -> None:
    """Build every image, and the layers below it."""
    session.run("inv", "build.runtime")


@checks()
def budgets(session: nox.Session) -> None:
    """Fail if an image, a layer or the total size is over its budget."""
    session.run("inv", "images.budgets")


@checks(default=False)
def layers(session: nox.Session) -> None:
    """Search the layers of every image for traces of the build machine."""
    session.run("inv", "build.runtime")
    tests = "tests/layers/test_every_layer.py"
    session.run("pytest", tests, "--junitxml", str(results.junit(session.name)), *session.posargs)


@nox.session(default=False, tags=["full"])
def sbom(session: nox.Session) -> None:
    """Compare the SBOM of every image with its files, and two with a scanner (default run: one image)."""
    with reported(session):
        sessions.test_sbom(session.name, CELLS, PROJECT.matrix.tag, session.posargs, session.run)


@nox.session(default=False, tags=["full"])
def publish(session: nox.Session) -> None:
    """Publish every image to a test registry, verify, tamper (default run: two images)."""
    with reported(session):
        sessions.test_publish(session.name, CELLS, session.posargs, session.run)


@checks(default=False, tags=["full"])
def scan(session: nox.Session) -> None:
    """Run `inv scan` with the real grype and made-up advisories. Builds grype if it is not on PATH."""
    session.run("pytest", "tests/scan", "--junitxml", str(results.junit(session.name)), *session.posargs)


@nox.session(default=False, tags=["full"])
def remote(session: nox.Session) -> None:
    """Build with a buildkitd of the tests, and compare with the engine's own build (default run: one layer)."""
    with reported(session):
        sessions.test_remote(session.name, session.posargs, session.run)


@nox.session
def cells(session: nox.Session) -> None:
    """Run test-<cell> for every image, layers, sbom, publish, network, remote and browser, three at a time."""
    with reported(session):
        with sessions.noted(session.name, session.name):
            outcomes = parallel.run(default_run.jobs(CELLS), session.log)
        sessions.add(outcomes)


@checks(default=False)
def network(session: nox.Session) -> None:
    """Build behind a mirror and a proxy with a password. Fail if an image keeps a trace of them."""
    session.run("pytest", "tests/integration/network", "--junitxml", str(results.junit(session.name)), *session.posargs)


@checks(default=False)
def browser(session: nox.Session) -> None:
    """Open JupyterLab in headless Chromium, once for each stack."""
    sessions.test_in_browser(CELLS, PROJECT.matrix.tag, session.name, session.posargs, session.run)


def register(cell: Cell) -> None:
    """Adds the session of a cell to Nox."""

    def run(session: nox.Session) -> None:
        with reported(session):
            request = sessions.requested(cell, session.posargs)
            with sessions.noted(request.name, request.key):
                sessions.test(request, CELLS, PROJECT.matrix.tag(cell.name), session.run, session.log)

    run.__doc__ = default_run.describe(cell, TIERS[cell.key])
    tags = ["full", cell.variant, cell.spark]
    nox.session(name=default_run.session_of(cell), tags=tags, default=False, allow_parallel=True)(run)


for each in CELLS:
    register(each)

try:
    # Nox has read its command line before it loads this file, but gives access only to the defaults.
    sessions.require(command_line.options.parse_args().sessions or (), nox.registry.get())
except UsageError as wrong:
    print(f"error: {wrong}", file=sys.stderr)
    sys.exit(wrong.exit_code)
