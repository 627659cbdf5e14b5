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
def test_the_newest_spark_is_tested_in_full_and_the_others_quickly(of: Cell, tier: Tier) -> None:
    assert default_run.tier(of, CELLS) is tier


def test_each_cell_has_one_job_and_each_baseline_also_runs_on_the_cluster() -> None:
    jobs = default_run.jobs(CELLS)
    assert len(set(jobs)) == len(jobs)
    containers = [job.session for job in jobs if job.tier is not Tier.KUBERNETES]
    assert sorted(containers) == sorted([*(f"test-{each.key}" for each in CELLS), "network", "browser"])
    assert [job.name for job in jobs if job.tier is Tier.KUBERNETES] == ["test-9.0-baseline -- --kubernetes"]


def test_jobs_on_the_cluster_come_first() -> None:
    jobs = default_run.jobs(CELLS)
    on_the_cluster = [job for job in jobs if job.on_the_cluster]
    assert jobs[: len(on_the_cluster)] == on_the_cluster
    named = ["test-9.1-baseline", "test-9.1-iceberg", "test-9.0-baseline -- --kubernetes"]
    assert [job.name for job in on_the_cluster] == named


def test_long_jobs_come_first() -> None:
    tiers = [job.tier for job in default_run.jobs(CELLS) if job.session.startswith("test-")]
    assert Tier.QUICK not in tiers[: tiers.index(Tier.QUICK)]
    assert set(tiers[tiers.index(Tier.QUICK) :]) == {Tier.QUICK}


def test_jobs_use_every_session_of_the_cells_network_and_browser(small: Project) -> None:
    cells = small.matrix.buildable
    named = {job.session for job in default_run.jobs(cells)}
    assert named == {*(default_run.session_of(each) for each in cells), "network", "browser"}


def test_a_job_has_the_name_that_nox_accepts() -> None:
    assert Job("test-9.0-gpu", Tier.QUICK).name == "test-9.0-gpu -- --quick"
    assert Job("network").name == "network"


def test_a_description_names_the_image_and_the_tier() -> None:
    assert default_run.describe(cell(spark="9.1"), CELLS) == "Test spark-9.1 (default run: all tests)."
    assert default_run.describe(cell(spark="9.0"), CELLS) == "Test spark-9.0 (default run: tier --quick)."
