"""The examples are what a cluster accepts: each manifest in a server-side dry run, which creates nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from spark_images import ROOT

MANIFESTS = sorted((ROOT / "examples").glob("**/*.yaml"))
pytestmark = pytest.mark.skipif(
    not (os.environ.get("KUBECONFIG") and shutil.which("kubectl")),
    reason="no cluster: set KUBECONFIG to one, and have kubectl on PATH",
)


@pytest.mark.parametrize("manifest", MANIFESTS, ids=[str(path.relative_to(ROOT)) for path in MANIFESTS])
def test_the_cluster_would_accept_it(manifest: Path) -> None:
    command = ["kubectl", "apply", "--dry-run=server", "--validate=strict", "--filename", str(manifest)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "(server dry run)" in done.stdout
