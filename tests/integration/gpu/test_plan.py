"""RAPIDS plans queries for the GPU, with the shim that images.toml names. No device is needed: the CPU computes."""

import re
from pathlib import Path

import pytest

from spark_images.matrix.model import Cell
from tests.integration.conftest import Image, Result
from tests.integration.gpu.conftest import planned

pytestmark = pytest.mark.smoke

JOBS = Path(__file__).parent / "jobs"
WORK = "/opt/spark/work-dir"


@pytest.fixture(scope="module")
def run(image: Image, plan_only: str) -> Result:
    job = f"{WORK}/plan.py"
    result = image.run("bash", "-c", f"spark-submit {plan_only} {job}", files={job: JOBS / "plan.py"})
    assert result.exit_code == 0
    return result


@pytest.mark.parametrize(
    "operator",
    [
        "FileSourceScanExec",
        "FilterExec",
        "HashAggregateExec",
        "SortExec",
        "WindowExec",
        "ProjectExec",
        "ShuffleExchangeExec",
    ],
)
def test_operator_is_planned_for_the_gpu(run: Result, operator: str) -> None:
    assert operator in planned(run.output)


def test_join_is_planned_for_the_gpu(run: Result) -> None:
    assert {"BroadcastHashJoinExec", "ShuffledHashJoinExec", "SortMergeJoinExec"} & planned(run.output)


def test_results_are_right(run: Result) -> None:
    found = run.json()
    assert found["right"]
    assert found["rows"] == 30
    assert found["ranks"] == [1, 2, 3, 1, 2, 3]


def test_rapids_logs_why_an_expression_cannot_run_on_the_gpu(run: Result) -> None:
    """Newer releases compute such an expression on the CPU inside a GPU operator. They log the reason too."""
    lines = [line for line in run.output.splitlines() if "<SoundEx>" in line]
    assert lines
    assert all("because GPU does not currently support the operator class" in line for line in lines)


def test_loaded_shim_is_the_one_in_images_toml(run: Result, cell: Cell, image: Image) -> None:
    assert image.labels["spark-images.rapids-shim"] == cell.values["rapids_shim"]
    assert image.labels["spark-images.rapids-support"] == cell.values["rapids_support"]
    loaded = re.findall(r"ShimLoader: Updating spark classloader .*!/(spark\d+)/", run.output)
    assert set(loaded) == {cell.values["rapids_shim"]}


def test_rapids_has_the_labelled_version(run: Result, image: Image) -> None:
    assert f"RAPIDS Accelerator {image.labels['spark-images.rapids']}" in run.output


def test_settings_override_the_shim_only_for_a_bridged_spark_version(image: Image, cell: Cell) -> None:
    settings = image.run("cat", "/opt/spark/conf/rapids.conf").stdout
    override = cell.values["rapids_override"]
    assert ("shims-provider-override" in settings) == bool(override)
    assert override in settings
