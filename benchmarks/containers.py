"""Times one run of a container: seconds until the answer line, and CPU seconds of all its processes.

The wall time uses two timestamps of the engine: when the container started, and when the answer line arrived.
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from docker import DockerClient
from docker.models.containers import Container
from requests.exceptions import RequestException

from spark_images.errors import SparkImagesError

CPU = "CPU-NANOSECONDS "
# The control group (version 1 or 2) counts the CPU time of every process in the container.
WITH_CPU = r"""
"$@"
code=$?
if [ -e /sys/fs/cgroup/cpuacct/cpuacct.usage ]; then
    read -r used < /sys/fs/cgroup/cpuacct/cpuacct.usage
else
    while read -r key value; do [ "$key" != usage_usec ] || used=${value}000; done < /sys/fs/cgroup/cpu.stat
fi
echo "CPU-NANOSECONDS $used"
exit $code
"""


@dataclass(frozen=True)
class Run:
    """One run of a container.

    `wall` is the seconds from start to answer, `end` the seconds from start to exit, `cpu` the CPU seconds. `answer` is
    the answer line. `lines` is the whole log.
    """

    wall: float
    end: float
    cpu: float
    answer: str
    lines: tuple[str, ...] = ()

    def as_document(self) -> dict[str, Any]:
        """Returns the entry for the JSON file, without the log."""
        return {"wall": self.wall, "end": self.end, "cpu": self.cpu, "answer": self.answer}


def seconds(start: str, end: str) -> float:
    """Returns the seconds between two timestamps of the engine, which have nanoseconds."""
    return (_moment(end) - _moment(start)).total_seconds()


def _moment(stamp: str) -> datetime:
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}")


def find(log: str, pattern: str) -> tuple[str, str] | None:
    """Returns the timestamp and text of the first line that matches `pattern`, or None. `log` has timestamps."""
    for text in log.splitlines():
        stamp, _, line = text.partition(" ")
        if re.search(pattern, line):
            return stamp, line
    return None


@contextmanager
def started(client: DockerClient, image: str, command: list[str], **options: Any) -> Iterator[Container]:
    """Starts a container for the `with` block, then removes it and its volumes."""
    container = client.containers.create(image, command, **options)
    try:
        container.start()
        yield container
    finally:
        container.remove(force=True, v=True)


def run(
    client: DockerClient,
    image: str,
    command: list[str],
    answer: str,
    *,
    volumes: Mapping[str, Mapping[str, str]] | None = None,
    timeout: float = 900,
) -> Run:
    """Runs a command to its end and times it until the first line that matches `answer`.

    Raises SparkImagesError, with the end of the log, if the command fails, prints no such line, or takes more than
    `timeout` seconds.
    """
    wrapped = ["bash", "-c", WITH_CPU, "bash", *command]
    with started(client, image, wrapped, volumes=volumes) as container:
        try:
            code = container.wait(timeout=timeout)["StatusCode"]
        except RequestException:
            log = container.logs(timestamps=True, tail=20).decode(errors="replace")
            raise SparkImagesError(f"{image}: {' '.join(command)}: not done after {timeout} s, {end(log)}") from None
        container.reload()
        state = container.attrs["State"]
        log = container.logs(timestamps=True, tail=10_000).decode(errors="replace")
    found, used = find(log, answer), find(log, f"^{CPU}")
    if code or not found or not used:
        raise SparkImagesError(f"{image}: {' '.join(command)}: exit code {code}, {end(log)}")
    return Run(
        wall=seconds(state["StartedAt"], found[0]),
        end=seconds(state["StartedAt"], state["FinishedAt"]),
        cpu=int(used[1].removeprefix(CPU)) / 1e9,
        answer=found[1],
        lines=tuple(line.partition(" ")[2] for line in log.splitlines()),
    )


def until(
    client: DockerClient, image: str, command: list[str], answer: str, timeout: float = 120, **options: Any
) -> Run:
    """Runs a command that does not exit by itself, and stops it when a line matches `answer`.

    CPU time is read when the line is seen, at most 0.05 seconds late. Raises SparkImagesError as `wait_for` does.
    """
    with started(client, image, command, **options) as container:
        found = wait_for(container, answer, timeout)
        stats: Any = container.stats(stream=False, one_shot=True)
        container.reload()
        wall = seconds(container.attrs["State"]["StartedAt"], found[0])
    return Run(wall=wall, end=wall, cpu=stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, answer=found[1])


def wait_for(container: Container, pattern: str, timeout: float) -> tuple[str, str]:
    """Returns the timestamp and text of the first line that matches. Raises SparkImagesError if none does in time."""
    deadline = time.monotonic() + timeout
    while True:
        ended = container.status in ("exited", "dead")
        log = container.logs(timestamps=True, tail=10_000).decode(errors="replace")
        if found := find(log, pattern):
            return found
        if ended or time.monotonic() > deadline:
            raise SparkImagesError(f"{container.name}: no line matches {pattern}, {end(log)}")
        time.sleep(0.05)
        container.reload()


def end(log: str) -> str:
    """Returns the last 20 lines of a log, for an error message."""
    return "the end of its log:\n" + "\n".join(line.partition(" ")[2] for line in log.splitlines()[-20:])
