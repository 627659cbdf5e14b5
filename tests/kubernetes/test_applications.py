"""Applications in client mode and in Scala, failures, lost executors, decommissioning and dynamic allocation."""

import subprocess

import pytest

from tests.integration.conftest import result_in
from tests.kubernetes.conftest import SUBMIT, Cluster, options

pytestmark = [pytest.mark.thorough, pytest.mark.slow]


def test_client_mode_runs_in_a_pod(cluster: Cluster) -> None:
    conf = {**cluster.conf(), "spark.kubernetes.driver.pod.name": "client"}
    pi = "/opt/spark/examples/src/main/python/pi.py"
    done = cluster.client(f"{SUBMIT} {options(conf)} --conf spark.driver.host=$POD_IP {pi} 4")
    assert "Pi is roughly 3.1" in done.stdout


def test_scala_job_runs_in_client_mode(cluster: Cluster) -> None:
    """The pod compiles the job with the Scala compiler of spark-shell. The executors get the jar from the driver."""
    build = "java -cp '/opt/spark/jars/*' scala.tools.nsc.Main -usejavacp -d /tmp/job.jar /mnt/jobs/Squares.scala"
    conf = {**cluster.conf(), "spark.kubernetes.driver.pod.name": "client", "spark.executor.instances": "1"}
    done = cluster.client(
        f"{build} && {SUBMIT} {options(conf)} --conf spark.driver.host=$POD_IP --class Squares /tmp/job.jar"
    )
    assert "RESULT 328350" in done.stdout


def test_failed_driver_gives_a_failed_pod_with_its_log(cluster: Cluster) -> None:
    driver = cluster.submit("fails", "local:///mnt/jobs/fails.py")
    log = cluster.ended(driver, phase="Failed")
    assert "ValueError: this job was made to fail" in log
    state = cluster.pod(driver)["status"]["containerStatuses"][0]["state"]
    assert state["terminated"]["exitCode"] == 1


def test_job_survives_a_killed_executor(cluster: Cluster) -> None:
    driver = cluster.submit("killed", "local:///mnt/jobs/slow.py")
    cluster.wait_for_log(driver, "FIRST TASKS DONE")
    victim = cluster.executors("killed")[0]
    cluster.kubectl("exec", victim, "--", "pkill", "-KILL", "java")
    found = result_in(cluster.ended(driver))
    assert found["sum"] == sum(range(40))
    assert found["lost"] >= 1


def test_executor_over_its_memory_limit_is_reported(cluster: Cluster) -> None:
    conf = {
        "spark.executor.instances": "1",
        "spark.task.maxFailures": "1",
        "spark.executor.extraJavaOptions": "-XX:MaxDirectMemorySize=4g",
        "spark.kubernetes.executor.deleteOnTermination": "false",
    }
    driver = cluster.submit("memory", "local:///mnt/jobs/out_of_memory.py", conf)
    log = cluster.ended(driver, phase="Failed")
    assert "137" in log
    assert "OOM" in log
    pod = cluster.pod(cluster.executors("memory", phase="Failed")[0])
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["reason"] == "OOMKilled"


def test_graceful_decommission_moves_the_shuffle_blocks(cluster: Cluster) -> None:
    conf = {
        "spark.decommission.enabled": "true",
        "spark.storage.decommission.enabled": "true",
        "spark.storage.decommission.shuffleBlocks.enabled": "true",
    }
    driver = cluster.submit("decommission", "local:///mnt/jobs/decommission.py", conf)
    cluster.wait_for_log(driver, "SHUFFLED")
    leaver = cluster.executors("decommission")[0]
    following = ["kubectl", "--namespace", cluster.namespace, "logs", "--follow", leaver]
    with subprocess.Popen(following, stdout=subprocess.PIPE, text=True) as follower:
        cluster.kubectl("delete", "pod", leaver, "--wait=false")
        last_words, _ = follower.communicate(timeout=120)
    found = result_in(cluster.ended(driver))
    assert found["sum"] == sum(range(8))
    assert found["map_tasks_run"] == 8, "map tasks ran again: the shuffle blocks were not moved"
    assert "Finished decommissioning" in last_words or "migrated" in last_words.lower()


def test_dynamic_allocation_adds_and_removes_executors(cluster: Cluster) -> None:
    conf = {
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.minExecutors": "0",
        "spark.dynamicAllocation.maxExecutors": "2",
        "spark.dynamicAllocation.initialExecutors": "0",
        "spark.dynamicAllocation.executorIdleTimeout": "4s",
        "spark.executor.instances": "0",
    }
    driver = cluster.submit("allocation", "local:///mnt/jobs/dynamic_allocation.py", conf)
    found = result_in(cluster.ended(driver))
    assert found == {"before": 0, "most": 2, "after": 0}
