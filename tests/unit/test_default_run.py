import pytest

from spark_images.checks import default_run
from spark_images.checks.default_run import Job
from spark_images.checks.tiers import Tier
from spark_images.matrix.model import BASELINE, Cell
from spark_images.plan.project import Project
from tests.unit.test_suites import cell

VARIANTS = (BASELINE, "gpu", "iceberg", "gpu-iceberg")
CELLS = [
    cell(image, spark, variant) for image in ("spark", "jupyter") for spark in ("9.1", "9.0") for variant in VARIANTS
]


@pytest.mark.parametrize(
    ("of", "tier"),
    [
        (cell(spark="9.1"), Tier.FULL),
        (cell(spark="9.1", variant="iceberg"), Tier.FULL),
        (cell(spark="9.1", variant="gpu-iceberg"), Tier.NO_DEVICE),
        (cell(spark="9.1", variant="gpu"), Tier.NO_DEVICE),
        (cell(spark="9.0"), Tier.QUICK),
        (cell(spark="9.0", variant="gpu-iceberg"), Tier.QUICK),
        (cell("jupyter", "9.1"), Tier.FULL),
    ],
)
def test_the_newest_is_tested_in_full_and_the_others_quickly(of: Cell, tier: Tier) -> None:
    assert default_run.tier(of, CELLS) is tier


def test_it_asks_every_cell_once_and_each_baseline_image_on_the_cluster() -> None:
    jobs = default_run.jobs(CELLS)
    assert len(set(jobs)) == len(jobs)
    containers = [job.session for job in jobs if job.tier is not Tier.KUBERNETES]
    assert sorted(containers) == sorted([*(f"test-{each.key}" for each in CELLS), "network", "browser"])
    assert [job.name for job in jobs if job.tier is Tier.KUBERNETES] == ["test-9.0-baseline -- --kubernetes"]


def test_what_takes_long_comes_first() -> None:
    tiers = [job.tier for job in default_run.jobs(CELLS) if job.session.startswith("test-")]
    assert Tier.QUICK not in tiers[: tiers.index(Tier.QUICK)]
    assert set(tiers[tiers.index(Tier.QUICK) :]) == {Tier.QUICK}


def test_its_sessions_are_those_of_the_noxfile(small: Project) -> None:
    cells = small.matrix.buildable
    named = {job.session for job in default_run.jobs(cells)}
    assert named == {*(default_run.session_of(each) for each in cells), "network", "browser"}


def test_a_job_is_named_as_one_types_it() -> None:
    assert Job("test-9.0-gpu", Tier.QUICK).name == "test-9.0-gpu -- --quick"
    assert Job("network").name == "network"


def test_a_session_is_described_by_its_image_and_its_tier() -> None:
    assert default_run.describe(cell(spark="9.1"), CELLS) == "Tests spark-9.1; in the default run all of it."
    assert default_run.describe(cell(spark="9.0"), CELLS) == "Tests spark-9.0; in the default run with --quick."
