"""Standalone clusters: the one of the examples with its history server, and pods as the Apache operator starts them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from spark_images.checks.cluster import as_json
from spark_images.matrix.model import Cell
from tests.kubernetes.conftest import EXAMPLES, QUICK, Cluster, volume
from tests.kubernetes.test_examples import KUSTOMIZATION, job_of

pytestmark = pytest.mark.shared

STANDALONE = EXAMPLES / "kubernetes/standalone"
HISTORY_SERVER = EXAMPLES / "kubernetes/history-server"
SPARK_CLUSTER = EXAMPLES / "kubernetes/apache/sparkcluster.yaml"
PI = "/opt/spark/examples/src/main/python/pi.py"


def overlay(folder: Path, cluster: Cluster, *bases: Path) -> Path:
    """Writes a kustomization of examples with the image under test, and volumes that the tests provide."""
    named = as_json(STANDALONE / "submit.yaml")["spec"]["template"]["spec"]["containers"][0]["image"]
    repository, colon, tag = cluster.image.rpartition(":")
    has_tag = colon and "/" not in tag
    image = {"newName": repository, "newTag": tag} if has_tag else {"newName": cluster.image}
    no_class = [{"op": "add", "path": "/spec/storageClassName", "value": ""}]
    quick = [{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": QUICK}]
    content = {
        "resources": [os.path.relpath(base, folder.resolve()) for base in bases],
        "images": [{"name": named, **image}],
        "patches": [
            {"target": {"kind": "PersistentVolumeClaim"}, "patch": json.dumps(no_class)},
            {"target": {"kind": "Deployment"}, "patch": json.dumps(quick)},
        ],
    }
    (folder / KUSTOMIZATION).write_text(json.dumps(content))
    return folder


def test_history_server_lists_a_job_of_the_standalone_cluster(cluster: Cluster, cell: Cell, tmp_path: Path) -> None:
    """Applies the Kustomize examples and runs their job."""
    volume(cluster, "spark-events")
    folder = str(overlay(tmp_path, cluster, STANDALONE, HISTORY_SERVER))
    cluster.kubectl("apply", "--kustomize", folder)
    try:
        deployments = ("deployment/spark-master", "deployment/spark-worker", "deployment/spark-history")
        cluster.kubectl("wait", "--for=condition=Available", *deployments, "--timeout=120s", timeout=130)
        state: Any = cluster.wait("two workers", lambda: with_workers(cluster, "spark-master", 2), timeout=30)
        assert [(worker["cores"], worker["memory"]) for worker in state["workers"]] == [(1, 1024), (1, 1024)]

        cluster.apply(job_of(STANDALONE / "submit.yaml", cluster, places=1))
        cluster.wait_for_job("standalone-pi", timeout=120)
        assert "Pi is roughly 3.1" in cluster.log_of_job("standalone-pi")

        (done,) = master(cluster, "spark-master")["completedapps"]
        listed = cluster.wait("the job in the history server", lambda: history(cluster).get(done["id"]), timeout=60)
        assert listed["appSparkVersion"] == cell.spark
    finally:
        cluster.kubectl("delete", "job", "standalone-pi", "--ignore-not-found", "--wait=false")
        cluster.kubectl("delete", "--kustomize", folder, "--wait=false")


def master(cluster: Cluster, service: str) -> Any:
    """Returns the state of a master as its UI shows it, or {} if nothing answers."""
    return json.loads(cluster.fetch(f"http://{service}:8080/json/") or "{}")


def with_workers(cluster: Cluster, service: str, number: int) -> Any:
    """Returns the state of a master, or {} if it does not have this number of workers."""
    state = master(cluster, service)
    return state if state.get("aliveworkers") == number else {}


def history(cluster: Cluster) -> dict[str, Any]:
    """Returns the last attempt of each application that the history server shows as completed, by its ID."""
    listed = json.loads(cluster.fetch("http://spark-history:18080/api/v1/applications?status=completed") or "[]")
    return {application["id"]: application["attempts"][0] for application in listed}


LOOP = "while /opt/spark/sbin/spark-daemon.sh status org.apache.spark.deploy.{0}.{1} 1; do sleep 1; done"
COMMANDS = {
    "master": f"/opt/spark/sbin/start-master.sh && {LOOP.format('master', 'Master')}",
    "worker": f"/opt/spark/sbin/start-worker.sh spark://pi-master-svc:7077 && {LOOP.format('worker', 'Worker')}",
}
"""The commands with which the Apache operator starts the pods of a SparkCluster `pi`."""


@pytest.mark.usefixtures("definitions")
def test_pods_of_the_apache_operator_run_a_job_and_end_with_the_master(cluster: Cluster) -> None:
    """Starts the pods that the operator makes of the example, but with a restart policy that shows their end."""
    spec = as_json(SPARK_CLUSTER)["spec"]
    cluster.apply(headless("pi-master-svc", {"app": "pi-master"}, {"web": 8080, "spark": 7077, "rest": 6066}))
    cluster.apply(operator_pod(cluster, spec, "master", {}))
    cluster.apply(operator_pod(cluster, spec, "worker", {"SPARK_LOG_DIR": "/opt/spark/work/logs"}))
    cluster.wait("a worker", lambda: with_workers(cluster, "pi-master-svc", 1), "pi-worker", timeout=60)

    submit = "spark-submit --master spark://pi-master-svc:7077 --conf spark.driver.host=$POD_IP"
    assert "Pi is roughly 3.1" in cluster.client(f"{submit} --conf spark.executor.memory=512m {PI} 4").stdout
    for role in COMMANDS:
        # The operator writes each setting as -Dname="value". The quotes must not become part of the value.
        arguments = cluster.kubectl("exec", f"pi-{role}", "--", "ps", "-C", "java", "-o", "args=").stdout
        assert " -Dspark.ui.reverseProxy=true " in arguments

    # The container ends with the master. The command in it may be killed before it can end itself.
    stopped = cluster.kubectl("exec", "pi-master", "--", "/opt/spark/sbin/stop-master.sh", check=False)
    assert "stopping org.apache.spark.deploy.master.Master" in stopped.stdout
    assert cluster.ended("pi-master", timeout=30).endswith("Master is not running.\n")
    assert cluster.pod("pi-worker")["status"]["phase"] == "Running"
    cluster.kubectl("delete", "pod", "pi-master", "pi-worker", "--wait=false")


def operator_pod(cluster: Cluster, spec: Any, role: str, environment: dict[str, str]) -> Any:
    """Returns the pod of a role as the operator makes it of the specification of a SparkCluster."""
    conf = {**spec["sparkConf"], "spark.kubernetes.namespace": cluster.namespace}
    environment = environment | {
        f"SPARK_{role.upper()}_OPTS": "".join(f'-D{key}="{value}" ' for key, value in conf.items()),
    }
    pod = spec[f"{role}Spec"]["statefulSetSpec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["name"] == role
    container |= {"image": cluster.image, "command": ["bash"], "args": ["-c", COMMANDS[role]]}
    container["env"] = [
        *container.get("env", []),
        QUICK,
        *({"name": key, "value": value} for key, value in environment.items()),
    ]
    pod |= {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0}
    name = f"pi-{role}"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": pod}


def headless(name: str, selector: dict[str, str], ports: dict[str, int]) -> Any:
    """Returns a service without an address: its name is the addresses of its pods."""
    listed = [{"name": key, "port": port} for key, port in ports.items()]
    spec = {"clusterIP": "None", "selector": selector, "ports": listed}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
