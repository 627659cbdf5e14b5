"""Uses the cluster that KUBECONFIG names: finds and locks it, loads images and runs kubectl."""

import fcntl
import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spark_images import BUILD
from spark_images.errors import SparkImagesError

LOADER = "KUBE_LOAD"
"""The variable with the command that loads an image into the cluster. Without it, the cluster pulls the image."""


def reason_to_skip() -> str:
    """Returns the reason why no test can run on a cluster, or "" if KUBECONFIG is set and kubectl is installed."""
    if not os.environ.get("KUBECONFIG"):
        return "no cluster: KUBECONFIG is not set"
    return "" if shutil.which("kubectl") else "no cluster: kubectl is not on PATH"


@contextmanager
def alone(*, wait: bool = True, lock: Path = BUILD / "cluster.lock") -> Iterator[bool]:
    """Locks the cluster, so that parallel sessions use it one after the other. Yields whether it has the lock.

    Without `wait`, it yields False at once if another session has the lock.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True


def load(reference: str) -> None:
    """Loads an image into the cluster with the command in KUBE_LOAD. Does nothing if KUBE_LOAD is not set.

    Raises SparkImagesError if the command fails.
    """
    if loader := os.environ.get(LOADER):
        done = subprocess.run([*shlex.split(loader), reference], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SparkImagesError(f"{LOADER} ({loader}) could not load {reference}: {done.stderr.strip()[-500:]}")


def kubectl(
    namespace: str, *arguments: str, document: Any = None, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs kubectl in a namespace, with `document` as JSON on stdin. Returns the result, also if kubectl fails.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    command = ["kubectl", "--namespace", namespace, *arguments]
    given = None if document is None else json.dumps(document)
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=timeout)


def as_json(manifest: Path) -> Any:
    """Returns a manifest with one document as parsed JSON, without its namespace."""
    command = ["kubectl", "create", "--dry-run=client", "--output", "json", "--filename", str(manifest)]
    document = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    document["metadata"].pop("namespace", None)
    return document
