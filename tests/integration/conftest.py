"""The image under test, and what a test does with it: run a command in a container of its own."""

import io
import json
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from spark_images import engine, house
from spark_images.catalog import Cell
from spark_images.selection import cell_of

SPARK_UID = "185:0"
RANDOM_UID = "1000660000:0"
"""What OpenShift's restricted policy hands out: a UID that no passwd file knows, with group 0."""

LOG_LIMIT = 400
"""Lines of a container's log that a failing test shows."""


@dataclass(frozen=True)
class Result:
    """What a command in a container left: its exit code and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    def json(self, mark: str = "RESULT ") -> Any:
        """Returns the JSON that a job printed on a line of its own after `mark`."""
        lines = [line for line in self.stdout.splitlines() if line.startswith(mark)]
        assert lines, f"no line starts with {mark!r}; exit code {self.exit_code}\n{self.output[-4000:]}"
        return json.loads(lines[-1].removeprefix(mark))


@dataclass(frozen=True)
class Image:
    """The image under test."""

    client: docker.DockerClient
    reference: str
    attributes: Mapping[str, Any]

    @property
    def labels(self) -> Mapping[str, str]:
        return dict(self.attributes["Config"]["Labels"] or {})

    def run(
        self,
        *command: str,
        user: str = SPARK_UID,
        files: Mapping[str, str | Path] | None = None,
        modes: Mapping[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float = 180,
        **options: Any,
    ) -> Result:
        """Runs a command as `docker run` would, in a new container; `files` are put into it first, by their paths."""
        container = self.client.containers.create(
            self.reference, list(command), user=user, environment=dict(environment or {}), **options
        )
        try:
            if files:
                put(container, files, modes or {})
            container.start()
            exit_code = wait(container, timeout)
            stdout = container.logs(stdout=True, stderr=False, tail=10_000).decode(errors="replace")
            stderr = container.logs(stdout=False, stderr=True, tail=10_000).decode(errors="replace")
        finally:
            container.remove(force=True, v=True)
        # pytest shows what a test printed where it fails.
        shown = (stdout + stderr).splitlines()[-LOG_LIMIT:]
        print(f"$ {' '.join(command)}   (user {user}, exit code {exit_code})", *shown, sep="\n")
        return Result(exit_code, stdout, stderr)


def put(container: Container, files: Mapping[str, str | Path], modes: Mapping[str, int]) -> None:
    """Puts files (a text, or a file of this machine) into a container that need not run; a mode is 0644 by default."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            data = content.read_bytes() if isinstance(content, Path) else content.encode()
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(data), modes.get(path, 0o644)
            archive.addfile(member, io.BytesIO(data))
    container.put_archive("/", buffer.getvalue())


def wait(container: Container, timeout: float) -> int:
    """Returns a container's exit code. Fails the test where it has not ended within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        container.reload()
        if container.status in ("exited", "dead"):
            return int(container.attrs["State"]["ExitCode"])
        time.sleep(0.1)
    log = container.logs(tail=LOG_LIMIT).decode(errors="replace")
    container.kill()
    pytest.fail(f"the container had not ended after {timeout} s; its log:\n{log}")


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest) -> Image:
    reference = request.config.getoption("--image")
    if not reference:
        pytest.fail("name the image to test: --image spark-k8s-spark-3.5.8 (or run a Nox session, which does)")
    client = engine.client()
    return Image(client, reference, client.images.get(reference).attrs)


@pytest.fixture(scope="session")
def factory() -> house.Factory:
    return house.load()


@pytest.fixture(scope="session")
def cell(image: Image, factory: house.Factory) -> Cell:
    """The cell that the image says it is."""
    return cell_of(factory.catalog, image.labels["spark-images.cell"])
