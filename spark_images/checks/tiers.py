"""The tiers: an option after `--` chooses the part of a cell's tests that a session runs."""

from collections.abc import Sequence
from difflib import get_close_matches
from enum import StrEnum

from spark_images.errors import UsageError, unknown

ALIKE = 0.8
"""The similarity (0 to 1) from which an option counts as a misspelt tier. Pytest's `--quiet` stays below it."""


class Tier(StrEnum):
    """A part of a cell's tests. `FULL` has no option. Each other tier has its name as option: `-- --quick`."""

    FULL = "full"
    QUICK = "quick"
    OWN_LAYERS = "own-layers"
    NO_DEVICE = "no-device"
    NO_SLOW = "no-slow"
    CONFORMANCE = "conformance"
    KUBERNETES = "kubernetes"

    @property
    def option(self) -> str:
        """The option that chooses this tier, or "" for the full tier."""
        return "" if self is Tier.FULL else f"--{self.value}"


SHORT = (Tier.QUICK, Tier.OWN_LAYERS)
"""The tiers of a minute or less: tests marked `smoke`."""

OPTIONS = {tier.option: tier for tier in Tier if tier.option}


def parse(arguments: Sequence[str]) -> tuple[Tier, list[str]]:
    """Returns the tier that a session's arguments choose, and the remaining arguments, which are for pytest.

    Raises UsageError for two tiers and for a misspelt tier.
    """
    given = list(dict.fromkeys(argument for argument in arguments if argument in OPTIONS))
    rest = [argument for argument in arguments if argument not in OPTIONS]
    for argument in rest:
        if argument.startswith("--") and get_close_matches(argument, OPTIONS, n=1, cutoff=ALIKE):
            raise UsageError(f"{unknown('tier', argument, OPTIONS)}; without a tier, all tests run")
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} contradict each other: give one tier, or none for all tests")
    return (OPTIONS[given[0]] if given else Tier.FULL), rest
