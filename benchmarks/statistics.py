"""Computes medians, spreads and ratios of runs, and decides whether a ratio is reliable. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles

SPREAD_LIMIT = 0.20
"""A ratio is unsure if the spread of a side is larger: something else disturbed the runs."""

BUSY_LIMIT = 0.25
"""A ratio is unsure if a larger share of the cores was busy before the first run."""


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
        """The width of the middle half of the runs, as a share of the median. With fewer than 4 runs, all count."""
        if len(self.values) < 4:
            return (max(self.values) - min(self.values)) / self.median
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return (high - low) / self.median


@dataclass(frozen=True)
class Ratio:
    """The runs of our image and of a reference, measured in alternation."""

    ours: Sample
    reference: Sample

    @property
    def value(self) -> float:
        """The ratio of the medians."""
        return self.ours.median / self.reference.median

    @property
    def range(self) -> tuple[float, float]:
        """The smallest and the largest ratio of a pair of neighbouring runs."""
        ratios = [ours / reference for ours, reference in zip(self.ours.values, self.reference.values, strict=True)]
        return min(ratios), max(ratios)

    @property
    def spread(self) -> float:
        """The larger spread of the two sides."""
        return max(self.ours.spread, self.reference.spread)


def doubts(ratio: Ratio, busy: float) -> str:
    """Returns why a ratio is unsure, or "". `busy` is the share of the cores that was busy before the first run."""
    if busy > BUSY_LIMIT:
        return f"the machine was {busy:.0%} busy before the first run"
    if ratio.spread > SPREAD_LIMIT:
        return f"the spread over runs is {ratio.spread:.0%}"
    runs = len(ratio.ours.values)
    if runs < 3:
        return "1 run has no spread" if runs == 1 else "only 2 runs"
    return ""


def verdict(ratio: Ratio, busy: float) -> str:
    """Returns the ratio with its range over the runs, or "unsure" with the reason."""
    if reason := doubts(ratio, busy):
        return f"unsure: {reason}"
    low, high = ratio.range
    return f"{ratio.value:.2f} ({low:.2f}–{high:.2f})"


def alternating(sides: Sequence[str], runs: int) -> list[str]:
    """Returns the order of the runs. Each round starts with the other side, so that neither always runs second."""
    return [side for number in range(runs) for side in (sides if number % 2 == 0 else sides[::-1])]
