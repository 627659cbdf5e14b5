import pytest

from spark_images.checks import default_run
from spark_images.checks.default_run import Job
from spark_images.checks.tiers import Tier
from spark_images.matrix.model import BASELINE
from spark_images.plan.project import Project
from tests.unit.test_suites import cell

LINES = (("6", "new", "2.13"), ("7", "old", "2.12"), ("8", "old", "2.13"), ("9", "new", "2.13"))
"""Line, stack and Scala version. The newest line has the stack and Scala version of the oldest one."""

OFFERED = {
    BASELINE: "6789",
    "iceberg": "78",
    "gpu": "78",
    "gpu-iceberg": "78",
    "delta": "678",
}
"""The lines of each variant."""

CELLS = [
    cell(image, f"{line}.{patch}", variant, line, stack, scala)
    for image in ("spark", "jupyter")
    for line, stack, scala in LINES
    for patch in (1, 0)
    for variant, offered in OFFERED.items()
    if line in offered
]
TIERS = default_run.tiers(CELLS)


@pytest.mark.parametrize("kind", ["", "jupyter-"])
@pytest.mark.parametrize(
    ("key", "tier"),
    [
        ("9.1-baseline", Tier.FULL),
        ("8.1-baseline", Tier.NO_SLOW),
        ("7.1-baseline", Tier.NO_SLOW),
        ("6.1-baseline", Tier.QUICK),
        ("8.1-iceberg", Tier.FULL),
        ("7.1-iceberg", Tier.NO_SLOW),
        ("8.1-gpu", Tier.NO_DEVICE),
        ("7.1-gpu", Tier.NO_SLOW),
        ("8.1-gpu-iceberg", Tier.NO_DEVICE),
        ("7.1-gpu-iceberg", Tier.NO_SLOW),
        ("8.1-delta", Tier.FULL),
        ("7.1-delta", Tier.NO_SLOW),
        ("6.1-delta", Tier.NO_SLOW),
        *((f"{line}.0-baseline", Tier.QUICK) for line in "6789"),
        ("8.0-iceberg", Tier.OWN_LAYERS),
        ("7.0-gpu-iceberg", Tier.OWN_LAYERS),
    ],
)
def test_the_tier_depends_on_newer_lines_and_newer_versions(kind: str, key: str, tier: Tier) -> None:
    """A variant counts only the lines that offer it: the newest Delta Lake is not on the newest line."""
    assert TIERS[f"{kind}{key}"] is tier


def test_an_image_with_a_feature_repeats_little_if_a_newer_line_is_alike() -> None:
    newer = cell(spark="9.1", variant="delta", stack="new")
    assert default_run.tiers([*CELLS, newer])["6.1-delta"] is Tier.OWN_LAYERS
    assert default_run.tiers([*CELLS, newer])["8.1-delta"] is Tier.NO_SLOW
    other = cell(spark="9.1", variant="delta", stack="new", scala="3")
    assert default_run.tiers([*CELLS, other])["6.1-delta"] is Tier.NO_SLOW


def test_each_cell_has_a_tier() -> None:
    assert TIERS.keys() == {each.key for each in CELLS}


def test_each_cell_has_one_job() -> None:
    names = [job.session for job in default_run.jobs(CELLS)]
    assert sorted(names) == sorted(
        [*(f"test-{each.key}" for each in CELLS), "layers", "publish", "sbom", "remote", "network", "browser"]
    )


def test_jobs_on_the_cluster_come_right_after_the_jobs_that_read_and_build_layers() -> None:
    first, second, *jobs = default_run.jobs(CELLS)
    assert [first, second] == [Job("layers"), Job("network")]
    on_the_cluster = [job for job in jobs if job.on_the_cluster]
    assert jobs[: len(on_the_cluster)] == on_the_cluster
    assert [job.name for job in on_the_cluster] == [
        "test-9.1-baseline",
        "test-7.1-baseline -- --no-slow",
        "test-8.1-baseline -- --no-slow",
        "test-8.1-iceberg",
        "test-8.1-delta",
        "test-6.1-delta -- --no-slow",
        "test-7.1-iceberg -- --no-slow",
        "test-7.1-delta -- --no-slow",
    ]


def test_long_jobs_come_first() -> None:
    tiers = [job.tier for job in default_run.jobs(CELLS) if job.session.startswith("test-")]
    short = {Tier.QUICK, Tier.OWN_LAYERS}
    first = min(tiers.index(tier) for tier in short)
    assert set(tiers[first:]) == short
    assert short.isdisjoint(tiers[:first])


def test_jobs_use_every_session_of_the_cells_and_the_other_sessions(small: Project) -> None:
    cells = small.matrix.buildable
    named = {job.session for job in default_run.jobs(cells)}
    assert named == {
        *(default_run.session_of(each) for each in cells),
        "layers",
        "publish",
        "sbom",
        "remote",
        "network",
        "browser",
    }


def test_a_job_has_the_name_that_nox_accepts() -> None:
    assert Job("test-9.0-gpu", Tier.QUICK).name == "test-9.0-gpu -- --quick"
    assert Job("network").name == "network"


def test_a_description_names_the_image_and_the_tier() -> None:
    of = cell(spark="9.1")
    assert default_run.describe(of, Tier.FULL) == "Test spark-9.1 (default run: all tests)."
    assert default_run.describe(of, Tier.QUICK) == "Test spark-9.1 (default run: tier --quick)."
