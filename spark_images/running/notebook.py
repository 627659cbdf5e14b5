"""Running a notebook image on this machine: one container, in the foreground, with its URL."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from spark_images.engine.gpu import reason_to_skip
from spark_images.errors import CommandError, SparkImagesError, UsageError
from spark_images.matrix.model import GPU
from spark_images.plan.project import Project
from spark_images.running import run

IMAGE = "jupyter"
PORT = 8888
"""The port of the server in its container."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+(/lab\?token=\w+)")


def shown(lines: Iterator[str], port: int) -> Iterator[str]:
    """Yields what the server says, its address as it is on this machine."""
    for line in lines:
        yield _ADDRESS.sub(rf"http://127.0.0.1:{port}\1", line)


def kept_in(folder: str) -> run.Mount:
    """Returns the mount that keeps notebooks in `folder`. Raises UsageError where this machine has no such folder."""
    path = Path(folder).expanduser().resolve()
    if not path.exists():
        raise UsageError(f"--folder: there is no {path}: create it, writable for group 0, or name another one")
    if not path.is_dir():
        raise UsageError(f"--folder: {path} is no folder: name one that notebooks can lie in")
    return run.Mount(path, run.JOBS)


def serve(project: Project, spark: str, variant: str, port: int, folder: str) -> None:
    """Runs the notebook image of a cell until it is interrupted, and prints its URL, on `port` of this machine only.

    `folder`: one of this machine that notebooks lie in; without it they end with the container.

    Raises UsageError for a cell or a folder that does not exist, SparkImagesError where the port is in use,
    CommandError where the server ends by itself with an error.
    """
    cell = run.chosen(project, spark, variant, IMAGE)
    mount = kept_in(folder) if folder else None
    try:
        run.check_port(port)
    except SparkImagesError as error:
        raise type(error)(f"{error}: name another one with --port") from None
    device = GPU in cell.features and not reason_to_skip()
    line = run.command(run.ready(project, cell), [], device=device, ports={port: PORT}, mount=mount)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            for said in shown(process.stdout, port):
                print(said, end="", flush=True)
        except KeyboardInterrupt:
            process.wait()  # the engine's client has the same signal, and ends the container
            return
    if process.returncode:
        raise CommandError(
            f"the notebook server ended with exit code {process.returncode}: see above", process.returncode
        )
