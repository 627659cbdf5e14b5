"""The default run: every cell once, the newest Spark of each line in full and the others quickly."""

from collections.abc import Sequence
from dataclasses import dataclass

from spark_images.checks import suites
from spark_images.checks.tiers import Tier
from spark_images.matrix.model import GPU, Cell


@dataclass(frozen=True)
class Job:
    """A session of Nox, and the tier that it is asked for."""

    session: str
    tier: Tier = Tier.FULL

    @property
    def name(self) -> str:
        """The job as one types it after `nox -s`: `test-3.5.7-gpu -- --quick`."""
        return f"{self.session} -- {self.tier.option}" if self.tier.option else self.session


def session_of(cell: Cell) -> str:
    """Returns the name of a cell's session: `test-3.5.8-iceberg`."""
    return f"test-{cell.key}"


def tier(cell: Cell, cells: Sequence[Cell]) -> Tier:
    """Returns the tier that the default run asks of a cell.

    In full: the newest Spark of each line. Of its GPU cells the one that holds every layer of the line, so without the
    tests that need a device, which few machines have. Quickly: all others.
    """
    if cell not in suites.newest(cells):
        return Tier.QUICK
    if GPU not in cell.features:
        return Tier.FULL
    siblings = [each for each in cells if (each.image, each.line) == (cell.image, cell.line)]
    return Tier.NO_DEVICE if len(cell.features) == max(len(each.features) for each in siblings) else Tier.QUICK


def describe(cell: Cell, cells: Sequence[Cell]) -> str:
    """Returns the line that `nox -l` shows for a cell's session."""
    option = tier(cell, cells).option
    return f"Tests {cell.name}; in the default run {f'with {option}' if option else 'all of it'}."


def jobs(cells: Sequence[Cell]) -> list[Job]:
    """Returns what the session `cells` runs: the longest first, so that none is left alone at the end.

    A cell that is tested in full runs its tests on a cluster itself; the other baseline images run theirs as well.
    """
    tiers = {cell.key: tier(cell, cells) for cell in cells}
    on_the_cluster = [
        Job(session_of(cell), Tier.KUBERNETES)
        for cell in cells
        if suites.is_plain(cell) and tiers[cell.key] is not Tier.FULL
    ]
    whole = [cell for cell in cells if tiers[cell.key] is not Tier.QUICK]
    quick = [cell for cell in cells if tiers[cell.key] is Tier.QUICK]
    return [
        *(Job(session_of(cell), tiers[cell.key]) for cell in whole),
        Job("network"),
        *on_the_cluster,
        Job("browser"),
        *(Job(session_of(cell), Tier.QUICK) for cell in quick),
    ]
