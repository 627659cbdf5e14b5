"""Times the 22 queries of TPC-H with an accelerator, without it, and on the official recipe, in alternation.

The queries are in benchmarks/tpch. tpchgen-cli writes their tables, as the specification of TPC-H describes them.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient

from benchmarks import FOLDER, containers
from benchmarks.references import OFFICIAL
from benchmarks.start import JOBS, SUBMIT
from benchmarks.statistics import alternating
from spark_images import BUILD
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.model import Cell

SETTINGS = {"comet": "/opt/spark/conf/comet.conf", "gpu": "/opt/spark/conf/rapids.conf"}
"""The features that run queries in another way, and the file that turns each one on."""

ON, OFF = "on", "off"
SIDES = (ON, OFF, OFFICIAL)

SCALE = "1"
"""The scale factor: 1 is about 1 GB of text and 6 million lines of orders."""

TABLES, QUERIES = "/tables", "/queries"
CORES = "local[2]"

# Both sides have 4 GB. Comet takes a half outside the heap.
HEAP = ("--driver-memory", "4g")
HALF = ("--driver-memory", "2g", "--conf", "spark.memory.offHeap.size=2g")


@dataclass(frozen=True)
class Pass:
    """One run of all queries: the measurements by query, and the largest resident size of the JVM in bytes."""

    queries: Mapping[str, Mapping[str, Any]]
    resident: int


def accelerator(cell: Cell) -> str:
    """Returns the feature of a cell that runs queries in another way. Raises UsageError if it has none."""
    for feature in cell.features:
        if feature in SETTINGS:
            return feature
    raise UsageError(
        f"{cell.key} runs queries as plain Spark does: expected an image with {' or '.join(SETTINGS)}; "
        f"leave out --cells to measure the newest of each line"
    )


def tables() -> Path:
    """Returns the folder with the tables. Writes them first if it does not exist.

    Raises SparkImagesError if the generator fails.
    """
    folder = BUILD / f"benchmarks/tpch-{SCALE}"
    if folder.exists():
        return folder
    unfinished = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    generator = Path(sys.executable).with_name("tpchgen-cli")
    command = [str(generator), "parquet", "--scale-factor", SCALE, "--output-dir", str(unfinished)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SparkImagesError(f"tpchgen-cli failed with exit code {done.returncode}:\n{done.stderr[-2000:]}")
    unfinished.rename(folder)
    return folder


def command(side: str, feature: str) -> list[str]:
    """Returns the command of one side. `on` has the settings of the feature."""
    settings = ["--properties-file", SETTINGS[feature]] if side == ON else []
    memory = HALF if side == ON and feature == "comet" else HEAP
    return [SUBMIT, "--master", CORES, *settings, *memory, f"{JOBS}/queries.py", TABLES, QUERIES]


def measured(client: DockerClient, cell: Cell, image: Callable[[str], str], runs: int) -> dict[str, Any]:
    """Returns the entry of a cell. `image` returns the reference of the image of a side.

    Raises SparkImagesError if a run fails, or if a query has different results on two sides.
    """
    folders = {str(FOLDER / "jobs"): JOBS, str(FOLDER / "tpch"): QUERIES, str(tables()): TABLES}
    volumes = {source: {"bind": target, "mode": "ro"} for source, target in folders.items()}
    feature = accelerator(cell)
    passes: dict[str, list[Pass]] = {side: [] for side in SIDES}
    for side in alternating(SIDES, runs):
        run = containers.run(client, image(side), command(side, feature), "^ANSWER ", volumes=volumes, timeout=1800)
        passes[side].append(taken := read(run.lines))
        total = sum(query["cpu"] for query in taken.queries.values())
        print(
            f"{cell.key} {side}: {total:.2f} s of CPU time, {taken.resident / 1e9:.2f} GB", file=sys.stderr, flush=True
        )
    return entry(feature, passes)


def read(lines: Sequence[str]) -> Pass:
    """Returns the measurements that a run of jobs/queries.py printed."""
    queries = [json.loads(line.removeprefix("QUERY ")) for line in lines if line.startswith("QUERY ")]
    (resident,) = (int(line.removeprefix("ANSWER ")) for line in lines if line.startswith("ANSWER "))
    return Pass({query.pop("name"): query for query in queries}, resident)


def entry(feature: str, passes: Mapping[str, Sequence[Pass]]) -> dict[str, Any]:
    """Returns the entry for the JSON file. Raises SparkImagesError if a query has different results on two sides."""
    every = [taken for side in passes.values() for taken in side]
    for name in every[0].queries:
        if len({taken.queries[name]["digest"] for taken in every}) != 1:
            raise SparkImagesError(
                f"{name}: the results of the sides differ: compare them with jobs/queries.py before you use {feature}"
            )
    return {
        "feature": feature,
        "queries": {
            name: {
                side: [{key: taken.queries[name][key] for key in ("wall", "cpu")} for taken in of_side]
                for side, of_side in passes.items()
            }
            for name in every[0].queries
        },
        "resident": {side: [taken.resident for taken in of_side] for side, of_side in passes.items()},
    }
