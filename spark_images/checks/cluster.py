"""Uses the cluster that KUBECONFIG names: finds and locks it, loads images, runs kubectl and asks the API server."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spark_images import BUILD, files
from spark_images.errors import SparkImagesError

LOADER = "KUBE_LOAD"
"""The variable with the command that loads an image into the cluster. Without it, the cluster pulls the image."""

STOPPER = "KUBE_STOP"
"""The variable with the command that stops the cluster. The default run calls it after the last test on the cluster,
because an idle cluster takes a seventh of a machine with two cores."""


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
    with files.locked(lock, wait=wait) as free:
        yield free


def load(reference: str) -> None:
    """Loads an image into the cluster with the command in KUBE_LOAD. Does nothing if KUBE_LOAD is not set.

    Raises SparkImagesError if the command fails.
    """
    _call(LOADER, f"load {reference}", reference)


def stop() -> None:
    """Stops the cluster with the command in KUBE_STOP. Does nothing if KUBE_STOP is not set.

    Raises SparkImagesError if the command fails.
    """
    _call(STOPPER, "stop the cluster")


def _call(variable: str, purpose: str, *arguments: str) -> None:
    if command := os.environ.get(variable):
        done = subprocess.run([*shlex.split(command), *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SparkImagesError(f"{variable} ({command}) could not {purpose}: {done.stderr.strip()[-500:]}")


def kubectl(
    namespace: str, *arguments: str, document: Any = None, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs kubectl in a namespace, with `document` as JSON on stdin. Returns the result, also if kubectl fails.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    command = ["kubectl", "--namespace", namespace, *arguments]
    given = None if document is None else json.dumps(document)
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=timeout)


@contextmanager
def proxy() -> Iterator[str]:
    """Yields the URL of the cluster's API server on this machine. It needs no credentials.

    A request to it costs a small part of the CPU time of a kubectl process. Raises SparkImagesError if kubectl cannot
    start the proxy.
    """
    command = ["kubectl", "proxy", "--port=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            if not (found := re.search(r"Starting to serve on (\S+)", said)):
                raise SparkImagesError(f"{shlex.join(command)} failed: {said.strip()}")
            yield f"http://{found[1]}"
        finally:
            process.terminate()


def as_json(manifest: Path) -> Any:
    """Returns a manifest with one document as parsed JSON, without its namespace."""
    command = ["kubectl", "create", "--dry-run=client", "--output", "json", "--filename", str(manifest)]
    document = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    document["metadata"].pop("namespace", None)
    return document
