"""Times one job on a cluster with our image and with the official one, from its submission to the end of its driver."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.containers import Run
from spark_images import ROOT
from spark_images.checks import cluster
from spark_images.errors import SparkImagesError

RBAC = ROOT / "examples/kubernetes/rbac.yaml"
DRIVER = "benchmark-driver"
LIMIT = 300
"""Seconds after which a running job counts as failed."""


@contextmanager
def namespace() -> Iterator[str]:
    """Creates a namespace with the RBAC of a driver, yields its name, and deletes it after the block.

    The namespace enforces no pod security level. The level `restricted` needs a numeric user, and the official image
    names its user.
    """
    name = f"spark-images-bench-{uuid.uuid4().hex[:8]}"
    _kubectl("default", "create", "namespace", name)
    try:
        _kubectl(name, "apply", "--filename", str(RBAC))
        yield name
    finally:
        _kubectl("default", "delete", "namespace", name, "--wait=false")


def submitted(inside: str, image: str) -> Run:
    """Submits pi.py in cluster mode with two executors, from a pod of the same image, and deletes all pods afterwards.

    Returns the seconds until the driver ended. CPU seconds are unknown and therefore 0. Raises SparkImagesError if the
    job fails.
    """
    begun = time.monotonic()
    _kubectl(inside, "create", "--filename", "-", document=submitter(inside, image))
    try:
        _kubectl(inside, "wait", "--for=create", f"pod/{DRIVER}", f"--timeout={LIMIT}s")
        _kubectl(inside, "wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{DRIVER}", f"--timeout={LIMIT}s")
        taken = time.monotonic() - begun
        answers = [line for line in _kubectl(inside, "logs", DRIVER).splitlines() if line.startswith("Pi is roughly 3")]
        if not answers:
            raise SparkImagesError(f"{image}: the driver ended without a line 'Pi is roughly 3…'")
    finally:
        _kubectl(inside, "delete", "pod", "--all", "--grace-period=1", "--wait")
    return Run(taken, taken, 0.0, answers[0])


def submitter(inside: str, image: str) -> dict[str, Any]:
    """Returns the pod that submits the job. Only the image differs."""
    conf = {
        "spark.kubernetes.namespace": inside,
        "spark.kubernetes.container.image": image,
        "spark.kubernetes.container.image.pullPolicy": "IfNotPresent",
        "spark.kubernetes.authenticate.driver.serviceAccountName": "spark",
        "spark.kubernetes.driver.pod.name": DRIVER,
        "spark.kubernetes.driver.request.cores": "100m",
        "spark.kubernetes.executor.request.cores": "100m",
        "spark.executor.instances": "2",
        "spark.executor.memory": "512m",
    }
    command = [
        *("/opt/spark/bin/spark-submit", "--master", "k8s://https://kubernetes.default.svc"),
        *("--deploy-mode", "cluster", "--name", "benchmark"),
        *(part for key, value in conf.items() for part in ("--conf", f"{key}={value}")),
        *("local:///opt/spark/examples/src/main/python/pi.py", "10"),
    ]
    container = {"name": "submit", "image": image, "imagePullPolicy": "IfNotPresent", "args": command}
    spec = {"restartPolicy": "Never", "serviceAccountName": "spark", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "benchmark-submit"}, "spec": spec}


def check() -> None:
    """Raises SparkImagesError if there is no cluster."""
    if reason := cluster.reason_to_skip():
        raise SparkImagesError(f"--only kubernetes: {reason}")


def _kubectl(inside: str, *arguments: str, document: Any = None) -> str:
    done = cluster.kubectl(inside, *arguments, document=document)
    if done.returncode:
        raise SparkImagesError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()[-500:]}")
    return done.stdout
