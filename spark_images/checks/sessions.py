"""Decides what a Nox session runs, and records how it ends."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from nox.command import CommandFailed

from spark_images.checks import buildkitd, cluster, records, results, suites, tiers
from spark_images.checks.default_run import Job, session_of
from spark_images.checks.results import Outcome, Status
from spark_images.checks.tiers import Tier
from spark_images.engine import gpu
from spark_images.errors import SparkImagesError, UsageError, nearest
from spark_images.matrix.model import BASELINE, GPU, Cell

CONTAINERS_GO = 20
"""Seconds for pytest to remove its containers after an interrupt."""

NO_TEST = 5
"""Pytest's exit code if no test is selected."""

NOTED: list[Outcome] = []
"""The outcomes of this process's sessions, including those that the session `cells` ran."""


class Skipped(Exception):  # noqa: N818 -- a skip is not an error
    """The session cannot run on this machine. The message is the reason."""


def require(names: Iterable[str], valid: Iterable[str]) -> None:
    """Raises UsageError if one of the names is not that of a session. The error has the nearest valid name."""
    valid = list(valid)
    for name in names:
        if name not in valid:
            raise UsageError(f'no session "{name}"{nearest(name, valid)}; `nox -l` lists all sessions')


@contextmanager
def noted(name: str, key: str) -> Iterator[None]:
    """Records the outcome of the session `name` in NOTED, with pytest's results. `key` is as in `results.key`."""
    results.clear(key)
    begun = time.monotonic()

    def note(status: Status, reason: str = "") -> None:
        NOTED.append(Outcome(name, status, time.monotonic() - begun, reason, results.counts_of(key)))

    try:
        yield
    except Skipped as skipped:
        note(Status.SKIPPED, str(skipped))
        raise
    except BaseException as error:
        note(Status.FAILED, str(error) if isinstance(error, SparkImagesError) else "")
        raise
    note(Status.PASSED)


def add(outcomes: Iterable[Outcome]) -> None:
    """Adds outcomes of sessions in other processes to NOTED. Raises SparkImagesError if one of them failed."""
    outcomes = list(outcomes)
    NOTED.extend(outcomes)
    if failed := [outcome.name for outcome in outcomes if outcome.status is Status.FAILED]:
        raise SparkImagesError(f"failed: {', '.join(sorted(failed))}")


def closing(outcomes: Sequence[Outcome]) -> str:
    """Returns the end of a run's output: the counts, after a table of times if there are several sessions."""
    return "\n".join([*([results.table(outcomes)] if len(outcomes) > 1 else []), results.last_line(outcomes)])


def reason_to_skip(cell: Cell, tier: Tier) -> str:
    """Returns why a tier of a cell's tests cannot run on this machine and what to run instead, or ""."""
    if tier is Tier.KUBERNETES:
        if not suites.on_a_cluster(cell):
            return f"{cell.name} has no tests on a cluster: baseline Spark images and each test_<feature>.py have them"
        return cluster.reason_to_skip()
    if tier is Tier.FULL and GPU in cell.features and (reason := gpu.reason_to_skip()):
        return f"{reason}: run `-- {Tier.QUICK.option}`, or `-- {Tier.NO_DEVICE.option}` for all tests without a device"
    return ""


class Run(Protocol):
    """Runs a command as `nox.Session.run` does. It raises CommandFailed for any other exit code than `success_codes`.

    Without `success_codes`, only 0 is a success. `interrupt_timeout` is in seconds.
    """

    def __call__(
        self, *command: str, success_codes: Iterable[int] | None = ..., interrupt_timeout: float | None = ...
    ) -> object:
        """Runs the command and waits for it."""
        ...


@dataclass(frozen=True)
class Request:
    """The arguments of a cell's session: a tier, and options for pytest."""

    cell: Cell
    tier: Tier
    options: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The arguments for `nox -s`, without the options for pytest: `test-3.5.7-gpu -- --quick`."""
        return Job(session_of(self.cell), self.tier).name

    @property
    def key(self) -> str:
        """The prefix of the result files, as in `results.key`.

        Options for pytest select only a part of the tier. Their results do not replace those of the whole tier.
        """
        return f"{results.key(session_of(self.cell), self.tier.option)}{'-partial' if self.options else ''}"


def requested(cell: Cell, arguments: Sequence[str]) -> Request:
    """Returns the request in the arguments of a cell's session. Raises UsageError for a wrong tier."""
    tier, options = tiers.parse(arguments)
    return Request(cell, tier, options)


def test(request: Request, cells: Sequence[Cell], image: str, run: Run, log: Callable[[str], None]) -> None:
    """Builds the image of a cell and runs the requested tests on it.

    `run` and `log` are methods of the Nox session. `image` is the image's name with its tag. Raises Skipped if the
    tier cannot run on this machine, and SparkImagesError if a test fails or pytest's options select no test. A failed
    call does not stop the other calls.
    """
    cell, options = request.cell, request.options
    if reason := reason_to_skip(cell, request.tier):
        raise Skipped(reason)
    todo = calls(cell, cells, request.tier, image)
    run("inv", "build.runtime", *suites.selection(cell))
    # With options for pytest, one of several calls may select no test.
    success_codes = [0, NO_TEST] if options and len(todo) > 1 else [0]
    failed = []

    def run_call(call: Call) -> None:
        if call.reason:
            log(f"tests that cannot run here: {call.reason}")
            return
        command = ("pytest", *call.arguments, "--junitxml", str(results.junit(request.key, call.part)), *options)
        try:
            run(*command, success_codes=success_codes, interrupt_timeout=CONTAINERS_GO)
        except CommandFailed:
            failed.append(call)

    identity = records.identity(image)
    in_turn(todo, run_call)
    if not options:
        _record(request, identity, image, log)
    if failed:
        raise SparkImagesError("tests failed")
    if results.counts_of(request.key) == results.NONE:
        raise SparkImagesError(f"no test of {cell.name} matches {' '.join(options)}")


def _record(request: Request, identity: str, image: str, log: Callable[[str], None]) -> None:
    """Records the results of a whole tier for the image that was tested."""
    if records.identity(image) != identity:
        log(f"{image} was built again during its tests: they are not recorded")
        return
    records.write(identity, request.cell.key, request.name, request.key, results.reports(request.key))


def test_in_browser(
    cells: Sequence[Cell], image: Callable[[str], str], key: str, options: Sequence[str], run: Run
) -> None:
    """Builds the notebook images that the session `browser` tests, and runs tests/browser on each.

    `image` returns the name of an image with its tag. `run` is a method of the Nox session, and its errors pass on.
    """
    for cell in suites.browsed(cells):
        run("inv", "build.runtime", *suites.selection(cell))
        arguments = ("--image", image(cell.name), "--junitxml", str(results.junit(key, cell.key)), *options)
        run("./bootstrap", "--browser", "pytest", "tests/browser", *arguments)


def test_sbom(
    session: str, cells: Sequence[Cell], image: Callable[[str], str], arguments: Sequence[str], run: Run
) -> None:
    """Compares SBOMs with the files of images, and records the outcome.

    Compares every image, and two with another scanner. `--quick` compares only the newest baseline Spark image.
    `session` is the name of the Nox session. `image` returns the name of an image with its tag. Raises UsageError for
    another tier.
    """
    tier, options = _full_or_quick(session, arguments)
    key = results.key(session, tier.option)
    with noted(Job(session, tier).name, key):
        if tier is Tier.QUICK:
            (cell,) = suites.newest([cell for cell in cells if suites.is_plain(cell)], suites.any_line)
            run("inv", "build.runtime", *suites.selection(cell))
            tests = ["tests/layers/test_sbom.py", "--image", image(cell.name)]
        else:
            run("inv", "build.runtime")
            tests = ["tests/layers/test_sbom.py", "tests/layers/test_scanner.py"]
        run("pytest", *tests, "--junitxml", str(results.junit(key)), *options)


def test_publish(session: str, cells: Sequence[Cell], arguments: Sequence[str], run: Run) -> None:
    """Publishes images to a registry that the tests start, verifies them, and records the outcome.

    Publishes every image. `--quick` publishes only the newest baseline image of each kind. `session` is the name of the
    Nox session. Raises UsageError for another tier.
    """
    tier, options = _full_or_quick(session, arguments)
    key = results.key(session, tier.option)
    with noted(Job(session, tier).name, key):
        chosen = list(cells)
        if tier is Tier.QUICK:
            chosen = suites.newest([cell for cell in cells if cell.variant == BASELINE], suites.any_line)
        for cell in chosen:
            run("inv", "build.runtime", *suites.selection(cell))
        named = [part for cell in chosen for part in ("--cell", cell.key)]
        run(
            "./bootstrap",
            "--publish",
            "pytest",
            "tests/publish",
            *named,
            "--junitxml",
            str(results.junit(key)),
            *options,
        )


def test_remote(session: str, arguments: Sequence[str], run: Run) -> None:
    """Builds with a buildkitd that the tests start, and records the outcome.

    Builds a layer and an image, after it built buildkitd. `--quick` builds only the layer, and is skipped if buildkitd
    was not built before. `session` is the name of the Nox session. Raises Skipped if buildkitd cannot run on this
    machine, and UsageError for another tier.
    """
    tier, options = _full_or_quick(session, arguments)
    key = results.key(session, tier.option)
    with noted(Job(session, tier).name, key):
        quick = tier is Tier.QUICK
        if reason := buildkitd.reason_to_skip_without_building() if quick else buildkitd.reason_to_skip():
            raise Skipped(reason)
        chosen = ("-m", "not slow") if quick else ()
        command = ("pytest", "tests/remote", *chosen, "--junitxml", str(results.junit(key)), *options)
        run(*command, interrupt_timeout=CONTAINERS_GO)


def _full_or_quick(session: str, arguments: Sequence[str]) -> tuple[Tier, Sequence[str]]:
    tier, options = tiers.parse(arguments)
    if tier not in (Tier.FULL, Tier.QUICK):
        raise UsageError(f"{session} has no tier {tier.option}: use {Tier.QUICK.option}, or no tier for all images")
    return tier, options


@dataclass(frozen=True)
class Call:
    """One pytest command of a session: its arguments and the part of the results that it writes ("" for the main one).

    `reason` says why it does not run on this machine, or is "".
    """

    part: str
    arguments: Sequence[str]
    reason: str = ""


ON_THE_CLUSTER = "cluster"


def calls(cell: Cell, cells: Sequence[Cell], tier: Tier, image: str) -> list[Call]:
    """Returns the pytest commands of a tier of a cell's tests: first the tests on containers, then on a cluster."""
    found = [Call("", suites.arguments(cell, cells, tier, image))]
    if tier in suites.ON_THE_CLUSTER:
        found.append(Call(ON_THE_CLUSTER, suites.kubernetes(cell, cells, tier, image), cluster.reason_to_skip()))
    return [call for call in found if call.arguments]


def in_turn(calls: Sequence[Call], run: Callable[[Call], None]) -> None:
    """Runs every call. No other session uses the cluster at the same time.

    The calls on the cluster run first if the cluster is free, and otherwise last.
    """
    on_the_cluster = [call for call in calls if call.part == ON_THE_CLUSTER]
    others = [call for call in calls if call.part != ON_THE_CLUSTER]
    if all(call.reason for call in on_the_cluster):
        _each(calls, run)
        return
    with cluster.alone(wait=not others) as free:
        _each(on_the_cluster if free else (), run)
    _each(others, run)
    if not free:
        with cluster.alone():
            _each(on_the_cluster, run)


def _each(calls: Sequence[Call], run: Callable[[Call], None]) -> None:
    for call in calls:
        run(call)
