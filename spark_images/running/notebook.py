"""Runs a notebook image on this machine, in the foreground, and prints its URL."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from spark_images.engine import daemon
from spark_images.engine.gpu import reason_to_skip
from spark_images.errors import CommandError, SparkImagesError, UsageError
from spark_images.matrix.model import GPU
from spark_images.plan.project import Project
from spark_images.running import run

IMAGE = "jupyter"
PORT = 8888
"""The server's port in its container."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+(/lab\?token=\w+)")


def shown(lines: Iterator[str], port: int) -> Iterator[str]:
    """Yields the server's output, with `port` as the port of its URL."""
    for line in lines:
        yield _ADDRESS.sub(rf"http://127.0.0.1:{port}\1", line)


def kept_in(folder: str) -> run.Mount:
    """Returns the mount that keeps notebooks in `folder`. Raises UsageError if it is not a folder of this machine."""
    path = Path(folder).expanduser().resolve()
    if not path.exists():
        raise UsageError(f"--folder: {path} does not exist: create it, writable for group 0, or name another folder")
    if not path.is_dir():
        raise UsageError(f"--folder: {path} is not a folder: name a folder for the notebooks")
    return run.Mount(path, run.JOBS)


def serve(project: Project, spark: str, variant: str, port: int, folder: str) -> None:
    """Runs the notebook image of a cell until Ctrl-C, and prints its URL. Only this machine can reach its `port`.

    `folder` is a folder of this machine for the notebooks. Without it, they are deleted with the container.

    Raises UsageError for a cell or a folder that does not exist, SparkImagesError if the port is in use, and
    CommandError if the server ends with an error.
    """
    cell = run.chosen(project, spark, variant, IMAGE)
    mount = kept_in(folder) if folder else None
    try:
        run.check_port(port)
    except SparkImagesError as error:
        raise type(error)(f"{error}: name another port with --port") from None
    device = GPU in cell.features and not reason_to_skip()
    line = run.command(run.ready(project, cell), [], device=device, ports={port: PORT}, mount=mount)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            for said in shown(process.stdout, port):
                print(said, end="", flush=True)
        except KeyboardInterrupt:
            process.wait()  # Ctrl-C also reaches docker run, which stops the container
            return
    if process.returncode:
        reason = daemon.lost() or "see its output above"
        raise CommandError(
            f"the notebook server ended with exit code {process.returncode}: {reason}", process.returncode
        )
