import pytest

from spark_images.checks import default_run
from spark_images.checks.default_run import Job
from spark_images.checks.tiers import Tier
from spark_images.matrix.model import BASELINE, Cell
from spark_images.plan.project import Project
from tests.unit.test_suites import cell

VARIANTS = (BASELINE, "gpu", "iceberg", "gpu-iceberg")
CELLS = [
    cell(image, spark, variant, line)
    for image in ("spark", "jupyter")
    for spark, line in (("8.1", "8"), ("8.0", "8"), ("9.1", "9"), ("9.0", "9"))
    for variant in VARIANTS
]


@pytest.mark.parametrize(
    ("of", "tier"),
    [
        (cell(spark="9.1"), Tier.FULL),
        (cell(spark="9.1", variant="iceberg"), Tier.FULL),
        (cell(spark="9.1", variant="gpu-iceberg"), Tier.NO_DEVICE),
        (cell(spark="9.1", variant="gpu"), Tier.NO_DEVICE),
        (cell(spark="9.0"), Tier.QUICK),
        (cell(spark="9.0", variant="gpu-iceberg"), Tier.OWN_LAYERS),
        (cell("jupyter", "9.0"), Tier.QUICK),
        (cell("jupyter", "9.0", variant="iceberg"), Tier.OWN_LAYERS),
        (cell("jupyter", "9.1"), Tier.FULL),
        (cell(spark="8.1", line="8"), Tier.NO_SLOW),
        (cell(spark="8.1", variant="gpu", line="8"), Tier.NO_SLOW),
        (cell("jupyter", "8.1", line="8"), Tier.NO_SLOW),
        (cell(spark="8.0", line="8"), Tier.QUICK),
    ],
)
def test_the_newest_spark_of_a_stack_is_tested_in_full_and_older_ones_in_part(of: Cell, tier: Tier) -> None:
    assert default_run.tier(of, CELLS) is tier


def test_each_cell_has_one_job() -> None:
    names = [job.session for job in default_run.jobs(CELLS)]
    assert sorted(names) == sorted([*(f"test-{each.key}" for each in CELLS), "layers", "network", "browser"])


def test_jobs_on_the_cluster_come_right_after_the_search_of_the_layers() -> None:
    first, *jobs = default_run.jobs(CELLS)
    assert first == Job("layers")
    on_the_cluster = [job for job in jobs if job.on_the_cluster]
    assert jobs[: len(on_the_cluster)] == on_the_cluster
    assert [job.name for job in on_the_cluster] == [
        "test-9.1-baseline",
        "test-8.1-baseline -- --no-slow",
        "test-9.1-iceberg",
        "test-8.1-iceberg -- --no-slow",
    ]


def test_long_jobs_come_first() -> None:
    tiers = [job.tier for job in default_run.jobs(CELLS) if job.session.startswith("test-")]
    short = {Tier.QUICK, Tier.OWN_LAYERS}
    first = min(tiers.index(tier) for tier in short)
    assert set(tiers[first:]) == short
    assert short.isdisjoint(tiers[:first])


def test_jobs_use_every_session_of_the_cells_network_and_browser(small: Project) -> None:
    cells = small.matrix.buildable
    named = {job.session for job in default_run.jobs(cells)}
    assert named == {*(default_run.session_of(each) for each in cells), "layers", "network", "browser"}


def test_a_job_has_the_name_that_nox_accepts() -> None:
    assert Job("test-9.0-gpu", Tier.QUICK).name == "test-9.0-gpu -- --quick"
    assert Job("network").name == "network"


def test_a_description_names_the_image_and_the_tier() -> None:
    assert default_run.describe(cell(spark="9.1"), CELLS) == "Test spark-9.1 (default run: all tests)."
    assert default_run.describe(cell(spark="9.0"), CELLS) == "Test spark-9.0 (default run: tier --quick)."
