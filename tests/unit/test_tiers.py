import pytest

from spark_images.checks import tiers
from spark_images.checks.tiers import Tier
from spark_images.errors import UsageError


@pytest.mark.parametrize("tier", list(Tier))
def test_an_option_chooses_its_tier(tier: Tier) -> None:
    asked = [tier.option] if tier.option else []
    assert tiers.parse([*asked, "-k", "merge"]) == (tier, ["-k", "merge"])


def test_no_option_chooses_the_full_tier() -> None:
    assert tiers.parse([]) == (Tier.FULL, [])


def test_two_tiers_are_an_error() -> None:
    with pytest.raises(UsageError, match="--quick and --kubernetes contradict each other: give one tier"):
        tiers.parse(["--quick", "-x", "--kubernetes"])


def test_the_same_tier_twice_counts_once() -> None:
    assert tiers.parse(["--quick", "--quick"]) == (Tier.QUICK, [])


@pytest.mark.parametrize(
    ("given", "meant"), [("--quik", "--quick"), ("--conformence", "--conformance"), ("--nodevice", "--no-device")]
)
def test_a_misspelt_tier_is_an_error_that_names_the_nearest(given: str, meant: str) -> None:
    with pytest.raises(
        UsageError, match=f'unknown tier "{given}"; expected one of .*--kubernetes .did you mean "{meant}"'
    ):
        tiers.parse([given])


@pytest.mark.parametrize(
    "option", ["--quiet", "--maxfail=1", "--durations=0", "--co", "-q", "--no-header", "--no-summary"]
)
def test_pytest_gets_its_own_options(option: str) -> None:
    assert tiers.parse(["--quick", option]) == (Tier.QUICK, [option])
