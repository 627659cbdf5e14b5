"""How much of a cell's tests a session runs: the tier, which is an option after `--`."""

from collections.abc import Sequence
from difflib import get_close_matches
from enum import StrEnum

from spark_images.errors import UsageError

ALIKE = 0.8
"""From which likeness (0 to 1) an option is a misspelt tier. Pytest's own `--quiet` is less like `--quick`."""


class Tier(StrEnum):
    """A part of a cell's tests. `FULL` needs no option; each other one is asked for by its name: `-- --quick`."""

    FULL = "full"
    QUICK = "quick"
    NO_DEVICE = "no-device"
    CONFORMANCE = "conformance"
    KUBERNETES = "kubernetes"

    @property
    def option(self) -> str:
        """The option that asks for it; "" for the full tier."""
        return "" if self is Tier.FULL else f"--{self.value}"


OPTIONS = {tier.option: tier for tier in Tier if tier.option}


def parse(arguments: Sequence[str]) -> tuple[Tier, list[str]]:
    """Returns the tier that the arguments of a session ask for, and the rest of them, which is pytest's.

    Raises UsageError for two tiers, and for an option that is a tier misspelt.
    """
    given = list(dict.fromkeys(argument for argument in arguments if argument in OPTIONS))
    rest = [argument for argument in arguments if argument not in OPTIONS]
    for argument in rest:
        if argument.startswith("--") and (near := get_close_matches(argument, OPTIONS, n=1, cutoff=ALIKE)):
            raise UsageError(f'there is no tier "{argument}"; the nearest is "{near[0]}" (the tiers: {_listed()})')
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} contradict each other: give one tier, or none for the full one")
    return (OPTIONS[given[0]] if given else Tier.FULL), rest


def _listed() -> str:
    return f"{', '.join(OPTIONS)}; without one, the full tier"
