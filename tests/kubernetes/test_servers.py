"""A Spark Connect server with its own executors, reached from another pod through a service, and its metrics."""

from collections.abc import Iterator

import pytest

from tests.kubernetes.conftest import Cluster, expose, options, start

pytestmark = [pytest.mark.thorough, pytest.mark.slow]

SERVER = "connect"


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[str]:
    conf = {
        **cluster.conf(),
        "spark.kubernetes.driver.pod.name": SERVER,
        "spark.executor.instances": "1",
        "spark.metrics.conf.*.sink.jmx.class": "org.apache.spark.metrics.sink.JmxSink",
        "spark.executor.extraJavaOptions": (
            "-javaagent:/opt/jmx-exporter/jmx_prometheus_javaagent.jar=9404:/opt/jmx-exporter/spark.yaml"
        ),
    }
    command = f"exec /opt/entrypoint.sh connect {options(conf)} --conf spark.driver.host=$POD_IP"
    environment = {"SPARK_MASTER": "k8s://https://kubernetes.default.svc"}
    start(cluster, SERVER, "bash", "-c", command, environment=environment)
    expose(cluster, SERVER, 15002, 4040)
    cluster.wait_for_log(SERVER, "Spark Connect server started at")
    yield SERVER
    cluster.kubectl("delete", "pod", SERVER, "--wait=false")


def test_client_in_another_pod_uses_the_server(cluster: Cluster, server: str) -> None:
    done = cluster.client(f"python3 /mnt/jobs/remote.py sc://{server}:15002")
    assert done.json() == {"sum": 4950, "twice": [0, 2, 4]}


def test_driver_shows_its_metrics_and_its_executors(cluster: Cluster, server: str) -> None:
    assert "_driver_BlockManager_" in cluster.fetch(f"http://{server}:4040/metrics/prometheus/")
    page = cluster.fetch(f"http://{server}:4040/metrics/executors/prometheus/")
    assert 'executor_id="1"' in page


def test_executor_shows_its_metrics(cluster: Cluster, server: str) -> None:
    """The metrics come from the JMX exporter, because an executor has no web server."""
    (executor,) = [pod for pod in cluster.pods("spark-role=executor") if pod["status"]["phase"] == "Running"]
    page = cluster.fetch(f"http://{executor['status']['podIP']}:9404/metrics")
    assert 'executor="1"' in page
    assert "jvm_memory_used_bytes" in page
