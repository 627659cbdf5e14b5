"""The cluster accepts every manifest of the examples, and the Pi example runs."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spark_images import ROOT
from spark_images.checks.cluster import as_json
from tests.kubernetes.conftest import EXAMPLES, Cluster

SUBMIT_PI = EXAMPLES / "kubernetes/submit.yaml"
SPARK_APPLICATION = EXAMPLES / "kubernetes/sparkapplication.yaml"
MANIFESTS = sorted(path for path in EXAMPLES.glob("**/*.yaml") if path != SPARK_APPLICATION)
DEFINITION = Path(__file__).parent / "crd/sparkapplications.yaml.gz"


@pytest.mark.parametrize("manifest", MANIFESTS, ids=[str(path.relative_to(ROOT)) for path in MANIFESTS])
def test_cluster_accepts_the_manifest(cluster: Cluster, manifest: Path) -> None:
    done = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "--filename", str(manifest))
    assert "(server dry run)" in done.stdout
    assert "would violate PodSecurity" not in done.stderr


@pytest.fixture
def operator_definition(cluster: Cluster, tmp_path: Path) -> Iterator[None]:
    """Installs the definition of SparkApplication during a test, unless the cluster's operator already did."""
    name = "sparkapplications.sparkoperator.k8s.io"
    if cluster.kubectl("get", "crd", name, check=False).exit_code == 0:
        yield
        return
    file = tmp_path / "definition.yaml"
    file.write_bytes(gzip.decompress(DEFINITION.read_bytes()))
    cluster.kubectl("create", "--filename", str(file))
    try:
        established = ("wait", "--for=condition=Established", f"crd/{name}", "--timeout=30s")
        cluster.wait(
            "the definition of SparkApplication to be established",
            lambda: cluster.kubectl(*established, check=False).exit_code == 0,
            timeout=30,
        )
        yield
    finally:
        cluster.kubectl("delete", "crd", name)


@pytest.mark.usefixtures("operator_definition")
def test_spark_application_matches_the_definition_of_the_operator(cluster: Cluster) -> None:
    done = cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "--filename", str(SPARK_APPLICATION))
    assert "pi created (server dry run)" in done.stdout


def job_of(manifest: Path, cluster: Cluster) -> Any:
    """Returns the Job of an example with the image under test in both places."""
    named = as_json(manifest)["spec"]["template"]["spec"]["containers"][0]["image"]
    assert manifest.read_text().count(named) == 2, "the example must name the image for the submitter and the executors"
    return json.loads(json.dumps(as_json(manifest)).replace(f'"{named}"', f'"{cluster.image}"'))


def test_pi_example_runs_in_cluster_mode(cluster: Cluster) -> None:
    """Runs the unchanged example with the image under test."""
    cluster.apply(job_of(SUBMIT_PI, cluster))
    cluster.kubectl("wait", "--for=condition=Complete", "job/submit-pi", "--timeout=180s", timeout=190)
    assert "Pi is roughly 3.1" in cluster.ended("pi-driver")


def test_job_fails_if_the_driver_fails(cluster: Cluster) -> None:
    job = job_of(SUBMIT_PI, cluster)
    job["metadata"]["name"] = "submit-fails"
    container = job["spec"]["template"]["spec"]["containers"][0]
    next(variable for variable in container["env"] if variable["name"] == "DRIVER")["value"] = "wrong-argument-driver"
    container["args"][-1] = "many"  # pi.py expects a number
    cluster.apply(job)
    cluster.kubectl("wait", "--for=condition=Failed", "job/submit-fails", "--timeout=180s", timeout=190)
    assert "kubectl logs wrong-argument-driver" in cluster.log("job/submit-fails")
    assert "ValueError" in cluster.ended("wrong-argument-driver", phase="Failed")
