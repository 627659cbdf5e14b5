import atexit
import json
import os
import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import docker
import pytest
from docker.errors import APIError, DockerException
from invoke.context import Context

from spark_images.engine import daemon, gpu
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


class Dying(BaseHTTPRequestHandler):
    """An engine that tells its version, and hangs up at every other request."""

    def do_GET(self) -> None:
        if not self.path.endswith("/version"):
            self.close_connection = True
            return
        content = json.dumps({"ApiVersion": "1.44"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """Serves the SDK an engine that dies after the connection."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Dying)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("call", "failed"),
    [
        (lambda: daemon.find("spark-k8s-spark-9.0"), "the image spark-k8s-spark-9.0 cannot be looked up"),
        (daemon.is_empty, "the engine cannot be inspected"),
        (daemon.inspect, "the engine cannot be inspected"),
    ],
    ids=["find", "is_empty", "inspect"],
)
def test_an_engine_that_dies_is_an_error_with_its_reason_and_advice(
    dying: ThreadingHTTPServer, call: Callable[[], Any], failed: str
) -> None:
    with pytest.raises(SparkImagesError) as raised:
        call()
    assert str(raised.value).startswith(f"{failed}: the container engine no longer answers (Remote end closed")
    assert "run ./bootstrap or start your engine, then repeat the task" in str(raised.value)
    assert str(raised.value).count("\n") == 0


def test_an_engine_that_dies_is_a_reason_to_skip_gpu_tests(dying: ThreadingHTTPServer, tmp_path: Path) -> None:
    assert "the container engine no longer answers" in gpu.reason_to_skip(tmp_path)


@pytest.mark.parametrize(
    ("systemd", "log"), [(True, "journalctl --unit docker"), (False, ".build/bootstrap/dockerd.log")]
)
def test_the_advice_names_the_engines_log(
    dying: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, systemd: bool, log: str
) -> None:
    monkeypatch.setattr(daemon, "SYSTEMD", tmp_path if systemd else tmp_path / "none")
    with pytest.raises(SparkImagesError, match=rf"Its log: {log}$"):
        daemon.is_empty()


def test_a_refused_request_is_an_error_with_the_engines_explanation() -> None:
    with (
        pytest.raises(SparkImagesError, match=r"^x failed: no space: remove y$"),
        daemon.explained("x failed", "remove y"),
    ):
        raise APIError("500 Server Error", explanation="no space")
    with pytest.raises(SparkImagesError, match=r"^x failed: 500 Server Error$"), daemon.explained("x failed"):
        raise APIError("500 Server Error")


@pytest.mark.parametrize(("lost", "end"), [("", ""), ("the engine died", ": the engine died")])
@pytest.mark.parametrize("script", ["exit 3", "printf %01024d 7; exit 3"], ids=["no output", "part of an archive"])
def test_a_failed_docker_save_is_an_error_that_says_if_the_engine_died(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, lost: str, end: str
) -> None:
    cli = tmp_path / "docker"
    cli.write_text(f"#!/bin/sh\n{script}\n")
    cli.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(daemon, "lost", lambda: lost)
    with pytest.raises(SparkImagesError, match=rf"^docker save failed: [^:]+{end}$"), daemon.saved(["a"]) as archive:
        archive.getmembers()


def test_lost_is_empty_while_the_engine_answers(dying: ThreadingHTTPServer) -> None:
    assert daemon.lost() == ""


def test_lost_explains_that_the_engine_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    assert daemon.lost().startswith("the container engine no longer answers ([Errno 2] No such file")
