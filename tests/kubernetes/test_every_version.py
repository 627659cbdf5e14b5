"""Checks for every Spark version: a shuffle over two executors under a random UID, and the history server."""

import json
from typing import Any

import pytest

from spark_images.matrix.model import Cell
from tests.integration.conftest import result_in
from tests.kubernetes.conftest import RANDOM_UID, SHARED, Cluster, expose, start


@pytest.fixture(scope="module")
def shuffle(cluster: Cluster) -> Any:
    conf = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": f"{SHARED}/events"}
    driver = cluster.submit("shuffle", "local:///mnt/jobs/shuffle.py", conf, template="random-uid")
    return result_in(cluster.ended(driver))


def test_shuffle_runs_on_two_executors(shuffle: Any, cell: Cell) -> None:
    assert shuffle["version"] == cell.spark
    assert shuffle["sums"] == [sum(n for n in range(1000) if n % 10 == key) for key in range(10)]
    assert shuffle["executors"] == ["1", "2"]


def test_python_udf_runs(shuffle: Any) -> None:
    assert shuffle["tripled"] == [0, 3, 6]


def test_pods_run_under_a_random_uid(shuffle: Any) -> None:
    assert (shuffle["uids"], shuffle["users"]) == ([RANDOM_UID], ["spark"])


@pytest.mark.usefixtures("shuffle")
def test_history_server_lists_the_job(cluster: Cluster) -> None:
    start(cluster, "history", "history", environment={"SPARK_HISTORY_LOG_DIR": f"{SHARED}/events"})
    expose(cluster, "history", 18080)
    found: list[str] = []

    def listed() -> bool:
        page = cluster.fetch("http://history:18080/api/v1/applications")
        found[:] = [application["name"] for application in json.loads(page or "[]")]
        return bool(found)

    cluster.wait("an application in the history server", listed, "history", timeout=60)
    assert found == ["shuffle"]
