"""The default run tests every cell once: the newest Spark of each stack in full, the other cells in part."""

from collections.abc import Sequence
from dataclasses import dataclass

from spark_images.checks import suites
from spark_images.checks.tiers import Tier
from spark_images.matrix.model import BASELINE, GPU, Cell


@dataclass(frozen=True)
class Job:
    """A Nox session and its tier. `on_the_cluster` says whether some of its tests run on a cluster."""

    session: str
    tier: Tier = Tier.FULL
    on_the_cluster: bool = False

    @property
    def name(self) -> str:
        """The arguments for `nox -s`: `test-3.5.7-gpu -- --quick`."""
        return f"{self.session} -- {self.tier.option}" if self.tier.option else self.session


def session_of(cell: Cell) -> str:
    """Returns the name of a cell's session: `test-3.5.8-iceberg`."""
    return f"test-{cell.key}"


def tier(cell: Cell, cells: Sequence[Cell]) -> Tier:
    """Returns the tier that the default run uses for a cell.

    The newest Spark of each stack is tested in full. Its GPU images omit the tests that need a device, because few
    machines have one. The newest Spark of every other line uses `--no-slow`. The baseline images of superseded versions
    use `--quick`, and their other images `--own-layers`. In this tier, the images with two features run queries with
    both of them.
    """
    if cell not in suites.newest(cells):
        return Tier.QUICK if cell.variant == BASELINE else Tier.OWN_LAYERS
    if cell not in suites.newest(cells, suites.stack_of):
        return Tier.NO_SLOW
    return Tier.NO_DEVICE if GPU in cell.features else Tier.FULL


def describe(cell: Cell, cells: Sequence[Cell]) -> str:
    """Returns the line that `nox -l` shows for a cell's session."""
    option = tier(cell, cells).option
    return f"Test {cell.name} (default run: {f'tier {option}' if option else 'all tests'})."


def jobs(cells: Sequence[Cell]) -> list[Job]:
    """Returns the jobs of the session `cells`.

    The job `layers` is first, because the cells do not search a layer that it has searched. It needs little CPU time.
    The baseline images follow, because they take longest: then no long job runs alone at the end. Then come the other
    jobs on the cluster, so that the cluster can stop early. Superseded versions do not run on the cluster.
    """
    tiers = {cell.key: tier(cell, cells) for cell in cells}
    newest = suites.newest(cells)
    whole = [
        Job(session_of(cell), tiers[cell.key], suites.on_a_cluster(cell))
        for cell in sorted(newest, key=lambda each: (not suites.is_plain(each), tiers[each.key] is Tier.NO_SLOW))
    ]
    return [
        Job("layers"),
        *(job for job in whole if job.on_the_cluster),
        *(job for job in whole if not job.on_the_cluster),
        Job("network"),
        Job("browser"),
        *(Job(session_of(cell), tiers[cell.key]) for cell in cells if cell not in newest),
    ]
