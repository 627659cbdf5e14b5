"""RAPIDS in a notebook, in one line: `SparkSession.builder.config(map=rapids()).getOrCreate()`."""

import os
from pathlib import Path

DEVICES = ("/dev/nvidiactl", "/dev/dxg")
"""The control device of NVIDIA's driver, on Linux and on WSL."""


def rapids(*, explain_only: bool = False) -> dict[str, str]:
    """Returns the settings that turn RAPIDS on, for a session that does not exist yet.

    With `explain_only` queries run on the CPU, and RAPIDS says which part of each would run on a GPU: that needs no
    device. Raises RuntimeError in an image without RAPIDS, where a session runs already, and, unless `explain_only`,
    in a container without a device.
    """
    from pyspark import SparkContext

    from spark_notebook.session import read_settings

    settings = read_settings(Path(os.environ["SPARK_HOME"], "conf/rapids.conf"))
    if not settings:
        raise RuntimeError("this image has no RAPIDS: take the one of the same Spark version that ends in -gpu")
    if SparkContext._active_spark_context is not None:
        raise RuntimeError("a Spark session runs already, and RAPIDS is turned on with a new one: restart the kernel")
    if explain_only:
        explain = {"spark.rapids.sql.mode": "explainOnly", "spark.rapids.sql.explain": "NONE"}
        # RAPIDS for Spark 3.5 asks the device for its architecture before it reads the mode.
        return settings | explain | {"spark.rapids.skipGpuArchitectureCheck": "true"}
    if not any(Path(device).exists() for device in DEVICES):
        raise RuntimeError(
            f"this container has no CUDA device ({DEVICES[0]}): start it with the GPU (Docker: --gpus all; Kubernetes: "
            "a limit of nvidia.com/gpu), or take rapids(explain_only=True) to see what would run on one"
        )
    return settings
