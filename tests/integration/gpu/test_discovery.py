"""The discovery script with a fake nvidia-smi that lists no GPU, one or eight, or fails."""

import json

import pytest

from tests.integration.conftest import Image
from tests.integration.gpu.conftest import fake_nvidia_smi

SCRIPT = "/opt/rapids/getGpusResources.sh"


def _discover(image: Image, body: str) -> tuple[int, str, str]:
    result = image.run(SCRIPT, **(fake_nvidia_smi(body) if body else {}))
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.smoke
@pytest.mark.parametrize("count", [1, 8])
def test_discovery_lists_the_devices(image: Image, count: int) -> None:
    exit_code, stdout, _ = _discover(image, f"seq 0 {count - 1}")
    assert exit_code == 0
    assert json.loads(stdout) == {"name": "gpu", "addresses": [str(number) for number in range(count)]}


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "nvidia-smi is not in this container"),
        ("true", "nvidia-smi lists none"),
        ("echo 'NVIDIA-SMI has failed'; exit 9", "nvidia-smi failed: NVIDIA-SMI has failed"),
        ("echo 'No devices were found'", "nvidia-smi answered: No devices were found"),
    ],
)
def test_discovery_without_a_device_says_why_and_what_to_do(image: Image, body: str, reason: str) -> None:
    exit_code, stdout, stderr = _discover(image, body)
    assert exit_code == 1
    assert stdout == ""
    assert f"no GPU: {reason}" in stderr
    assert "--gpus all" in stderr


def test_cluster_gets_its_gpus_from_the_discovery_script(image: Image) -> None:
    job = "/opt/spark/work-dir/resources.py"
    script = """
import json
from pyspark import TaskContext
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
def addresses(_): return [TaskContext.get().resources()["gpu"].addresses]
found = spark.sparkContext.parallelize(range(4), 4).mapPartitions(addresses).collect()
print("RESULT " + json.dumps(found))
"""
    flags = (
        f"--master local-cluster[2,1,1024] --conf spark.executor.resource.gpu.amount=1 "
        f"--conf spark.executor.resource.gpu.discoveryScript={SCRIPT} --conf spark.task.resource.gpu.amount=1 "
        f"--conf spark.worker.resource.gpu.amount=1 --conf spark.worker.resource.gpu.discoveryScript={SCRIPT} "
        "--conf spark.ui.enabled=false --conf spark.executor.memory=512m"
    )
    fake = fake_nvidia_smi("echo 0")
    fake["files"][job] = script
    result = image.run("bash", "-c", f"spark-submit {flags} {job}", **fake)
    assert result.exit_code == 0
    assert result.json() == [["0"]] * 4
