"""The cluster accepts every manifest of the examples, and the Pi example runs."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_images import ROOT
from spark_images.checks.cluster import as_json
from tests.kubernetes.conftest import EXAMPLES, Cluster

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


def test_pi_example_runs_in_cluster_mode(cluster: Cluster) -> None:
    """Runs the unchanged example with the image under test."""
    example = (EXAMPLES / "kubernetes/submit.yaml").read_text()
    named = as_json(EXAMPLES / "kubernetes/submit.yaml")["spec"]["template"]["spec"]["containers"][0]["image"]
    job = as_json(EXAMPLES / "kubernetes/submit.yaml")
    assert example.count(named) == 2, "the example must name the image twice: for the submitter and for the executors"
    cluster.apply(json.loads(json.dumps(job).replace(f'"{named}"', f'"{cluster.image}"')))
    cluster.kubectl("wait", "--for=condition=Complete", "job/submit-pi", "--timeout=180s", timeout=190)
    assert "Pi is roughly 3.1" in cluster.ended("pi-driver")
