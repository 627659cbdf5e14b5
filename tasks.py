"""The front door: `inv --list`. Tasks parse flags and call the package; what they do stands in spark_images/."""

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from benchmarks import bench as benchmark
from benchmarks import results
from spark_images.engine import build
from spark_images.errors import SparkImagesError, of_machine
from spark_images.locks import check as locks_check
from spark_images.locks import update as locks_update
from spark_images.matrix.selection import select
from spark_images.plan.project import load_project
from spark_images.reports import budgets, catalogue, drawing, measure, printing
from spark_images.running import notebook, run

SPARK = "a Spark version, or several: --spark 3.5.8 --spark 4.1.1 (default: all)"
VARIANT = "a variant, or several: --variant baseline --variant iceberg (default: all; `inv images.list` shows them)"
BUILD_HELP = {
    "spark": SPARK,
    "variant": VARIANT,
    "image": "a kind of image, or several: --image spark (default: all)",
    "dry-run": "print the plan, build nothing",
    "json": "print the plan as the bake definition that would run",
    "no-cache": "build every layer anew",
    "builder": "another buildx builder than the engine's own: any driver, Kubernetes included",
}


def command(**options: Any) -> Callable[[Callable[..., None]], Any]:
    """A task whose errors are a message and an exit code."""

    def decorate(function: Callable[..., None]) -> Any:
        @functools.wraps(function)
        def run(context: Context, *args: Any, **kwargs: Any) -> None:
            try:
                function(context, *args, **kwargs)
            except SparkImagesError as error:
                raise Exit(f"error: {error}", error.exit_code) from None
            except OSError as error:
                if (found := of_machine(error)) is None:
                    raise
                raise Exit(f"error: {found}", found.exit_code) from None

        return task(run, auto_shortflags=False, **options)

    return decorate


def build_task(description: str, *kinds: str) -> Any:
    """A task that builds what lies in these folders of docker/."""

    def body(
        context: Context,
        spark: list[str],
        variant: list[str],
        image: list[str],
        dry_run: bool = False,
        json: bool = False,
        no_cache: bool = False,
        builder: str = "",
    ) -> None:
        project = load_project()
        graph = project.graph(select(project.matrix, spark, variant, image))
        requested = graph.of_levels(kinds)
        if dry_run or json:
            plan = build.plan(project, graph, requested)
            if json:
                printing.print_json(plan.definition)
            else:
                printing.print_plan(project.matrix, plan)
        else:
            build.build(project, graph, requested, no_cache=no_cache, builder=builder)

    body.__doc__ = description
    return command(iterable=["spark", "variant", "image"], help=BUILD_HELP)(body)


@command(help={"json": "print JSON"})
def images_list(context: Context, json: bool = False) -> None:
    """List the matrix: every cell, or why it is not built."""
    matrix = load_project().matrix
    if json:
        printing.print_json(printing.cells(matrix))
    else:
        printing.print_cells(matrix)


@command(iterable=["spark", "variant"], help={"spark": SPARK, "variant": VARIANT})
def images_sizes(context: Context, spark: list[str], variant: list[str]) -> None:
    """Print the size of each image, layer by layer."""
    project = load_project()
    printing.print_sizes(measure.measure(project, select(project.matrix, spark, variant)))


@command(iterable=["spark", "variant"], help={"spark": SPARK, "variant": VARIANT})
def images_budgets(context: Context, spark: list[str], variant: list[str]) -> None:
    """Fail where an image, a layer or a registry's share is over its budget."""
    project = load_project()
    print(budgets.check(project, select(project.matrix, spark, variant)))


@command(help={"check": "write nothing; fail where the catalogue is not what images.toml and the locks say"})
def images_catalog(context: Context, check: bool = False) -> None:
    """Write the catalogue of images (--check: is it true?)."""
    if check:
        catalogue.check(load_project())
    else:
        catalogue.write(load_project())


@command(help={"check": "write nothing; fail where a drawing is not what the Dockerfiles say"})
def graph(context: Context, check: bool = False) -> None:
    """Draw the DAG: docs/graph.svg, Mermaid in docs/dag.md."""
    if check:
        drawing.check(load_project())
    else:
        drawing.write(load_project())


@command(
    iterable=["only"],
    help={"only": "artefacts or python (default: both)", "upgrade": "take newer Python packages where there are any"},
)
def lock_update(context: Context, only: list[str], upgrade: bool = False) -> None:
    """Refresh the locks of artefacts and Python packages."""
    changed = locks_update.update(load_project(locked=False), only, upgrade=upgrade)
    print("\n".join(map(str, changed)) or "every lock was up to date")


@command()
def lock_check(context: Context) -> None:
    """Fail where images.toml and a lock disagree."""
    project = load_project(locked=False)
    locks_check.check(project.matrix, project.recipes, project.locks)


RUN_HELP = {
    "spark": "a Spark version (default: the newest)",
    "variant": "a variant (default: baseline; `inv images.list` shows them)",
}


def run_task(description: str, *arguments: str, ports: Sequence[int] = ()) -> Any:
    """A task that runs a command in an image, in the foreground."""

    def body(context: Context, spark: str = "", variant: str = "") -> None:
        project = load_project()
        run.run(project, run.chosen(project, spark, variant), arguments, ports=ports)

    body.__doc__ = description
    return command(help=RUN_HELP)(body)


@command(
    positional=["file"],
    help={**RUN_HELP, "file": "the job, a .py or a .jar", "arguments": "what the job gets, in one text"},
)
def run_submit(context: Context, file: str, spark: str = "", variant: str = "", arguments: str = "") -> None:
    """Run a job of this machine by spark-submit."""
    project = load_project()
    run.submit(project, run.chosen(project, spark, variant), file, arguments)


@command(help={**RUN_HELP, "workers": "how many workers (default: 2)"})
def run_cluster(context: Context, spark: str = "", variant: str = "", workers: int = 2) -> None:
    """Run a standalone cluster and its UIs, until Ctrl-C."""
    project = load_project()
    run.cluster(project, run.chosen(project, spark, variant), workers)


@command(
    help={
        **RUN_HELP,
        "port": "the port on this machine",
        "folder": "a folder of this machine for the notebooks, writable for group 0 (default: none is kept)",
    }
)
def run_jupyter(context: Context, spark: str = "", variant: str = "", port: int = 8888, folder: str = "") -> None:
    """Run a notebook image, and print its URL."""
    notebook.serve(load_project(), spark, variant, port, folder)


@command(
    iterable=["only", "cells"],
    help={
        "only": "size, start, long, kubernetes or build, or several: --only size --only start (default: all)",
        "cells": "a cell, or several: --cells 3.5.8-baseline (default: the newest baseline of each line; build: all)",
        "runs": "how often each side is timed (default: 7, a long job 3)",
        "json": "print the raw figures as JSON",
    },
)
def bench(context: Context, only: list[str], cells: list[str], runs: int = 0, json: bool = False) -> None:
    """Measure the images against the official recipe; writes benchmarks/results."""
    project = load_project()
    found = benchmark.run(project, benchmark.order(project.matrix, only, cells, runs))
    if json:
        printing.print_json(found)
    else:
        printing.print_results(results.summary(found))


@command()
def docs_build(context: Context) -> None:
    """Build the documentation site in .build/site; fail on a broken link, an unlisted page or a warning."""
    from spark_images.site import build as site  # noqa: PLC0415 -- MkDocs would slow every other task

    print(site.build(site.generated(load_project())) / "index.html")


@command(help={"port": "the port on this machine"})
def docs_serve(context: Context, port: int = 8000) -> None:
    """Serve the documentation site on this machine, and build it again when a file changes."""
    from spark_images.site import build as site  # noqa: PLC0415 -- MkDocs would slow every other task

    site.serve(port)


namespace = Collection(
    Collection(
        "build",
        base=build_task("Build the base layers: Debian, Python, Java.", "base"),
        intermediate=build_task("Build the layers above: Spark, packages, jars.", "intermediate"),
        runtime=build_task("Build images: --spark 3.5.8 --variant iceberg.", "runtime"),
        all=build_task("Build every layer and every image.", "base", "intermediate", "runtime"),
    ),
    Collection(
        "run",
        shell=run_task("Run the Scala shell, spark-shell.", "spark-shell"),
        pyspark=run_task("Run the Python shell, pyspark.", "pyspark"),
        sql=run_task("Run the SQL shell, spark-sql.", "spark-sql"),
        submit=run_submit,
        cluster=run_cluster,
        jupyter=run_jupyter,
        connect=run_task("Run a Spark Connect server: sc://localhost:15002.", "connect", ports=(15002, 4040)),
    ),
    Collection("images", list=images_list, sizes=images_sizes, budgets=images_budgets, catalog=images_catalog),
    Collection("lock", update=lock_update, check=lock_check),
    Collection("docs", build=docs_build, serve=docs_serve),
    graph,
    bench,
)
