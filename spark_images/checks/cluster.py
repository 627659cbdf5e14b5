"""The cluster that KUBECONFIG names: whether there is one, and how images get there and manifests are read."""

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
"""The variable with the command that brings an image into the cluster; without it the cluster must be able to pull."""


def reason_to_skip() -> str:
    """Returns why nothing can be run on a cluster here, or "" where one is named."""
    if not os.environ.get("KUBECONFIG"):
        return "no cluster: KUBECONFIG is not set"
    return "" if shutil.which("kubectl") else "no cluster: kubectl is not on PATH"


@contextmanager
def alone(*, wait: bool = True, lock: Path = BUILD / "cluster.lock") -> Iterator[bool]:
    """Holds the cluster, which is one: sessions side by side use it one after the other.

    Yields whether it is held. Without `wait` it is not where another session holds it.
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
    """Brings an image into the cluster by the command in KUBE_LOAD, where there is one. Raises SparkImagesError."""
    if loader := os.environ.get(LOADER):
        done = subprocess.run([*shlex.split(loader), reference], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SparkImagesError(f"{LOADER} ({loader}) could not load {reference}: {done.stderr.strip()[-500:]}")


def kubectl(
    namespace: str, *arguments: str, document: Any = None, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs kubectl in a namespace, with `document` as JSON on its input; returns what it left, failed or not.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    command = ["kubectl", "--namespace", namespace, *arguments]
    given = None if document is None else json.dumps(document)
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=timeout)


def as_json(manifest: Path) -> Any:
    """Returns a manifest of one document as the JSON that it stands for, without a namespace."""
    command = ["kubectl", "create", "--dry-run=client", "--output", "json", "--filename", str(manifest)]
    document = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    document["metadata"].pop("namespace", None)
    return document
