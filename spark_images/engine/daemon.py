"""The engine: whether it is there and able, and what it holds. buildx.py builds on it."""

import atexit
import logging
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import docker
from docker.errors import DockerException, ImageNotFound
from docker.models.images import Image
from invoke.context import Context

from spark_images.errors import SparkImagesError

for chatty in ("docker", "urllib3"):
    # Nox shows every logger's every word.
    logging.getLogger(chatty).setLevel(logging.WARNING)

MINIMUM_ENGINE = (23, 0)
"""The first engine whose BuildKit reads here-documents in Dockerfiles and is the default builder."""

MINIMUM_BUILDX = (0, 12)
"""The first buildx whose bake is known to link targets and to take output options as used here."""


@dataclass(frozen=True)
class Engine:
    """What was found: versions, and whether the image store is containerd's or the classic one."""

    version: str
    buildx: str
    containerd_store: bool
    root: Path

    def __str__(self) -> str:
        store = "containerd image store" if self.containerd_store else "classic image store"
        return f"engine {self.version}, buildx {self.buildx}, {store}"


@cache
def client() -> docker.DockerClient:
    """Returns this process's SDK client, which is connected, and is closed at exit. Raises SparkImagesError where no
    engine answers.
    """
    try:
        connected = docker.from_env(timeout=600)
    except DockerException as error:
        raise SparkImagesError(
            f"no container engine answers ({_reason(error)}): run ./bootstrap, or start yours"
        ) from None
    atexit.register(connected.close)
    return connected


def _reason(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error) or type(error).__name__


def inspect() -> Engine:
    """Looks at the engine and its CLI. Raises SparkImagesError where they are missing, too old, or without BuildKit."""
    _require_cli()
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
    """Raises SparkImagesError where less than `minimum_gb` (10^9 bytes) is free where the engine keeps its images.

    An engine on another machine keeps them where this one cannot look: then nothing is checked.
    """
    if not engine.root.exists():
        return
    free = shutil.disk_usage(engine.root).free / 1e9
    if free < minimum_gb:
        raise SparkImagesError(
            f"{free:.1f} GB are free under {engine.root}, and a build needs {minimum_gb} GB: "
            "remove what you no longer need (docker system prune, docker buildx prune), "
            "or lower min-free-disk-gb in images.toml (SPARK_IMAGES_MIN_FREE_DISK_GB)"
        )


def find(reference: str) -> Image | None:
    """Returns the image of this name or digest, or None where the engine holds none."""
    try:
        return client().images.get(reference)
    except ImageNotFound:
        return None


def is_empty() -> bool:
    """Whether the engine holds neither images nor a build cache: then a build starts from nothing."""
    used = client().df()
    return not used.get("Images") and not used.get("BuildCache")


@contextmanager
def saved(references: Sequence[str]) -> Iterator[tarfile.TarFile]:
    """Yields images as the engine hands them out: one stream, to be read from front to back. A layer that several of
    them share comes once. Raises SparkImagesError where the engine fails, at the latest when all is read.
    """
    _require_cli()
    with subprocess.Popen(["docker", "save", *references], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                yield archive
            # The stream goes on after the archive's own end: left unread, it would end docker save by a broken pipe.
            while process.stdout.read(tarfile.RECORDSIZE):
                pass
        except tarfile.ReadError as error:
            raise SparkImagesError(f"docker save failed: {error}") from None
    if process.returncode:
        raise SparkImagesError(f"docker save failed with exit code {process.returncode}")
