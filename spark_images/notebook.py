"""Running a notebook image on this machine: one container, in the foreground, with its URL."""

import re
import socket
import subprocess
from collections.abc import Iterator, Sequence

from spark_images import engine
from spark_images.catalog import Catalog, Cell
from spark_images.errors import FactoryError, UsageError
from spark_images.selection import select

IMAGE = "jupyter"
PORT = 8888
"""The port of the server in its container."""

_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+(/lab\?token=\w+)")


def choose(catalog: Catalog, spark: str, variant: str) -> Cell:
    """Returns the notebook cell of a Spark version and a variant. Raises UsageError where it is not built."""
    (cell,) = select(catalog, [spark], [variant], [IMAGE])
    return cell


def command(catalog: Catalog, cell: Cell, port: int, folder: str = "") -> Sequence[str]:
    """Returns the command that runs a cell's image with its server on `port` of this machine only.

    `folder`: one of this machine that notebooks lie in; without it they end with the container.
    """
    mounted = ["--volume", f"{folder}:/opt/spark/work-dir"] if folder else []
    published = f"127.0.0.1:{port}:{PORT}"
    return ["docker", "run", "--rm", "--publish", published, *mounted, catalog.tag(cell.name)]


def check_port(port: int) -> None:
    """Raises UsageError where `port` is no port, FactoryError where something listens on it already."""
    if not 0 < port < 65536:
        raise UsageError(f"--port {port}: a port is a number from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise FactoryError(f"port {port} is in use ({error.strerror}): name another one with --port") from None


def shown(lines: Iterator[str], port: int) -> Iterator[str]:
    """Yields what the server says, its address as it is on this machine."""
    for line in lines:
        yield _ADDRESS.sub(rf"http://127.0.0.1:{port}\1", line)


def run(catalog: Catalog, spark: str, variant: str, port: int, folder: str) -> None:
    """Runs the notebook image of a cell until it is interrupted, and prints its URL.

    Raises UsageError for a cell that does not exist, FactoryError where its image is not built, the port is in use,
    or the server ends by itself with an error.
    """
    cell = choose(catalog, spark, variant)
    check_port(port)
    if not engine.find(catalog.tag(cell.name)):
        asked = f"inv build.runtime --image {IMAGE} --spark {spark} --variant {variant}"
        raise FactoryError(f"{catalog.tag(cell.name)} is not built: {asked}")
    arguments = command(catalog, cell, port, folder)
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            for line in shown(process.stdout, port):
                print(line, end="", flush=True)
            process.wait()
        except KeyboardInterrupt:
            return
        finally:
            # Where something else ended us: the engine's client hands the signal on, and the container ends with it.
            process.terminate()
            process.wait()
    if process.returncode:
        raise FactoryError(f"the notebook server ended with exit code {process.returncode}: see above")
