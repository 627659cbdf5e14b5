"""Helpers of the GPU tests: a fake nvidia-smi, and RAPIDS in its plan-only mode."""

import re
from typing import Any

import pytest

from spark_images.engine import gpu
from spark_images.matrix.model import Cell

SETTINGS = "/opt/spark/conf/rapids.conf"
CATALOGUE = (
    "--conf spark.sql.catalog.lake=org.apache.iceberg.spark.SparkCatalog --conf spark.sql.catalog.lake.type=hadoop "
    "--conf spark.sql.catalog.lake.warehouse=/opt/spark/work-dir/lake"
)


PLANNED = re.compile(r"\*Exec <(\w+)> will run on GPU")


def planned(output: str) -> set[str]:
    """Returns the operators that RAPIDS would run on the GPU."""
    return set(PLANNED.findall(output))


@pytest.fixture(scope="session")
def plan_only(cell: Cell) -> str:
    """Returns spark-submit flags that make RAPIDS plan for a GPU but compute on the CPU."""
    flags = f"--properties-file {SETTINGS} --conf spark.rapids.sql.mode=explainOnly --conf spark.rapids.sql.explain=ALL"
    # RAPIDS 25.04 asks the device for its architecture before it reads the mode.
    internal = " --conf spark.rapids.skipGpuArchitectureCheck=true" if cell.line == "3.5" else ""
    catalogue = f" {CATALOGUE}" if "iceberg" in cell.features else ""
    return flags + internal + catalogue


@pytest.fixture(autouse=True)
def _needs_a_device(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("device") and (reason := gpu.reason_to_skip()):
        pytest.skip(reason)


def fake_nvidia_smi(body: str) -> dict[str, Any]:
    """Returns options for `Image.run` that add an nvidia-smi to the container. `body` is its bash script."""
    path = "/usr/local/bin/nvidia-smi"
    return {"files": {path: f"#!/bin/bash\n{body}\n"}, "modes": {path: 0o755}}
