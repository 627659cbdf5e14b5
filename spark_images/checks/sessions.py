"""Decides what a Nox session runs, and records how it ends."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from spark_images.checks import cluster, results, suites
from spark_images.checks.results import Outcome, Status
from spark_images.checks.tiers import Tier
from spark_images.engine import gpu
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import GPU, Cell

NOTED: list[Outcome] = []
"""The outcomes of this process's sessions, including those that the session `cells` ran."""


class Skipped(Exception):  # noqa: N818 -- a skip is not an error
    """The session cannot run on this machine. The message is the reason."""


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


def closing(outcomes: Sequence[Outcome]) -> str:
    """Returns the end of a run's output: the counts, after a table of times if there are several sessions."""
    return "\n".join([*([results.table(outcomes)] if len(outcomes) > 1 else []), results.last_line(outcomes)])


def reason_to_skip(cell: Cell, tier: Tier) -> str:
    """Returns why a tier of a cell's tests cannot run on this machine and what to run instead, or ""."""
    if tier is Tier.KUBERNETES:
        if not suites.on_a_cluster(cell):
            return f"{cell.name} has no tests on a cluster: only Spark images without the feature gpu have them"
        return cluster.reason_to_skip()
    if tier is Tier.FULL and GPU in cell.features and (reason := gpu.reason_to_skip()):
        return f"{reason}: run `-- {Tier.QUICK.option}`, or `-- {Tier.NO_DEVICE.option}` for all tests without a device"
    return ""


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
    if tier in (Tier.FULL, Tier.NO_DEVICE, Tier.KUBERNETES):
        found.append(Call(ON_THE_CLUSTER, suites.kubernetes(cell, cells, image), cluster.reason_to_skip()))
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
