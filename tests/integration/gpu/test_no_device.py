"""A GPU image without a GPU: Spark works, and turning RAPIDS on gives a one-line error."""

import pytest

from tests.integration.conftest import Image
from tests.integration.gpu.conftest import SETTINGS

pytestmark = pytest.mark.smoke

PI = "/opt/spark/examples/src/main/python/pi.py"


@pytest.mark.own_layers
def test_rapids_without_a_device_gives_a_one_line_error(image: Image) -> None:
    result = image.run("spark-submit", "--properties-file", SETTINGS, PI, "1")
    assert result.exit_code != 0
    errors = [line for line in result.output.splitlines() if line.startswith("RAPIDS is turned on")]
    assert errors == [
        "RAPIDS is turned on, but this container has no CUDA device (/dev/nvidiactl): run it under NVIDIA's container "
        "runtime on a node with a GPU (Docker: --gpus all; Kubernetes: spark.executor.resource.gpu.amount=1), or leave "
        "out rapids.conf."
    ]
    assert "\tat " not in result.stderr.partition("RAPIDS is turned on")[2]
    assert "SIGSEGV" not in result.output
    assert "cudaError" not in result.output


def test_rapids_is_off_by_default(image: Image) -> None:
    result = image.run("spark-submit", PI, "1")
    assert result.exit_code == 0
    assert "rapids" not in result.output.lower()
