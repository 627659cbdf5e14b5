"""A buildkitd of the tests, and a buildx builder that connects to it."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from spark_images import BUILD
from spark_images.checks import buildkitd
from spark_images.errors import SparkImagesError

GRACE = 30
"""Seconds that buildkitd has to end after SIGTERM. Then it is killed."""


@dataclass(frozen=True)
class Builder:
    """A running builder: the folder of its buildkitd with its state, and the ID of the process."""

    name: str
    folder: Path
    process: int

    @property
    def steps(self) -> str:
        """The IDs of the steps in the builder's cache, a line each. Without a build, there are none."""
        command = ["docker", "buildx", "du", "--builder", self.name, "--verbose"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return "\n".join(line for line in shown.splitlines() if line.startswith("ID:"))


@contextmanager
def running(program: Path) -> Iterator[Builder]:
    """Starts buildkitd and creates a builder for it. Removes both afterwards, and all of their files."""
    BUILD.mkdir(exist_ok=True)
    # The folder of temporary files can be in memory, and the state of a build takes gigabytes.
    with TemporaryDirectory(prefix="buildkitd-", dir=BUILD) as made, pytest.MonkeyPatch.context() as patch:
        folder = Path(made)
        patch.setenv("BUILDX_CONFIG", str(folder / "buildx"))
        # A path of a socket has at most 107 characters, and a checkout can be deep.
        with TemporaryDirectory() as short, (folder / "log").open("wb") as log:
            address = f"unix://{short}/socket"
            command = [str(program), "--root", f"{folder}/state", "--addr", address, "--config", f"{folder}/none"]
            # The network of this machine reaches the sources of a build, as that of the engine's builder does.
            process = subprocess.Popen(
                [*command, "--oci-worker-net=host", "--containerd-worker=false", "--cdi-disabled"],
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "TMPDIR": str(folder)},
            )
            try:
                create(folder.name, address)
                connect(folder.name, folder / "log")
                yield Builder(folder.name, folder, process.pid)
            finally:
                end(process)


def create(name: str, address: str) -> None:
    """Creates a builder with the remote driver."""
    command = ["docker", "buildx", "create", "--name", name, "--driver", "remote", address]
    subprocess.run(command, check=True, capture_output=True)


def connect(name: str, log: Path) -> None:
    """Waits until buildkitd answers. buildx waits for 20 s."""
    command = ["docker", "buildx", "inspect", "--bootstrap", name]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.fail(f"buildkitd does not answer; its log:\n{log.read_text()}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends buildkitd and waits for it."""
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def program() -> Path:
    """Returns buildkitd: from PATH, or built from locked Go modules, which takes minutes once."""
    if reason := buildkitd.reason_to_skip():
        pytest.skip(reason)
    try:
        return buildkitd.find()
    except SparkImagesError as error:
        pytest.skip(f"no buildkitd: {error}")


@pytest.fixture(scope="session")
def builder(program: Path) -> Iterator[Builder]:
    """Returns a builder that has built nothing yet."""
    with running(program) as found:
        yield found
