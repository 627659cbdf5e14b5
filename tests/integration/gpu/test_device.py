"""On a machine with a GPU, Spark and cuDF use the device and give the right results."""

from pathlib import Path
from typing import Any

import pytest
from docker.types import DeviceRequest

from spark_images.matrix.model import Cell
from tests.integration.conftest import Image
from tests.integration.gpu.conftest import CATALOGUE, SETTINGS

pytestmark = [pytest.mark.device, pytest.mark.own_layers]

JOBS = Path(__file__).parent / "jobs"
WORK = "/opt/spark/work-dir"


@pytest.fixture
def gpus() -> dict[str, Any]:
    return {"device_requests": [DeviceRequest(count=-1, capabilities=[["gpu"]])]}


def test_nvidia_smi_lists_the_device(image: Image, gpus: dict[str, Any]) -> None:
    assert "GPU 0" in image.run("nvidia-smi", "-L", **gpus).stdout


def test_spark_runs_a_query_on_the_device(image: Image, gpus: dict[str, Any]) -> None:
    job = f"{WORK}/on_device.py"
    result = image.run(
        *("spark-submit", "--properties-file", SETTINGS, job), files={job: JOBS / "on_device.py"}, timeout=600, **gpus
    )
    assert result.json() == {"gpu": True, "same": True, "rows": 100}


def test_cudf_groups_rows(image: Image, gpus: dict[str, Any]) -> None:
    frame = "cudf.DataFrame({'k': [1, 1, 2], 'v': [1, 2, 3]})"
    script = f"import cudf; print({frame}.groupby('k').v.sum().sort_index().to_pandas().tolist())"
    assert image.run("python", "-c", script, **gpus).stdout.strip() == "[3, 3]"


def test_pandas_runs_on_cudf(image: Image, gpus: dict[str, Any]) -> None:
    job = f"{WORK}/frame.py"
    script = (
        "import pandas as pd; s = pd.Series([1, 2, 3]); print(type(s)._fsproxy_fast.__module__.split('.')[0], s.sum())"
    )
    result = image.run("python", "-m", "cudf.pandas", job, files={job: script}, **gpus)
    assert result.stdout.split() == ["cudf", "6"]


def test_spark_writes_and_reads_an_iceberg_table(image: Image, cell: Cell, gpus: dict[str, Any]) -> None:
    if "iceberg" not in cell.features:
        pytest.skip("not an Iceberg image")
    job = f"{WORK}/iceberg.py"
    command = f"spark-submit --properties-file {SETTINGS} {CATALOGUE} {job}"
    result = image.run("bash", "-c", command, files={job: JOBS / "iceberg.py"}, timeout=600, **gpus)
    assert result.json()["merged"] == [110, sum(number * 2.0 for number in range(90))]
