"""The front door: `inv --list`. Tasks parse flags and call the package; what they do stands in spark_images/."""

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from invoke import Collection, Context, Exit, task

from spark_images import build, document, draw, house, lock, measure, relock, report
from spark_images.errors import FactoryError
from spark_images.selection import select

SPARK = "a Spark version, or several: --spark 3.5.8 --spark 4.1.1 (default: all)"
VARIANT = "baseline, gpu, iceberg or gpu-iceberg, or several: --variant gpu --variant iceberg (default: all)"
BUILD_HELP = {
    "spark": SPARK,
    "variant": VARIANT,
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
            except FactoryError as error:
                raise Exit(f"error: {error}", error.exit_code) from None

        return task(run, auto_shortflags=False, **options)

    return decorate


def _build(kinds: tuple[str, ...], spark: list[str], variant: list[str], dry_run: bool, json: bool, **how: Any) -> None:
    factory = house.load()
    graph = factory.graph(select(factory.catalog, spark, variant))
    asked = graph.of_kinds(kinds)
    if dry_run or json:
        plan = build.plan(factory, graph, asked)
        if json:
            report.print_json(plan.definition)
        else:
            report.print_plan(factory.catalog, plan)
    else:
        build.build(factory, graph, asked, **how)


@command(iterable=["spark", "variant"], help=BUILD_HELP)
def build_base(context, spark, variant, dry_run=False, json=False, no_cache=False, builder=""):
    """Build the base layers: os, identity, python, jdk."""
    _build(("base",), spark, variant, dry_run, json, no_cache=no_cache, builder=builder)


@command(iterable=["spark", "variant"], help=BUILD_HELP)
def build_intermediate(context, spark, variant, dry_run=False, json=False, no_cache=False, builder=""):
    """Build the intermediate layers: Spark, Python packages, JDBC drivers, jars."""
    _build(("intermediate",), spark, variant, dry_run, json, no_cache=no_cache, builder=builder)


@command(iterable=["spark", "variant"], help=BUILD_HELP)
def build_runtime(context, spark, variant, dry_run=False, json=False, no_cache=False, builder=""):
    """Build images that run: --spark 3.5.8 --variant iceberg."""
    _build(("runtime",), spark, variant, dry_run, json, no_cache=no_cache, builder=builder)


@command(iterable=["spark", "variant"], help=BUILD_HELP)
def build_all(context, spark, variant, dry_run=False, json=False, no_cache=False, builder=""):
    """Build every layer and every image."""
    _build(("base", "intermediate", "runtime"), spark, variant, dry_run, json, no_cache=no_cache, builder=builder)


@command(help={"json": "print JSON"})
def images_list(context, json=False):
    """List the matrix: every cell, its image, and why a cell is not built."""
    catalog = house.load().catalog
    if json:
        report.print_json(report.cells(catalog))
    else:
        report.print_cells(catalog)


@command(iterable=["spark", "variant"], help={"spark": SPARK, "variant": VARIANT})
def images_sizes(context, spark, variant):
    """Print the size of each built image, layer by layer, and what the images share."""
    factory = house.load()
    report.print_sizes(measure.measure(factory, select(factory.catalog, spark, variant)))


@command(help={"check": "write nothing; fail where the catalogue is not what images.toml and the locks say"})
def images_catalog(context, check=False):
    """Write docker/images/README.md, the catalogue of all images (sizes: as the engine holds them)."""
    if check:
        document.check(house.load())
    else:
        document.write(house.load())


@command(help={"check": "write nothing; fail where a drawing is not what the Dockerfiles say"})
def graph(context, check=False):
    """Draw the DAG of layers and images: docs/graph.svg, and Mermaid in the README."""
    if check:
        draw.check(house.load())
    else:
        draw.write(house.load())


@command(
    iterable=["only"],
    help={"only": "artefacts or python (default: both)", "upgrade": "take newer Python packages where there are any"},
)
def lock_update(context, only, upgrade=False):
    """Bring the lock files up to date with images.toml and the requirements.in files."""
    changed = relock.update(house.load(locked=False), only, upgrade=upgrade)
    print("\n".join(map(str, changed)) or "every lock was up to date")


@command()
def lock_check(context):
    """Fail where images.toml or a requirements.in and its lock disagree."""
    factory = house.load(locked=False)
    lock.check(factory.catalog, factory.house, factory.locks)


namespace = Collection(
    Collection(
        "build",
        base=build_base,
        intermediate=build_intermediate,
        runtime=build_runtime,
        all=build_all,
    ),
    Collection("images", list=images_list, sizes=images_sizes, catalog=images_catalog),
    Collection("lock", update=lock_update, check=lock_check),
    graph,
)
