"""The cluster accepts every manifest of the examples, and the Pi example runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from spark_images import ROOT
from spark_images.checks.cluster import as_json
from tests.kubernetes.conftest import EXAMPLES, QUICK, Cluster

SUBMIT_PI = EXAMPLES / "kubernetes/submit.yaml"
MANIFESTS = sorted(EXAMPLES.glob("**/*.yaml"))
KUSTOMIZATION = "kustomization.yaml"


@pytest.mark.shared
@pytest.mark.usefixtures("definitions")
@pytest.mark.parametrize("manifest", MANIFESTS, ids=[str(path.relative_to(ROOT)) for path in MANIFESTS])
def test_cluster_accepts_the_manifest(cluster: Cluster, manifest: Path) -> None:
    """Validates each object strictly. For an operator's object, the definition of the operator applies."""
    is_kustomization = manifest.name == KUSTOMIZATION
    given = ("--kustomize", str(manifest.parent)) if is_kustomization else ("--filename", str(manifest))
    done = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", *given)
    assert "(server dry run)" in done.stdout
    assert "would violate PodSecurity" not in done.stderr


def job_of(manifest: Path, cluster: Cluster, places: int = 2) -> Any:
    """Returns the Job of an example with the image under test, in both places or in this number of places.

    Its JVM uses the options for tests. In cluster mode, the driver and its executors do not.
    """
    named = as_json(manifest)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert manifest.read_text().count(named) == places, "the example must name the image for every pod that it starts"
    job = json.loads(json.dumps(as_json(manifest)).replace(f'"{named}"', f'"{cluster.image}"'))
    job["spec"]["template"]["spec"]["containers"][0].setdefault("env", []).append(QUICK)
    return job


@pytest.mark.thorough
@pytest.mark.slow
def test_pi_example_runs_in_cluster_mode(cluster: Cluster) -> None:
    """Runs the example with the image under test."""
    cluster.apply(job_of(SUBMIT_PI, cluster))
    cluster.wait_for_job("submit-pi")
    assert "Pi is roughly 3.1" in cluster.ended("pi-driver")


@pytest.mark.thorough
@pytest.mark.slow
def test_job_fails_if_the_driver_fails(cluster: Cluster) -> None:
    job = job_of(SUBMIT_PI, cluster)
    job["metadata"]["name"] = "submit-fails"
    container = job["spec"]["template"]["spec"]["containers"][0]
    next(variable for variable in container["env"] if variable["name"] == "DRIVER")["value"] = "wrong-argument-driver"
    container["args"][-1] = "many"  # pi.py expects a number
    cluster.apply(job)
    cluster.wait_for_job("submit-fails", "Failed")
    assert "kubectl logs wrong-argument-driver" in cluster.log_of_job("submit-fails")
    assert "ValueError" in cluster.ended("wrong-argument-driver", phase="Failed")
