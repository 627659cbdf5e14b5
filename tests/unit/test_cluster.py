from pathlib import Path

import pytest

from spark_images.checks import cluster
from spark_images.errors import SparkImagesError


def test_a_missing_cluster_or_kubectl_gives_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert cluster.reason_to_skip() == "no cluster: KUBECONFIG is not set"
    monkeypatch.setenv("KUBECONFIG", "/a")
    monkeypatch.setenv("PATH", "/nowhere")
    assert cluster.reason_to_skip() == "no cluster: kubectl is not on PATH"


def test_kube_load_loads_the_image(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(cluster.LOADER, f"touch {tmp_path}/loaded")
    cluster.load(str(tmp_path / "image"))
    assert (tmp_path / "loaded").exists()
    assert (tmp_path / "image").exists()


def test_a_failed_load_names_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cluster.LOADER, "ls /nowhere")
    with pytest.raises(SparkImagesError, match=r"KUBE_LOAD \(ls /nowhere\) could not load image: .*No such file"):
        cluster.load("image")


def test_load_does_nothing_without_kube_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(cluster.LOADER, raising=False)
    cluster.load("image")


def test_only_one_session_locks_the_cluster(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with cluster.alone(lock=lock) as first, cluster.alone(wait=False, lock=lock) as second:
        assert (first, second) == (True, False)
    with cluster.alone(wait=False, lock=lock) as later:
        assert later


def test_kube_stop_stops_the_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(cluster.STOPPER, raising=False)
    cluster.stop()
    monkeypatch.setenv(cluster.STOPPER, f"touch {tmp_path}/stopped")
    cluster.stop()
    assert (tmp_path / "stopped").exists()


def test_a_proxy_that_does_not_start_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "kubectl"
    broken.write_text("#!/bin/sh\necho error: no configuration\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(SparkImagesError, match="kubectl proxy --port=0 failed: error: no configuration"),
        cluster.proxy(),
    ):
        pass
