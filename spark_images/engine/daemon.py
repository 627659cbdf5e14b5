"""Checks the container engine, and finds and saves its images."""

import atexit
import logging
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.images import Image
from invoke.context import Context
from requests.exceptions import RequestException

from spark_images.errors import SparkImagesError

for chatty in ("docker", "urllib3"):
    # Nox shows the debug messages of every logger.
    logging.getLogger(chatty).setLevel(logging.WARNING)

SYSTEMD = Path("/run/systemd/system")
"""This folder exists if systemd runs the machine and the engine. Otherwise ./bootstrap starts the engine."""

MINIMUM_ENGINE = (23, 0)
"""The first engine that builds with BuildKit by default, and whose BuildKit supports here-documents in Dockerfiles."""

MINIMUM_BUILDX = (0, 12)
"""The first buildx whose bake is known to support the linked targets and output options used here."""


@dataclass(frozen=True)
class Engine:
    """The versions, the image store (containerd's or the classic one) and the data folder of the engine."""

    version: str
    buildx: str
    containerd_store: bool
    root: Path

    def __str__(self) -> str:
        store = "containerd image store" if self.containerd_store else "classic image store"
        return f"engine {self.version}, buildx {self.buildx}, {store}"


@cache
def client() -> docker.DockerClient:
    """Returns this process's connected SDK client, which is closed at exit. Raises SparkImagesError if no engine
    answers.
    """
    try:
        connected = docker.from_env(timeout=600)
    except DockerException as error:
        raise SparkImagesError(
            f"no container engine answers ({_reason(error)}): run ./bootstrap, or start your engine"
        ) from None
    atexit.register(connected.close)
    return connected


@contextmanager
def explained(what: str, advice: str = "") -> Iterator[None]:
    """Turns an error of the SDK into a SparkImagesError that says `what` failed, and why.

    If the engine refused the request, the message ends with the `advice`. If the engine no longer answers, it says how
    to start the engine again.
    """
    try:
        yield
    except APIError as error:
        raise SparkImagesError(": ".join(filter(None, (what, error.explanation or str(error), advice)))) from None
    except RequestException as error:
        raise SparkImagesError(f"{what}: {_no_longer_answers(error)}") from None


def lost() -> str:
    """Returns an error message if the engine no longer answers, or "" if it answers.

    Use it after the CLI fails: its exit code does not show whether the engine died. Waits up to 10 s.
    """
    try:
        docker.from_env(timeout=10).close()
    except DockerException as error:
        return _no_longer_answers(error)
    return ""


def _no_longer_answers(error: Exception) -> str:
    log = "journalctl --unit docker" if SYSTEMD.is_dir() else ".build/bootstrap/dockerd.log"
    return (
        f"the container engine no longer answers ({_reason(error)}): "
        f"run ./bootstrap or start your engine, then repeat the task. Its log: {log}"
    )


def _reason(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error) or type(error).__name__


def inspect() -> Engine:
    """Returns the versions of the engine and buildx. Raises SparkImagesError if one is missing or too old."""
    _require_cli()
    with explained("the engine cannot be inspected"):
        info = client().info()
    version = str(info["ServerVersion"])
    if _numbers(version) < MINIMUM_ENGINE:
        raise SparkImagesError(
            f"the engine is version {version}: building needs {_dotted(MINIMUM_ENGINE)} or newer (BuildKit)"
        )
    shown = Context().run("docker buildx version", hide=True, warn=True, in_stream=False)
    match = re.search(r"v?(\d+\.\d+\.\d+)", shown.stdout) if shown and shown.ok else None
    if not match:
        raise SparkImagesError(
            f"the engine is version {version}, but the CLI has no buildx: "
            f"install docker-buildx {_dotted(MINIMUM_BUILDX)} or newer"
        )
    if _numbers(match[1]) < MINIMUM_BUILDX:
        raise SparkImagesError(f"buildx is version {match[1]}: building needs {_dotted(MINIMUM_BUILDX)} or newer")
    status = dict(info.get("DriverStatus") or [])
    return Engine(version, match[1], "containerd" in status.get("driver-type", ""), Path(info["DockerRootDir"]))


def _require_cli() -> None:
    if not shutil.which("docker"):
        raise SparkImagesError("the docker CLI is missing: run ./bootstrap")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def check_disk(engine: Engine, minimum_gb: int) -> None:
    """Raises SparkImagesError if less than `minimum_gb` (10^9 bytes) is free in the engine's data folder.

    Checks nothing for an engine on another machine, whose disk is not visible here.
    """
    if not engine.root.exists():
        return
    free = shutil.disk_usage(engine.root).free / 1e9
    if free < minimum_gb:
        raise SparkImagesError(
            f"{free:.1f} GB are free under {engine.root}, but a build needs {minimum_gb} GB: "
            "remove what you no longer need (docker system prune, docker buildx prune), "
            "or lower min-free-disk-gb in images.toml (SPARK_IMAGES_MIN_FREE_DISK_GB)"
        )


def find(reference: str) -> Image | None:
    """Returns the image with this name or digest, or None if the engine has no such image.

    Raises SparkImagesError if the engine does not answer.
    """
    with explained(f"the image {reference} cannot be looked up"):
        try:
            return client().images.get(reference)
        except ImageNotFound:
            return None


def remove_name(name: str) -> None:
    """Removes one of several names of an image. Does nothing if no image has the name."""
    with explained(f"the name {name} cannot be removed"), suppress(ImageNotFound):
        client().images.remove(name)


def is_empty() -> bool:
    """Returns whether the engine has neither images nor a build cache, so that a build starts from nothing."""
    with explained("the engine cannot be inspected"):
        used = client().df()
    return not used.get("Images") and not used.get("BuildCache")


@contextmanager
def saved(references: Sequence[str]) -> Iterator[tarfile.TarFile]:
    """Yields the output of `docker save` for these images. It is one stream: read its members in order.

    The stream contains a shared layer once. Raises SparkImagesError if the engine fails, at the latest at the end.
    """
    _require_cli()
    with subprocess.Popen(["docker", "save", *references], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                yield archive
            # The stream continues after the end of the archive. Unread bytes would end docker save with a broken pipe.
            while process.stdout.read(tarfile.RECORDSIZE):
                pass
        except tarfile.ReadError as error:
            raise SparkImagesError(": ".join(filter(None, (f"docker save failed: {error}", lost())))) from None
    if process.returncode:
        failed = f"docker save failed with exit code {process.returncode}"
        raise SparkImagesError(": ".join(filter(None, (failed, lost()))))
