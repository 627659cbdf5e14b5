"""A session of Nox, from its arguments to the commands that it runs; each session that ends is noted."""

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
"""How the sessions of this process ended, those that the session `cells` ran included."""


class Skipped(Exception):  # noqa: N818 -- nothing failed
    """A session that cannot run here; the message is the reason."""


@contextmanager
def noted(name: str, key: str) -> Iterator[None]:
    """Notes how the session `name` ends, with the results that pytest writes for it; `key` is as in `results`."""
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
    """Returns what a run of Nox ends with: how long each session took where it ran several, and the counts."""
    return "\n".join([*([results.table(outcomes)] if len(outcomes) > 1 else []), results.last_line(outcomes)])


def reason_to_skip(cell: Cell, tier: Tier) -> str:
    """Returns why a tier of a cell's tests cannot run on this machine, with what to run instead, or ""."""
    if tier is Tier.KUBERNETES:
        if not suites.on_a_cluster(cell):
            return f"{cell.name} has no tests on a cluster: those of the Spark images without a GPU have"
        return cluster.reason_to_skip()
    if tier is Tier.FULL and GPU in cell.features and (reason := gpu.reason_to_skip()):
        return (
            f"{reason}; without a device: -- {Tier.QUICK.option}, or -- {Tier.NO_DEVICE.option} for all that needs none"
        )
    return ""


@dataclass(frozen=True)
class Call:
    """Arguments of pytest, and the part of the session's results that it writes ("" for the main one).

    `reason` says why it is left out on this machine, or is empty.
    """

    part: str
    arguments: Sequence[str]
    reason: str = ""


ON_THE_CLUSTER = "cluster"


def calls(cell: Cell, cells: Sequence[Cell], tier: Tier, image: str) -> list[Call]:
    """Returns the calls of pytest that a tier of a cell's tests is: the tests on containers, and those on a cluster."""
    found = [Call("", suites.arguments(cell, tier, image))]
    if tier in (Tier.FULL, Tier.NO_DEVICE, Tier.KUBERNETES):
        found.append(Call(ON_THE_CLUSTER, suites.kubernetes(cell, cells, image), cluster.reason_to_skip()))
    return [call for call in found if call.arguments]


def in_turn(calls: Sequence[Call], run: Callable[[Call], None]) -> None:
    """Runs every call; those on the cluster with no other session there: at once where it is free, or else last."""
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
