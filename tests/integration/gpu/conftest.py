"""What the GPU tests share: a container with a node's nvidia-smi of our making, and RAPIDS in its plan-only mode."""

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
    """The operators that RAPIDS would run on the GPU."""
    return set(PLANNED.findall(output))


@pytest.fixture(scope="session")
def plan_only(cell: Cell) -> str:
    """Flags of spark-submit with which RAPIDS plans for a GPU and computes without one."""
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
    """What `Image.run` takes so that the container has an nvidia-smi that does `body`."""
    path = "/usr/local/bin/nvidia-smi"
    return {"files": {path: f"#!/bin/bash\n{body}\n"}, "modes": {path: 0o755}}
