"""One timed run: a container from its start to the line that answers, with the CPU time of all that ran in it.

Both times are the engine's own: the moment that the container started, and the moment that the line arrived.
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
# The container counts what ran in it, whoever started it and whoever waited for it: a control group of version 1 or 2.
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
    """One run: seconds from start to answer, seconds from start to end, CPU seconds; `answer` is the line."""

    wall: float
    end: float
    cpu: float
    answer: str


def seconds(start: str, end: str) -> float:
    """Returns the seconds between two of the engine's timestamps, whose fractions have nanoseconds."""
    return (_moment(end) - _moment(start)).total_seconds()


def _moment(stamp: str) -> datetime:
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}")


def find(log: str, pattern: str) -> tuple[str, str] | None:
    """Returns (timestamp, line) of the first line of a log with timestamps that matches, or None."""
    for text in log.splitlines():
        stamp, _, line = text.partition(" ")
        if re.search(pattern, line):
            return stamp, line
    return None


@contextmanager
def started(client: DockerClient, image: str, command: list[str], **options: Any) -> Iterator[Container]:
    """Starts a container; removes it with all that it wrote."""
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
    """Runs a command to its end; the line that matches `answer` is the result.

    Raises SparkImagesError, with the end of the log, where the command fails, has no such line, or takes over
    `timeout` s.
    """
    wrapped = ["bash", "-c", WITH_CPU, "bash", *command]
    with started(client, image, wrapped, volumes=volumes) as container:
        try:
            code = container.wait(timeout=timeout)["StatusCode"]
        except RequestException:
            log = container.logs(timestamps=True, tail=20).decode(errors="replace")
            raise SparkImagesError(f"{image}: {' '.join(command)}: not ended after {timeout} s, {end(log)}") from None
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
    )


def until(
    client: DockerClient, image: str, command: list[str], answer: str, timeout: float = 120, **options: Any
) -> Run:
    """Runs a command that does not end by itself until a line matches `answer`; then it is ended.

    CPU time is read when the line is seen, at most a twentieth of a second late. Raises as `run` does.
    """
    with started(client, image, command, **options) as container:
        found = wait_for(container, answer, timeout)
        stats: Any = container.stats(stream=False, one_shot=True)
        container.reload()
        wall = seconds(container.attrs["State"]["StartedAt"], found[0])
    return Run(wall=wall, end=wall, cpu=stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, answer=found[1])


def wait_for(container: Container, pattern: str, timeout: float) -> tuple[str, str]:
    """Returns (timestamp, line) of the first line that matches. Raises SparkImagesError where none comes in time."""
    deadline = time.monotonic() + timeout
    while True:
        ended = container.status in ("exited", "dead")
        log = container.logs(timestamps=True, tail=10_000).decode(errors="replace")
        if found := find(log, pattern):
            return found
        if ended or time.monotonic() > deadline:
            raise SparkImagesError(f"{container.name}: {end(log)}: no line matches {pattern}")
        time.sleep(0.05)
        container.reload()


def end(log: str) -> str:
    """Returns the end of a log, for an error message."""
    return "the end of its log:\n" + "\n".join(line.partition(" ")[2] for line in log.splitlines()[-20:])
