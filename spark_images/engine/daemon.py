"""The engine: is it there and able, and the run of a bake definition on it.

The CLI builds, since the SDK cannot drive BuildKit; the SDK inspects, tags and runs.
"""

import json
import logging
import re
import shutil
import socket
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import docker
from docker.errors import DockerException, ImageNotFound
from docker.models.images import Image
from invoke.context import Context
from invoke.exceptions import CommandTimedOut

from spark_images import BUILD, ROOT
from spark_images.engine.host import Host
from spark_images.errors import SparkImagesError

for chatty in ("docker", "urllib3"):
    # Nox shows every logger's every word.
    logging.getLogger(chatty).setLevel(logging.WARNING)

MINIMUM_ENGINE = (23, 0)
"""The first engine whose BuildKit reads here-documents in Dockerfiles and is the default builder."""

MINIMUM_BUILDX = (0, 12)
"""The first buildx whose bake is known to link targets and to take output options as used here."""

BUILDX_ENVIRONMENT = {"BUILDX_NO_DEFAULT_LOAD": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""Without these, the engine's builder exports linked targets too, and stamps each image with the time of the build."""

OFFLINE_LIMIT = 20
"""Seconds that a build may take while no mirror answers: what is cached takes less, what is not cannot succeed."""


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


def client() -> docker.DockerClient:
    """Returns a connected SDK client. Raises SparkImagesError where no engine answers."""
    try:
        return docker.from_env(timeout=600)
    except DockerException as error:
        raise SparkImagesError(
            f"no container engine answers ({_reason(error)}): run ./bootstrap, or start yours"
        ) from None


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


def reachable(host: Host, timeout: float = 3) -> bool:
    """Whether one of the host's mirrors (or its proxy) takes a connection within `timeout` seconds each."""
    for endpoint in dict.fromkeys(host.endpoints()):
        try:
            socket.create_connection(endpoint, timeout).close()
        except OSError:
            continue
        return True
    return not list(host.endpoints())


@contextmanager
def secret_files(contents: Mapping[str, str]) -> Iterator[Path]:
    """Writes secrets to a private folder, a file each, for as long as they are needed; yields the folder."""
    with TemporaryDirectory() as folder:
        for name, content in contents.items():
            Path(folder, name).write_text(content)
        yield Path(folder)


@contextmanager
def secrets(contents: Mapping[str, str]) -> Iterator[list[str]]:
    """Holds the secrets of a build ready for as long as it runs; yields bake's options for them."""
    with secret_files(contents) as folder:
        yield [f"id={name},src={folder / name}" for name in contents]


AT_ONCE = 6
"""Targets of one run of buildx. Each is a build of its own to BuildKit: with sixteen of them on two cores, its own
calls run into their time limits while layers are exported."""


def bake(
    definition: Mapping[str, Any],
    host: Host,
    suite: str,
    *,
    online: bool = True,
    builder: str = "",
    no_cache: bool = False,
) -> Mapping[str, Any]:
    """Runs a bake definition, AT_ONCE of its targets after the other; returns their metadata (digests).

    What buildx prints goes to the terminal and to a log under .build/logs. Where no mirror answers (not `online`), a
    run has OFFLINE_LIMIT seconds. Raises SparkImagesError where the build fails, with what the log says of the reason.
    """
    requested = definition["group"]["default"]["targets"]
    # Without the cache a second run would build anew what the first has built.
    size = max(len(requested), 1) if no_cache else AT_ONCE
    found: dict[str, Any] = {}
    for first in range(0, len(requested), size):
        now = requested[first : first + size]
        part = {**definition, "group": {"default": {"targets": now}}}
        metadata = _bake(part, host, suite, online=online, builder=builder, no_cache=no_cache)
        # What is only built for these has no digest here: another run may have given it one.
        found |= {target: metadata[target] for target in now if target in metadata}
    return found


def _bake(
    definition: Mapping[str, Any], host: Host, suite: str, *, online: bool, builder: str, no_cache: bool
) -> Mapping[str, Any]:
    logs = BUILD / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    name = datetime.now().strftime("%Y%m%d-%H%M%S.%f")
    plan, metadata, log = logs / f"{name}.bake.json", logs / f"{name}.json", logs / f"{name}.log"
    with secrets(host.secrets(suite)) as mounted:
        # A proxy's address may hold a password.
        plan.touch(mode=0o600)
        plan.chmod(0o600)
        plan.write_text(json.dumps(_with_host(definition, host, mounted), indent=2))
        command = f"exec docker buildx bake --file {plan} --metadata-file {metadata}"
        command += f" --builder {builder}" if builder else ""
        command += " --no-cache" if no_cache else ""
        try:
            context = Context()
            with context.cd(ROOT):
                result = context.run(
                    command,
                    pty=sys.stdout.isatty(),
                    warn=True,
                    in_stream=False,
                    timeout=None if online else OFFLINE_LIMIT,
                    env=BUILDX_ENVIRONMENT,
                )
        except CommandTimedOut as error:
            log.write_text(error.result.stdout + error.result.stderr)
            raise SparkImagesError(f"{offline(host)}\n{_where(log)}") from None
    assert result is not None
    log.write_text(result.stdout + result.stderr)
    if not result.ok:
        hint = "" if online else offline(host) + "\n"
        raise SparkImagesError(f"{hint}{explain(result.stdout + result.stderr)}\n{_where(log)}")
    return dict(json.loads(metadata.read_text()))


def _with_host(definition: Mapping[str, Any], host: Host, mounted: list[str]) -> dict[str, Any]:
    # Proxies are arguments that BuildKit knows: they reach each RUN and stay out of the image's history.
    targets = {
        name: {**target, "secret": mounted, "args": {**target["args"], **host.proxies}}
        for name, target in definition["target"].items()
    }
    return {**definition, "target": targets}


def offline(host: Host) -> str:
    """Returns the sentence for a build that needs the network while no mirror answers."""
    names = ", ".join(dict.fromkeys(name for name, _ in host.endpoints()))
    return f"no network: {names} does not answer, and this build needs what is not cached. Earlier images are untouched"


def _where(log: Path) -> str:
    return f"the whole log: {log.relative_to(ROOT)}"


_MISMATCH = re.compile(r"([\w.:=+-]+): expected (sha256:\w+), found (sha256:\w+)")
_FAILED_STEP = re.compile(r"^------\n > \[(?P<step>[^\]]+)\][^\n]*\n(?P<output>.*?)^------$", re.MULTILINE | re.DOTALL)


def explain(log: str) -> str:
    """Returns what a failed build's log says of the reason: the artefact that is not what it should be, or the
    step that failed with the end of its output.
    """
    if match := _MISMATCH.search(log):
        return f"{match[1]}: its content is not what the lock says: expected {match[2]}, found {match[3]}"
    if match := _FAILED_STEP.search(log.replace("\r\n", "\n")):
        end = match["output"].strip().splitlines()[-3:]
        return "\n  ".join([f"the build failed in {match['step']}:", *end])
    if "context canceled" in log:
        return "the build was interrupted: every image is what it was"
    errors = [line for line in log.splitlines() if line.startswith(("ERROR", "error"))]
    return "the build failed" + (f": {errors[-1]}" if errors else "")
