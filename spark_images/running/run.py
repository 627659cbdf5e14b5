"""Runs an image on this machine's engine: a shell, a job, a server or a standalone cluster."""

import csv
import io
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import NotFound
from docker.models.containers import Container

from spark_images.engine import build, daemon, gpu
from spark_images.errors import CommandError, SparkImagesError, UsageError
from spark_images.matrix.model import BASELINE, GPU, Cell
from spark_images.matrix.selection import select
from spark_images.plan.project import Project

JOBS = "/opt/spark/work-dir"
"""The folder in the container for a job of the host."""


@dataclass(frozen=True)
class Mount:
    """A file or folder of this machine, by its absolute path, and its path in the container."""

    source: Path
    target: str
    read_only: bool = False

    @property
    def option(self) -> str:
        """The value of `docker run --mount`: a line of CSV, so that a path can contain commas, quotes and colons."""
        line = io.StringIO()
        fields = ["type=bind", f"source={self.source}", f"target={self.target}"]
        csv.writer(line, lineterminator="").writerow(fields + ["readonly"] * self.read_only)
        return line.getvalue()


def chosen(project: Project, spark: str, variant: str, image: str = "spark") -> Cell:
    """Returns the cell to run. An empty `spark` means the newest version, an empty `variant` means the baseline.

    Raises UsageError for a name that does not exist or a refused cell.
    """
    (cell,) = select(project.matrix, [spark or project.matrix.newest_spark], [variant or BASELINE], [image])
    return cell


def ready(project: Project, cell: Cell) -> str:
    """Returns the reference of a cell's image. Builds the image first if the engine does not have it."""
    reference = project.matrix.tag(cell.name)
    if not daemon.find(reference):
        graph = project.graph([cell])
        build.build(project, graph, graph.of_levels(["runtime"]))
    return reference


def command(
    reference: str,
    arguments: Sequence[str],
    *,
    terminal: bool = False,
    device: bool = False,
    ports: Mapping[int, int] | None = None,
    mount: Mount | None = None,
) -> list[str]:
    """Returns the `docker run` command that runs `arguments` in the foreground.

    `ports` maps ports of this machine to ports of the container. Only this machine can reach them.
    """
    return [
        *("docker", "run", "--rm"),
        "--interactive",  # a shell reads its commands from a pipe too
        *(("--tty",) if terminal else ()),
        *(("--gpus", "all") if device else ()),
        *(option for outer, inner in (ports or {}).items() for option in ("--publish", f"127.0.0.1:{outer}:{inner}")),
        *(("--mount", mount.option) if mount else ()),
        *(reference, *arguments),
    ]


def check_port(port: int) -> None:
    """Raises UsageError if `port` is not a port number, and SparkImagesError if the port is in use."""
    if not 0 < port < 65536:
        raise UsageError(f"{port} is not a port: expected a number from 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SparkImagesError(f"port {port} is in use ({error.strerror})") from None


def run(
    project: Project, cell: Cell, arguments: Sequence[str], *, ports: Sequence[int] = (), mount: Mount | None = None
) -> None:
    """Runs a command in the image of a cell, in the foreground.

    Raises CommandError with the command's exit code if that is not 0, and SparkImagesError if a port is in use.
    """
    device = GPU in cell.features and not gpu.reason_to_skip()
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    for port in ports:
        check_port(port)
    reference = ready(project, cell)
    published = {port: port for port in ports}
    line = command(reference, arguments, terminal=terminal, device=device, ports=published, mount=mount)
    exit_code = subprocess.run(line, check=False).returncode
    if exit_code:
        failed = f"{cell.name}: {' '.join(arguments)} ended with exit code {exit_code}"
        raise CommandError(": ".join(filter(None, (failed, daemon.lost()))), exit_code)


def words(text: str) -> list[str]:
    """Splits --arguments as a shell does. Raises UsageError if a quotation is not closed."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f'--arguments is "{text}": {str(error).lower()}: quote the words as in a shell, '
            "for example --arguments \"--title 'two words'\""
        ) from None


def submit(project: Project, cell: Cell, file: str, arguments: str) -> None:
    """Runs a job with spark-submit. `file` is a file of this machine, `arguments` are the job's arguments in one text.

    Raises UsageError if there is no such file, or if a quotation in `arguments` is not closed.
    """
    path = Path(file).resolve()
    if not path.is_file():
        raise UsageError(f"{file} is not a file: name a job, a .py or .jar file")
    inside = f"{JOBS}/{path.name}"
    run(project, cell, ["spark-submit", inside, *words(arguments)], mount=Mount(path, inside, read_only=True))


def cluster(project: Project, cell: Cell, workers: int) -> None:
    """Runs a standalone master and its workers until Ctrl-C, and prints their URLs.

    Raises UsageError for less than one worker. Raises SparkImagesError if a port is in use, a container cannot be
    created or does not start, or containers of the user are still in the network at the end.
    """
    if workers < 1:
        raise UsageError(f"--workers is {workers}: a cluster needs at least 1")
    for port in (7077, *range(8080, 8081 + workers)):
        check_port(port)
    reference = ready(project, cell)
    client = daemon.client()
    with ExitStack() as stack:
        network = stack.enter_context(_network(client, f"spark-cluster-{int(time.time())}"))
        stack.enter_context(_started(client, reference, network, "master", "master", (7077, 8080)))
        for number in range(1, workers + 1):
            name = f"worker-{number}"
            ui = 8080 + number
            environment = {"SPARK_MASTER_URL": "spark://master:7077", "SPARK_WORKER_WEBUI_PORT": str(ui)}
            stack.enter_context(_started(client, reference, network, name, "worker", (ui,), environment))
        print(f"{cell.name}: spark://localhost:7077, or in the network {network}: spark://master:7077")
        print("UIs: http://localhost:8080 (master), " + ", ".join(f":{8080 + n}" for n in range(1, workers + 1)))
        print(f"run a job: docker run --rm --network {network} {reference} spark-submit --master spark://master:7077 …")
        print("press Ctrl-C to stop the cluster", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            print("stopping the cluster")


@contextmanager
def _network(client: docker.DockerClient, name: str) -> Iterator[str]:
    with daemon.explained(f"the network {name} cannot be created"):
        network = client.networks.create(name)
    try:
        yield name
    finally:
        with daemon.explained(
            f"the network {name} cannot be removed", f"stop the jobs in it, then run docker network rm {name}"
        ):
            network.remove()


@contextmanager
def _started(
    client: docker.DockerClient,
    reference: str,
    network: str,
    name: str,
    mode: str,
    ports: Sequence[int],
    environment: Mapping[str, str] | None = None,
) -> Iterator[Container]:
    with daemon.explained(f"{name} cannot be created"):
        container = client.containers.create(
            reference,
            [mode],
            network=network,
            hostname=name,
            name=f"{network}-{name}",
            networking_config={network: client.api.create_endpoint_config(aliases=[name])},
            ports={f"{port}/tcp": ("127.0.0.1", port) for port in ports},
            environment=dict(environment or {}),
        )
    try:
        with daemon.explained(f"{name} did not start"):
            container.start()
        yield container
    finally:
        with daemon.explained(f"{name} cannot be removed"), suppress(NotFound):  # the user removed it
            container.remove(force=True, v=True)
