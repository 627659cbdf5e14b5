import atexit
import shutil
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import docker
import pytest
from docker.errors import DockerException
from invoke.context import Context

from spark_images.engine import daemon
from spark_images.engine.daemon import Engine
from spark_images.errors import SparkImagesError

INFO = {"ServerVersion": "26.1.5+dfsg1", "DockerRootDir": "/var/lib/docker", "DriverStatus": None}
CONTAINERD = [["driver-type", "io.containerd.snapshotter.v1"]]


def free(monkeypatch: pytest.MonkeyPatch, gigabytes: float) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(gigabytes * 1e9))


def test_check_disk_rejects_a_disk_that_is_too_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    free(monkeypatch, 2.34)
    with pytest.raises(SparkImagesError) as raised:
        daemon.check_disk(Engine("26.1", "0.13.1", True, tmp_path), 10)
    assert str(raised.value).startswith(f"2.3 GB are free under {tmp_path}, but a build needs 10 GB: remove what ")
    assert "SPARK_IMAGES_MIN_FREE_DISK_GB" in str(raised.value)


def test_check_disk_accepts_a_disk_with_enough_space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    free(monkeypatch, 10)
    daemon.check_disk(Engine("26.1", "0.13.1", True, tmp_path), 10)


def test_check_disk_ignores_an_engine_on_another_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    free(monkeypatch, 0)
    daemon.check_disk(Engine("26.1", "0.13.1", True, tmp_path / "elsewhere"), 10)


def found(monkeypatch: pytest.MonkeyPatch, buildx: str | None = "0.13.1", **info: Any) -> None:
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(daemon, "client", lambda: SimpleNamespace(info=lambda: {**INFO, **info}))
    shown = SimpleNamespace(ok=buildx is not None, stdout=f"github.com/docker/buildx {buildx} abc\n")
    monkeypatch.setattr(Context, "run", lambda *_, **__: shown)


def test_inspect_returns_the_versions_and_the_image_store(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, DriverStatus=CONTAINERD)
    assert daemon.inspect() == Engine("26.1.5+dfsg1", "0.13.1", True, Path("/var/lib/docker"))


@pytest.mark.parametrize("status", [None, [], [["Backing Filesystem", "extfs"]]])
def test_inspect_recognises_the_classic_image_store(monkeypatch: pytest.MonkeyPatch, status: Any) -> None:
    found(monkeypatch, DriverStatus=status)
    assert str(daemon.inspect()) == "engine 26.1.5+dfsg1, buildx 0.13.1, classic image store"


@pytest.mark.parametrize("version", ["20.10.24+dfsg1", "19.03"])
def test_inspect_rejects_an_old_engine(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    found(monkeypatch, ServerVersion=version)
    with pytest.raises(SparkImagesError, match=rf"version {version[:5]}.*: building needs 23\.0 or newer"):
        daemon.inspect()


def test_inspect_accepts_the_oldest_supported_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, "v0.12.0", ServerVersion="23.0.0")
    assert daemon.inspect().buildx == "0.12.0"


@pytest.mark.parametrize("buildx", [None, "no number"])
def test_inspect_rejects_a_cli_without_buildx(monkeypatch: pytest.MonkeyPatch, buildx: str | None) -> None:
    found(monkeypatch, buildx)
    with pytest.raises(SparkImagesError, match=r"26\.1\.5.* but the CLI has no buildx: install docker-buildx 0\.12"):
        daemon.inspect()


def test_inspect_rejects_an_old_buildx(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, "v0.9.1")
    with pytest.raises(SparkImagesError, match=r"buildx is version 0\.9\.1: building needs 0\.12 or newer"):
        daemon.inspect()


def test_inspect_rejects_a_machine_without_the_cli(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SparkImagesError, match=r"the docker CLI is missing: run \./bootstrap"):
        daemon.inspect()


def test_the_process_has_one_client_that_is_closed_at_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[Any] = []
    opened: list[Any] = []

    def connect(**_: Any) -> Any:
        opened.append(SimpleNamespace(images=SimpleNamespace(get=lambda name: name), close=lambda: None))
        return opened[-1]

    monkeypatch.setattr(docker, "from_env", connect)
    monkeypatch.setattr(atexit, "register", ended.append)
    assert [daemon.find(name) for name in ("a", "b")] == ["a", "b"]
    assert len(opened) == 1
    assert ended == [opened[0].close]


def test_an_engine_that_starts_later_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([DockerException("not yet"), SimpleNamespace(close=lambda: None)])

    def connect(**_: Any) -> Any:
        if isinstance(answer := next(answers), Exception):
            raise answer
        return answer

    monkeypatch.setattr(docker, "from_env", connect)
    with pytest.raises(SparkImagesError, match="not yet"):
        daemon.client()
    assert daemon.client()


def test_a_missing_engine_is_an_error_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**options: Any) -> None:
        raise DockerException("outer") from FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(docker, "from_env", refuse)
    with pytest.raises(SparkImagesError, match=r"no container engine answers \(.*No such file.*\): run \./bootstrap"):
        daemon.client()


@pytest.mark.parametrize(
    ("used", "empty"),
    [
        ({"Images": [], "BuildCache": None}, True),
        ({"Images": [{"Id": "sha256:1"}], "BuildCache": []}, False),
        ({"Images": [], "BuildCache": [{"ID": "x"}]}, False),
    ],
)
def test_an_empty_engine_has_neither_images_nor_a_build_cache(
    monkeypatch: pytest.MonkeyPatch, used: dict[str, Any], empty: bool
) -> None:
    monkeypatch.setattr(daemon, "client", lambda: SimpleNamespace(df=lambda: used))
    assert daemon.is_empty() == empty
