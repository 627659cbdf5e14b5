"""What a set of runs says: medians, spread, and whether a ratio may be printed as if it were sure. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

SPREAD_LIMIT = 0.20
"""Above this spread the machine was busy with something else, or the runs were."""

BUSY_LIMIT = 0.25
"""Above this share of the cores that are busy before the first run, the machine is loaded."""


@dataclass(frozen=True)
class Sample:
    """One quantity over several runs, in the order of the runs."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the runs."""
        return median(self.values)

    @property
    def spread(self) -> float:
        """How far the runs lie apart, as a share of their median: the middle half, or all where they are below 4."""
        if len(self.values) < 4:
            return (max(self.values) - min(self.values)) / self.median
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return (high - low) / self.median


@dataclass(frozen=True)
class Ratio:
    """Ours against a reference, run by run: both were measured in turn."""

    ours: Sample
    reference: Sample

    @property
    def value(self) -> float:
        """The ratio of the medians."""
        return self.ours.median / self.reference.median

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest ratio of two runs that stood side by side."""
        ratios = [ours / reference for ours, reference in zip(self.ours.values, self.reference.values, strict=True)]
        return min(ratios), max(ratios)

    @property
    def spread(self) -> float:
        """The larger spread of the two sides."""
        return max(self.ours.spread, self.reference.spread)


def doubts(ratio: Ratio, busy: float) -> str:
    """Returns why a ratio is not sure, or "". `busy` is the share of the cores that were busy before the first run."""
    if busy > BUSY_LIMIT:
        return f"the machine was {busy:.0%} busy before the first run"
    if ratio.spread > SPREAD_LIMIT:
        return f"the spread over runs is {ratio.spread:.0%}"
    if len(ratio.ours.values) < 3:
        return f"{len(ratio.ours.values)} run says nothing about spread" if len(ratio.ours.values) == 1 else "2 runs"
    return ""


def verdict(ratio: Ratio, busy: float) -> str:
    """Returns the ratio with its range over runs, or "unsure" with the reason: never a ratio as if it were sure."""
    if reason := doubts(ratio, busy):
        return f"unsure: {reason}"
    low, high = ratio.range
    return f"{ratio.value:.2f} ({low:.2f}–{high:.2f})"


def alternating(sides: Sequence[str], runs: int) -> list[str]:
    """Returns who runs when: in turn, and each round begins with the other, so that no one always comes second."""
    return [side for number in range(runs) for side in (sides if number % 2 == 0 else sides[::-1])]
