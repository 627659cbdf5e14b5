"""RAPIDS in a notebook: the settings of a session on the GPU, and how RAPIDS would plan a query."""

import os
from pathlib import Path
from typing import Any

from spark_notebook.session import read_settings, running

DEVICES = ("/dev/nvidiactl", "/dev/dxg")
"""The control device of NVIDIA's driver, on Linux and on WSL."""


def rapids() -> dict[str, str]:
    """Returns the settings that turn RAPIDS on, for `SparkSession.builder.config(map=rapids()).getOrCreate()`.

    Raises RuntimeError if the image has no RAPIDS, if a session already runs, or if there is no device.
    """
    settings = _settings()
    if running() is not None:
        raise RuntimeError("a Spark session already runs, and RAPIDS needs a new session: restart the kernel")
    if not any(Path(device).exists() for device in DEVICES):
        raise RuntimeError(
            f"this container has no CUDA device ({DEVICES[0]}): start it with the GPU (Docker: --gpus all; Kubernetes: "
            "a limit of nvidia.com/gpu). gpu_plan(query) shows what would run on a GPU, and needs no device"
        )
    return settings


def gpu_plan(query: Any) -> str:
    """Returns RAPIDS' report on each part of a query's plan: whether a GPU would run it, or why not. Needs no device.

    Raises RuntimeError if the image has no RAPIDS, or if the query uses Spark Connect: its plan is on the server.
    """
    _settings()
    spark = running()
    if spark is None or not hasattr(query, "_jdf"):
        raise RuntimeError(
            "gpu_plan needs a query of a Spark session that runs in this container, without Spark Connect. If the "
            "container has SPARK_REMOTE, start it without that variable. Otherwise restart the kernel and create the "
            "session without remote()"
        )
    return str(spark._jvm.com.nvidia.spark.rapids.ExplainPlan.explainPotentialGpuPlan(query._jdf, "ALL"))


def _settings() -> dict[str, str]:
    settings = read_settings(Path(os.environ["SPARK_HOME"], "conf/rapids.conf"))
    if not settings:
        raise RuntimeError("this image has no RAPIDS: use the image of the same Spark version whose name contains -gpu")
    return settings
