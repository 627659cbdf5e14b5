"""Fixtures and helpers of the integration tests: the image under test, and commands in containers of it."""

import io
import json
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container
from requests import RequestException

from spark_images import ROOT
from spark_images.checks import suites
from spark_images.engine import daemon
from spark_images.matrix.model import Cell
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project, load_project

SPARK_UID = "185:0"
RANDOM_UID = "1000660000:0"
"""A UID as OpenShift's restricted policy assigns it: no passwd file contains it, and its group is 0."""

HARDENED: Mapping[str, Any] = {
    "read_only": True,
    "tmpfs": {"/tmp": "mode=1777,exec"},
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}
"""Docker options that match a pod of the security level `restricted` with a read-only root and an emptyDir at /tmp.

Docker's default tmpfs has `noexec`. An emptyDir does not, so libraries can be loaded from it."""

QUICK: Mapping[str, str] = {
    "JAVA_TOOL_OPTIONS": " ".join(
        [suites.QUICK_JAVA, *(f"-D{key}={value}" for key, value in suites.QUICK_SPARK.items())]
    )
}
"""The environment of the containers. Settings of the image and of a test override these."""

GRACE = 10
"""Seconds that a process has to end after SIGTERM. Then it is killed, and its exit code is 137."""

MARK = "RESULT "
"""The prefix of the line with a job's result."""

FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=10).read().decode())"
"""A Python script for a container. It prints the page whose URL is its argument."""

POLL = 0.3
"""Seconds between two looks at a log. Each look costs the engine about 10 ms of CPU time."""

LOG_LIMIT = 400
"""The number of lines of a container's log that a failed test shows."""


@dataclass(frozen=True)
class Result:
    """The exit code and output of a command in a container."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return self.stdout + self.stderr

    def json(self, mark: str = MARK) -> Any:
        """Returns the JSON on the last line of stdout that starts with `mark`. Fails the test if there is none."""
        return result_in(self.stdout, mark, f"exit code {self.exit_code}\n{self.output[-4000:]}")


def result_in(log: str, mark: str = MARK, about: str = "") -> Any:
    """Returns the JSON on the last line of `log` that starts with `mark`.

    Fails the test if there is none. The message then ends with `about`, or with the end of the log.
    """
    lines = [line for line in log.splitlines() if line.startswith(mark)]
    assert lines, f"no line starts with {mark!r}; {about or log[-4000:]}"
    return json.loads(lines[-1].removeprefix(mark))


@dataclass(frozen=True)
class Service:
    """A container that runs in the background."""

    container: Container

    @property
    def log(self) -> str:
        """The last 10,000 lines of its standard output."""
        return self.container.logs(stdout=True, stderr=False, tail=10_000).decode(errors="replace")

    def wait_for(self, text: str, timeout: float = 60, times: int = 1) -> None:
        """Waits until `text` is in the log `times` times.

        Fails the test after `timeout` seconds, or if the container ends.
        """
        deadline = time.monotonic() + timeout
        while self.log.count(text) < times:
            self.container.reload()
            if self.container.status != "running" or time.monotonic() > deadline:
                whole = self.container.logs(tail=LOG_LIMIT).decode(errors="replace")
                pytest.fail(f'"{text}" is not in the log; the container is {self.container.status}; its log:\n{whole}')
            time.sleep(POLL)

    def run(self, *command: str, user: str = "", timeout: int = 60) -> Result:
        """Runs a command in the service's container as its user or as `user`, for at most `timeout` seconds."""
        done: Any = self.container.exec_run(["timeout", str(timeout), *command], user=user, demux=True)
        stdout, stderr = (part.decode(errors="replace") if part else "" for part in done.output)
        print(f"$ {' '.join(command)}   (exit code {done.exit_code})", *(stdout + stderr).splitlines(), sep="\n")
        return Result(done.exit_code, stdout, stderr)

    def fetch(self, url: str) -> str:
        """Returns a page. The request runs inside the service's container. Fails the test if nothing answers."""
        result = self.run("python3", "-c", FETCH, url)
        assert result.exit_code == 0
        return result.stdout

    def fetch_until(self, url: str, text: str, attempts: int) -> str:
        """Fetches a page every 0.2 s until it contains `text`. Returns the last page, also after the last attempt."""
        page = ""
        for _ in range(attempts):
            page = self.fetch(url)
            if text in page:
                break
            time.sleep(0.2)
        return page

    def terminate(self) -> int:
        """Sends SIGTERM, waits until the container has ended, and returns its exit code."""
        self.container.stop(timeout=GRACE)
        self.container.reload()
        return int(self.container.attrs["State"]["ExitCode"])


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
        files: Mapping[str, str | Path | bytes] | None = None,
        modes: Mapping[str, int] | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float = 180,
        **options: Any,
    ) -> Result:
        """Runs a command in a new container, as `docker run` would, and removes the container.

        `files` maps paths in the container to contents or local files. `modes` maps such paths to permissions, 0644 by
        default. Fails the test after `timeout` seconds. `options` go to the Docker SDK. A command that fails and writes
        nothing runs a second time.
        """

        def once() -> Result:
            container = self.client.containers.create(
                self.reference, list(command), user=user, environment={**QUICK, **(environment or {})}, **options
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
            # pytest shows this output if the test fails.
            shown = (stdout + stderr).splitlines()[-LOG_LIMIT:]
            print(f"$ {' '.join(command)}   (user {user}, exit code {exit_code})", *shown, sep="\n")
            return Result(exit_code, stdout, stderr)

        result = once()
        # The engine waits 2 seconds for the output of a container that has ended, and drops what comes later. On a busy
        # machine, the output of a command that ends at once can be lost. Source: Moby 26.1, handleContainerExit.
        return once() if result.exit_code and not result.output else result

    @contextmanager
    def start(
        self, *command: str, user: str = SPARK_UID, environment: Mapping[str, str] | None = None, **options: Any
    ) -> Iterator[Service]:
        """Runs a command in the background, as `docker run -d` would. The container is removed when the block ends."""
        container = self.client.containers.run(
            self.reference,
            list(command),
            user=user,
            environment={**QUICK, **(environment or {})},
            detach=True,
            **options,
        )
        try:
            yield Service(container)
        finally:
            log = container.logs(tail=LOG_LIMIT).decode(errors="replace").splitlines()
            print(f"$ {' '.join(command)} &   (user {user})", *log, sep="\n")
            container.remove(force=True, v=True)

    @contextmanager
    def volume(self, files: Mapping[str, str | Path | bytes]) -> Iterator[str]:
        """Yields the name of a world-writable volume with these files. The volume is removed when the block ends."""
        volume = self.client.volumes.create()
        try:
            mounts = {volume.name: {"bind": "/volume", "mode": "rw"}}
            filler = self.client.containers.create(
                self.reference, ["chmod", "-R", "a+rwX", "/volume"], user="0:0", entrypoint=[], volumes=mounts
            )
            try:
                put(filler, {f"/volume/{path}": content for path, content in files.items()}, {})
                filler.start()
                wait(filler, 30)
            finally:
                filler.remove(force=True)
            yield volume.name
        finally:
            volume.remove(force=True)


def options(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Returns settings as options of spark-submit and of the shells."""
    return tuple(part for key, value in settings.items() for part in ("--conf", f"{key}={value}"))


def local_image(reference: str) -> Image:
    """Returns the image in the engine with this reference. Raises docker.errors.ImageNotFound if there is none."""
    client = daemon.client()
    return Image(client, reference, client.images.get(reference).attrs)


@contextmanager
def network() -> Iterator[str]:
    """Yields the name of a network for the containers of one test. Removes it with the block."""
    made = daemon.client().networks.create(f"spark-images-{uuid.uuid4().hex[:8]}")
    try:
        yield str(made.name)
    finally:
        made.remove()


def put(container: Container, files: Mapping[str, str | Path | bytes], modes: Mapping[str, int]) -> None:
    """Copies contents or local files to paths in a container, running or not. The default mode of a file is 0644."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, content in files.items():
            data = content.read_bytes() if isinstance(content, Path) else content
            data = data.encode() if isinstance(data, str) else data
            member = tarfile.TarInfo(path.lstrip("/"))
            member.size, member.mode = len(data), modes.get(path, 0o644)
            archive.addfile(member, io.BytesIO(data))
    container.put_archive("/", buffer.getvalue())


def wait(container: Container, timeout: float) -> int:
    """Waits for the end of a container and returns its exit code. Fails the test after `timeout` seconds."""
    # The engine answers when the container ends. Polling would take a tenth of the CPU time of a run.
    try:
        return int(container.wait(timeout=timeout)["StatusCode"])
    except RequestException as error:
        log = container.logs(tail=LOG_LIMIT).decode(errors="replace")
        container.kill()
        pytest.fail(f"the container did not end within {timeout} s ({error}); its log:\n{log}")


def pytest_configure(config: pytest.Config) -> None:
    # By name, because that module imports this one.
    config.pluginmanager.import_plugin("tests.integration.servers")
    for folder in sorted(path.name for path in suites.SUITES.iterdir() if path.is_dir()):
        config.addinivalue_line("markers", f"{folder}: the tests in tests/integration/{folder}")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks each test with the name of its folder, because sessions select tests by marker."""
    if item.path.is_relative_to(suites.SUITES):
        item.add_marker(item.path.relative_to(suites.SUITES).parts[0])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Moves the tests marked `last` to the end. Keeps the order of the others."""
    items.sort(key=lambda item: item.get_closest_marker("last") is not None)


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest, record_testsuite_property: Callable[[str, object], None]) -> Image:
    reference = request.config.getoption("--image")
    if not reference:
        pytest.fail("--image is missing: name the image (--image spark-k8s-spark-3.5.8), or run its Nox session")
    found = local_image(reference)
    record_testsuite_property("image", reference)
    record_testsuite_property("image-id", found.attributes["Id"])
    return found


@pytest.fixture(scope="session")
def shell(image: Image) -> Iterator[Service]:
    """Yields a container that waits for commands. They take a sixth of the CPU time of a new container."""
    with image.start("sleep", "infinity") as running:
        yield running


@pytest.fixture(scope="session")
def project() -> Project:
    return load_project()


@pytest.fixture(scope="session")
def cell(image: Image, project: Project) -> Cell:
    """Returns the cell that the image's label names."""
    return cell_of(project.matrix, image.labels["spark-images.cell"])


@pytest.fixture(scope="session")
def extensions(project: Project, cell: Cell) -> set[str]:
    """Returns the SQL extensions that the layers of the cell's features set in spark-defaults.conf."""
    layers = [layer for name in cell.features for layer in project.matrix.features[name].layers]
    files = [ROOT / project.recipes.by_name[layer].folder / "spark-defaults.conf" for layer in layers]
    lines = [line.split() for file in files if file.exists() for line in file.read_text().splitlines()]
    return {value for key, value in (line for line in lines if len(line) == 2) if key == "spark.sql.extensions"}
