"""The same job on a cluster from our image and from the official recipe's: from submitting it to the driver's end."""

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
"""Seconds until a job that has not ended counts as failed."""


@contextmanager
def namespace() -> Iterator[str]:
    """Makes a namespace with the rights of a driver; yields its name. It goes with the block.

    It enforces nothing: the official image's user has no number, which a restricted namespace asks for.
    """
    name = f"spark-images-bench-{uuid.uuid4().hex[:8]}"
    _kubectl("default", "create", "namespace", name)
    try:
        _kubectl(name, "apply", "--filename", str(RBAC))
        yield name
    finally:
        _kubectl("default", "delete", "namespace", name, "--wait=false")


def submitted(inside: str, image: str) -> Run:
    """Runs pi.py in cluster mode with two executors, submitted from a pod of the same image, and clears it away.

    Returns how long it took to the driver's end; CPU seconds are not known (0). Raises SparkImagesError where it fails.
    """
    begun = time.monotonic()
    _kubectl(inside, "create", "--filename", "-", document=submitter(inside, image))
    try:
        _kubectl(inside, "wait", "--for=create", f"pod/{DRIVER}", f"--timeout={LIMIT}s")
        _kubectl(inside, "wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{DRIVER}", f"--timeout={LIMIT}s")
        taken = time.monotonic() - begun
        answers = [line for line in _kubectl(inside, "logs", DRIVER).splitlines() if line.startswith("Pi is roughly 3")]
        if not answers:
            raise SparkImagesError(f"{image}: the driver ended without a result")
    finally:
        _kubectl(inside, "delete", "pod", "--all", "--grace-period=1", "--wait")
    return Run(taken, taken, 0.0, answers[0])


def submitter(inside: str, image: str) -> dict[str, Any]:
    """Returns the pod that submits the job: the same for each image."""
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
    """Raises SparkImagesError where there is no cluster."""
    if reason := cluster.reason_to_skip():
        raise SparkImagesError(f"--only kubernetes: {reason}")


def _kubectl(inside: str, *arguments: str, document: Any = None) -> str:
    done = cluster.kubectl(inside, *arguments, document=document)
    if done.returncode:
        raise SparkImagesError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()[-500:]}")
    return done.stdout
