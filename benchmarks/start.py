"""Times the start of commands and executors, alternating between our image and the reference."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from docker import DockerClient
from docker.models.containers import Container

from benchmarks import FOLDER, containers
from benchmarks.containers import Run
from benchmarks.references import CONTENT, OFFICIAL
from benchmarks.statistics import Ratio, Sample, alternating
from spark_images.matrix.model import Cell

JOBS = "/benchmark"
SUBMIT = "/opt/spark/bin/spark-submit"
OURS = "ours"
REFERENCE = "reference"


@dataclass(frozen=True)
class Workload:
    """A command, the pattern of its answer line, and the reference to compare with."""

    name: str
    command: tuple[str, ...]
    answer: str
    reference: str = OFFICIAL
    warmed: bool = True
    """Whether each side has one uncounted run first. A job of a minute does not need it."""


START = (
    Workload("pi", (SUBMIT, "/opt/spark/examples/src/main/python/pi.py", "2"), "Pi is roughly 3"),
    Workload("session", (SUBMIT, f"{JOBS}/session.py"), "^ANSWER 100 "),
    # The official image has no pandas.
    Workload("pandas-udf", (SUBMIT, f"{JOBS}/pandas_udf.py"), "^ANSWER 2499975000", CONTENT),
    Workload("spark-sql", ("/opt/spark/bin/spark-sql", "-e", "SELECT sum(id) FROM range(1001)"), "^500500$"),
)
EXECUTOR = "executor"
LONG = (Workload("long", (SUBMIT, f"{JOBS}/long.py", "2.5"), "^ANSWER ", warmed=False),)


@dataclass(frozen=True)
class Timing:
    """All runs of one workload on one cell, for both sides, in order."""

    cell: str
    workload: str
    reference: str
    ours: tuple[Run, ...]
    theirs: tuple[Run, ...]

    def as_document(self) -> dict[str, object]:
        """Returns the entry for the JSON file."""
        sides = {"ours": self.ours, "theirs": self.theirs}
        return {
            "reference": self.reference,
            **{side: [run.as_document() for run in runs] for side, runs in sides.items()},
        }

    def ratio(self, quantity: str) -> Ratio:
        """Returns our image against the reference, in `wall`, `end` or `cpu` seconds."""
        ours, theirs = (Sample(tuple(getattr(r, quantity) for r in runs)) for runs in (self.ours, self.theirs))
        return Ratio(ours, theirs)


Timed = Callable[[str], Run]


def measure(
    cell: Cell, workload: str, reference: str, images: dict[str, str], timed: Timed, runs: int, *, warmed: bool = True
) -> Timing:
    """Times a workload on both `images`, ours and the reference, in alternation.

    If `warmed`, each image runs once first and that run does not count. It reads the image from disk, so both images
    are then in the page cache.
    """
    taken: dict[str, list[Run]] = {OURS: [], REFERENCE: []}
    for image in images.values() if warmed else ():
        timed(image)
    for side in alternating((OURS, REFERENCE), runs):
        taken[side].append(run := timed(images[side]))
        print(f"{cell.key} {workload} {side}: {run.wall:.2f} s, CPU {run.cpu:.2f} s", file=sys.stderr, flush=True)
    return Timing(cell.key, workload, reference, tuple(taken[OURS]), tuple(taken[REFERENCE]))


def commands(
    client: DockerClient, cell: Cell, workloads: Iterable[Workload], image: Callable[[str], str], runs: int
) -> Iterator[Timing]:
    """Yields the timing of each workload on a cell. `image` returns the tag of "ours" or of a reference."""
    jobs = {str(FOLDER / "jobs"): {"bind": JOBS, "mode": "ro"}}
    for workload in workloads:

        def timed(tag: str, workload: Workload = workload) -> Run:
            return containers.run(client, tag, list(workload.command), workload.answer, volumes=jobs)

        images = {OURS: image(OURS), REFERENCE: image(workload.reference)}
        yield measure(cell, workload.name, workload.reference, images, timed, runs, warmed=workload.warmed)


def executors(client: DockerClient, cell: Cell, image: Callable[[str], str], runs: int) -> Timing:
    """Times an executor from the start of its container to its registration with a driver.

    The executor starts as Kubernetes starts it. Both sides use the same driver, which runs our image.
    """
    images = {OURS: image(OURS), REFERENCE: image(OFFICIAL)}
    with driver(client, images[OURS]) as environment:
        number = 100

        def timed(tag: str) -> Run:
            nonlocal number
            number += 1
            return containers.until(
                client,
                tag,
                ["executor"],
                "Successfully registered with driver",
                environment={**environment, "SPARK_EXECUTOR_ID": str(number)},
            )

        return measure(cell, EXECUTOR, OFFICIAL, images, timed, runs)


@contextmanager
def driver(client: DockerClient, image: str) -> Iterator[dict[str, str]]:
    """Runs a driver, and yields the environment that an executor needs to register with it."""
    port = 7078
    script = (
        f"exec {SUBMIT} --master 'local-cluster[1,1,1024]' --conf spark.driver.host=$(hostname -i) "
        f"--conf spark.driver.port={port} {JOBS}/driver.py"
    )
    jobs = {str(FOLDER / "jobs"): {"bind": JOBS, "mode": "ro"}}
    with containers.started(client, image, ["bash", "-c", script], volumes=jobs) as container:
        _, line = containers.wait_for(container, "^DRIVER ", timeout=120)
        said = json.loads(line.removeprefix("DRIVER "))
        yield {
            "SPARK_DRIVER_URL": f"spark://CoarseGrainedScheduler@{address(container)}:{port}",
            "SPARK_EXECUTOR_CORES": "1",
            "SPARK_EXECUTOR_MEMORY": "1g",
            "SPARK_APPLICATION_ID": said["application"],
            "SPARK_EXECUTOR_POD_IP": "127.0.0.1",
            "SPARK_EXECUTOR_POD_NAME": "benchmark",
            "SPARK_RESOURCE_PROFILE_ID": "0",
            **{f"SPARK_JAVA_OPT_{n}": option for n, option in enumerate(said["options"])},
        }


def address(container: Container) -> str:
    """Returns the IP address of a container on the engine's network."""
    container.reload()
    networks = container.attrs["NetworkSettings"]["Networks"].values()
    return next(str(network["IPAddress"]) for network in networks)
