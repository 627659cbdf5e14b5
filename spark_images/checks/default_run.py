"""The default run tests every cell once: the newest Spark of all lines in full, the other cells in part."""

from collections.abc import Sequence
from dataclasses import dataclass

from spark_images.checks import suites
from spark_images.checks.tiers import SHORT, Tier
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


def tiers(cells: Sequence[Cell]) -> dict[str, Tier]:
    """Returns the tier that the default run uses for each cell, by the cell's key.

    For each kind and variant, the newest Spark of all lines is tested in full. Its GPU images omit the tests that need
    a device, because few machines have one. The newest Spark of each other stack and Scala version uses `--no-slow`.
    The others are superseded versions, and lines with the stack and Scala version of a newer line. Their baseline
    images use `--quick`, and their other images `--own-layers`. In this tier, the images with two features run queries
    with both of them.
    """
    newest = {cell.key for cell in suites.newest(cells, suites.any_line)}
    newest_alike = {cell.key for cell in suites.newest(cells, suites.stack_and_scala_of)}

    def tier(cell: Cell) -> Tier:
        if cell.key in newest:
            return Tier.NO_DEVICE if GPU in cell.features else Tier.FULL
        if cell.key in newest_alike:
            return Tier.NO_SLOW
        return Tier.QUICK if cell.variant == BASELINE else Tier.OWN_LAYERS

    return {cell.key: tier(cell) for cell in cells}


def describe(cell: Cell, tier: Tier) -> str:
    """Returns the line that `nox -l` shows for a cell's session, with its tier in the default run."""
    return f"Test {cell.name} (default run: {f'tier {tier.option}' if tier.option else 'all tests'})."


def jobs(cells: Sequence[Cell]) -> list[Job]:
    """Returns the jobs of the session `cells`.

    The job `layers` is first, because the cells do not search a layer that it has searched. It needs little CPU time.
    The job `network` is second, because it builds layers, and a build needs more free disk than a test. The jobs on the
    cluster follow, so that the cluster can stop early. The baseline images are the first of them, because they take
    longest: then no long job runs alone at the end. Then come the other long jobs, among them `publish`, `sbom`,
    `remote` and `browser`. The cells with `--quick` and `--own-layers` are last. They do not run on the cluster.
    """
    tier_of = tiers(cells)
    by_length = sorted(cells, key=lambda cell: (not suites.is_plain(cell), tier_of[cell.key] is Tier.NO_SLOW))
    of_cells = [_job(cell, tier_of[cell.key]) for cell in by_length]
    long = [job for job in of_cells if job.tier not in SHORT]
    return [
        Job("layers"),
        Job("network"),
        *(job for job in long if job.on_the_cluster),
        *(job for job in long if not job.on_the_cluster),
        Job("publish", Tier.QUICK),
        Job("sbom", Tier.QUICK),
        Job("remote", Tier.QUICK),
        Job("browser"),
        *(job for job in of_cells if job.tier in SHORT),
    ]


def _job(cell: Cell, tier: Tier) -> Job:
    return Job(session_of(cell), tier, tier in suites.ON_THE_CLUSTER and suites.on_a_cluster(cell))
