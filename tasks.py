"""The tasks of `inv --list`. They parse flags and call spark_images/, which does the work."""

import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from benchmarks import bench as benchmark
from benchmarks import results
from spark_images.engine import build, host
from spark_images.errors import SparkImagesError, of_machine
from spark_images.locks import check as locks_check
from spark_images.locks import update as locks_update
from spark_images.matrix.selection import select
from spark_images.plan.project import load_project
from spark_images.reports import budgets, catalogue, drawing, measure, printing
from spark_images.running import notebook, run
from spark_images.versions import add as versions_addition
from spark_images.versions import check as versions_comparison

SPARK = "a Spark version; repeat for several: --spark 3.5.9 --spark 4.1.4 (default: all)"
VARIANT = "a variant; repeat for several: --variant baseline --variant iceberg (default: all; see `inv images.list`)"
KIND = "a kind; repeat for several: --image spark --image jupyter (default: all)"
BUILD_HELP = {
    "spark": SPARK,
    "variant": VARIANT,
    "image": KIND,
    "dry-run": "print the plan without building",
    "json": "print the bake definition without building",
    "no-cache": "rebuild every layer",
    "aliases": "also set the aliases of the images (see `inv images.list --aliases`)",
    "builder": "a buildx builder to use instead of the engine's own (see docs/builders.md)",
}


def command(**options: Any) -> Callable[[Callable[..., None]], Any]:
    """Makes a task that reports an error as a message and an exit code, without a stack trace."""

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
    """Makes a task that builds the layers or images in these folders of docker/."""

    def body(
        context: Context,
        spark: list[str],
        variant: list[str],
        image: list[str],
        dry_run: bool = False,
        json: bool = False,
        no_cache: bool = False,
        aliases: bool = False,
        builder: str = "",
    ) -> None:
        project = load_project()
        graph = project.graph(select(project.matrix, spark, variant, image))
        requested = graph.of_levels(kinds)
        if dry_run or json:
            plan = build.plan(project, graph, requested, local=not builder)
            if json:
                printing.print_json(plan.definition)
            else:
                printing.print_plan(project.matrix, plan, aliases=aliases)
        else:
            build.build(project, graph, requested, no_cache=no_cache, aliases=aliases, builder=builder)

    body.__doc__ = description
    return command(iterable=["spark", "variant", "image"], help=BUILD_HELP)(body)


@command(
    help={"json": "print JSON, with aliases", "aliases": "list the aliases that `inv build.runtime --aliases` sets"}
)
def images_list(context: Context, json: bool = False, aliases: bool = False) -> None:
    """List every image of the matrix, with its life cycle, and the reasons of refused ones."""
    matrix = load_project().matrix
    if json:
        printing.print_json(printing.cells(matrix, date.today()))
    elif aliases:
        printing.print_aliases(matrix)
    else:
        printing.print_cells(matrix, date.today())


@command(iterable=["spark", "variant"], help={"spark": SPARK, "variant": VARIANT})
def images_sizes(context: Context, spark: list[str], variant: list[str]) -> None:
    """Print the size of each image and its layers."""
    project = load_project()
    printing.print_sizes(measure.measure(project, select(project.matrix, spark, variant)))


@command(iterable=["spark", "variant"], help={"spark": SPARK, "variant": VARIANT})
def images_budgets(context: Context, spark: list[str], variant: list[str]) -> None:
    """Check the sizes against the budgets in images.toml."""
    project = load_project()
    print(budgets.check(project, select(project.matrix, spark, variant)))


@command(
    iterable=["spark", "variant", "image", "format"],
    help={
        "spark": SPARK,
        "variant": VARIANT,
        "image": KIND,
        "format": "cyclonedx or spdx; repeat for several (default: both)",
        "folder": "the folder to write to (default: .build/sbom)",
    },
)
def images_sbom(
    context: Context, spark: list[str], variant: list[str], image: list[str], format: list[str], folder: str = ""
) -> None:
    """Write the SBOM of each image: its jars, packages, JDK."""
    from spark_images.sbom import write as sbom  # noqa: PLC0415 -- the libraries of SBOMs would slow every other task

    project = load_project()
    cells = select(project.matrix, spark, variant, image)
    target = Path(folder) if folder else sbom.FOLDER
    printing.print_table(sbom.COLUMNS, sbom.table(sbom.write(project, cells, format, target)), numbers=sbom.COLUMNS[1:])
    print(f"written to {target}")


@command(
    iterable=["spark", "variant", "image", "sbom", "vex"],
    help={
        "spark": SPARK,
        "variant": VARIANT,
        "image": KIND,
        "sbom": "an SBOM in CycloneDX to scan instead of the images of this machine; repeat for several",
        "vex": "an OpenVEX document that holds for each image; repeat for several",
        "database": "a folder with a database of grype (default: grype fetches the newest one)",
        "json": "print JSON",
    },
)
def scan(
    context: Context,
    spark: list[str],
    variant: list[str],
    image: list[str],
    sbom: list[str],
    vex: list[str],
    database: str = "",
    json: bool = False,
) -> None:
    """Scan images for known vulnerabilities.

    Exit code 1: one has a fix and no VEX statement. 3: no database.
    """
    from spark_images.scan import findings  # noqa: PLC0415 -- the libraries of SBOMs would slow every other task
    from spark_images.scan import scan as scanning  # noqa: PLC0415

    given = scanning.read([Path(file) for file in vex])
    own: dict[str, list[Any]] = {}
    if sbom:
        files = [Path(file) for file in sbom]
    else:
        project = load_project()
        files, own = scanning.written(project, select(project.matrix, spark, variant, image))
    found = scanning.scan(files, lambda name: [*own.get(name, ()), *given], Path(database) if database else None)
    if json:
        printing.print_json([asdict(finding) for finding in found])
    else:
        printing.print_table(findings.COLUMNS, findings.table(found))
        print(findings.summary(found))
    if code := findings.exit_code(found):
        raise Exit(code=code)


@command(help={"check": "write nothing; fail if the catalogue does not match images.toml and the locks"})
def images_catalog(context: Context, check: bool = False) -> None:
    """Write the catalogue, docker/images, and the table in README.md."""
    if check:
        catalogue.check(load_project())
    else:
        catalogue.write(load_project())


@command(help={"check": "write nothing; fail if a drawing does not match the Dockerfiles"})
def graph(context: Context, check: bool = False) -> None:
    """Draw the DAG in docs/graph.svg and docs/dag.md."""
    if check:
        drawing.check(load_project())
    else:
        drawing.write(load_project())


@command(
    iterable=["only"],
    help={
        "only": "artefacts or python (default: both)",
        "upgrade": "update Python packages to the newest versions that requirements.in allows",
    },
)
def lock_update(context: Context, only: list[str], upgrade: bool = False) -> None:
    """Update the locks of artefacts and Python packages."""
    changed = locks_update.update(load_project(locked=False), only, upgrade=upgrade)
    print("\n".join(map(str, changed)) or "every lock is up to date")


@command()
def lock_check(context: Context) -> None:
    """Check that the locks match images.toml."""
    project = load_project(locked=False)
    locks_check.check(project.matrix, project.recipes, project.locks)


@command(
    help={
        "all": "also show what is current",
        "tests": "also compare the artefacts that only tests use",
        "json": "print JSON, with the keys of the cells",
    }
)
def versions_check(context: Context, all: bool = False, tests: bool = False, json: bool = False) -> None:
    """Compare all versions with the newest ones.

    Exit code 3: something is outdated.
    """
    found = versions_comparison.check(load_project().matrix, host.read(), tests=tests)
    if json:
        printing.print_json([asdict(finding) for finding in found])
    else:
        printing.print_table(versions_comparison.COLUMNS, versions_comparison.table(found, everything=all))
    if code := versions_comparison.exit_code(found):
        raise Exit(code=code)


@command(
    positional=["spark"],
    help={
        "spark": "the Spark version: 3.5.9",
        "released": "the day of its release, if the Python index does not say it: 2026-07-16",
    },
)
def versions_add(context: Context, spark: str, released: str = "") -> None:
    """Add a Spark version to images.toml, locks and catalogue."""
    print("\n".join(versions_addition.add(spark, host.read(), versions_addition.day(released))))


@command(
    iterable=["spark", "variant", "image", "untested"],
    help={
        "spark": SPARK,
        "variant": VARIANT,
        "image": KIND,
        "registry": "the registry and path: registry.example:5000/team (default: the setting registry)",
        "key": "the private key of cosign: a file or an address (awskms://...); COSIGN_PASSWORD has its password",
        "keyless": "sign with the identity of this account or CI job instead of a key",
        "untested": "a cell that may be published without a record of its tests; repeat for several",
        "dirty": "publish images that are built from uncommitted changes",
        "renew": "attach everything again to images that are already published",
        "dry-run": "print what would be published, without contacting the registry",
        "json": "print JSON",
    },
)
def publish(
    context: Context,
    spark: list[str],
    variant: list[str],
    image: list[str],
    untested: list[str],
    registry: str = "",
    key: str = "",
    keyless: bool = False,
    dirty: bool = False,
    renew: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Push tested images, attach what proves them, and sign."""
    from spark_images.publish import cosign, publish  # noqa: PLC0415 -- its libraries would slow every other task

    project = load_project()
    cells = select(project.matrix, spark, variant, image)
    order = publish.order(project, cells, registry, untested, dirty=dirty, renew=renew)
    if dry_run:
        found = publish.plan(project, order)
    else:
        found = publish.publish(project, order, cosign.signer(key, keyless=keyless), printing.aside)
    if json:
        printing.print_json(publish.data(found))
    else:
        printing.print_table(publish.COLUMNS, publish.table(found))


VERIFIED = "the image: registry.example:5000/team/spark-k8s-spark:4.1"
TRUST_HELP = {
    "key": "the public key of cosign",
    "identity": "whose signature counts, for images that are signed without a key",
    "issuer": "who confirms the identity: the address of its OIDC issuer",
}


@command(
    positional=["reference"],
    help={"reference": VERIFIED, **TRUST_HELP, "json": "print JSON"},
)
def verify(
    context: Context, reference: str, key: str = "", identity: str = "", issuer: str = "", json: bool = False
) -> None:
    """Verify the signature and statements of an image.

    Exit code 1: a check failed.
    """
    from spark_images.publish import cosign, verify  # noqa: PLC0415 -- its libraries would slow every other task

    image, checks = verify.verify(reference, cosign.trust(key, identity, issuer))
    if json:
        printing.print_json({"image": str(image), "checks": [asdict(check) for check in checks]})
    else:
        print(image)
        printing.print_table(verify.COLUMNS, verify.table(checks))
    if not all(check.passed for check in checks):
        raise Exit(code=1)


@command(positional=["reference"], help={"reference": VERIFIED, **TRUST_HELP})
def reproduce(context: Context, reference: str, key: str = "", identity: str = "", issuer: str = "") -> None:
    """Build a published image again, and compare layers.

    Exit code 1: a layer differs in more than archives of classes.
    """
    from spark_images.publish import cosign, reproduce  # noqa: PLC0415 -- its libraries would slow every other task

    found = reproduce.reproduce(load_project(), reference, cosign.trust(key, identity, issuer), printing.aside)
    printing.print_table(reproduce.COLUMNS, reproduce.table(found))
    print(reproduce.summary(found))
    if not all(layer.is_reproduced for layer in found):
        raise Exit(code=1)


RUN_HELP = {
    "spark": "a Spark version (default: the newest)",
    "variant": "a variant (default: baseline; see `inv images.list`)",
}


def run_task(description: str, *arguments: str, ports: Sequence[int] = ()) -> Any:
    """Makes a task that runs a command in an image, in the foreground."""

    def body(context: Context, spark: str = "", variant: str = "") -> None:
        project = load_project()
        run.run(project, run.chosen(project, spark, variant), arguments, ports=ports)

    body.__doc__ = description
    return command(help=RUN_HELP)(body)


@command(
    positional=["file"],
    help={
        **RUN_HELP,
        "file": "the job: a .py or .jar file",
        "arguments": 'the arguments of the job in one string: --arguments "a b"',
    },
)
def run_submit(context: Context, file: str, spark: str = "", variant: str = "", arguments: str = "") -> None:
    """Run a local job file with spark-submit."""
    project = load_project()
    run.submit(project, run.chosen(project, spark, variant), file, arguments)


@command(help={**RUN_HELP, "workers": "the number of workers (default: 2)"})
def run_cluster(context: Context, spark: str = "", variant: str = "", workers: int = 2) -> None:
    """Run a standalone cluster with its UIs until Ctrl-C."""
    project = load_project()
    run.cluster(project, run.chosen(project, spark, variant), workers)


@command(
    help={
        **RUN_HELP,
        "port": "the port of JupyterLab on this machine (default: 8888)",
        "folder": "a folder on this machine for the notebooks, writable by group 0 (default: no notebook is kept)",
    }
)
def run_jupyter(context: Context, spark: str = "", variant: str = "", port: int = 8888, folder: str = "") -> None:
    """Run JupyterLab and print its URL."""
    notebook.serve(load_project(), spark, variant, port, folder)


@command(
    iterable=["only", "cells"],
    help={
        "only": "size, start, long, queries, kubernetes or build; repeat for several (default: all)",
        "cells": "a cell; repeat for several: --cells 3.5.8-iceberg (default: newest baseline per line; build: all)",
        "runs": "how often to time each side (default: 7, and 3 for a long job)",
        "json": "print the raw figures as JSON",
    },
)
def bench(context: Context, only: list[str], cells: list[str], runs: int = 0, json: bool = False) -> None:
    """Benchmark the images against the official recipe.

    Writes benchmarks/results.
    """
    project = load_project()
    found = benchmark.run(project, benchmark.order(project.matrix, only, cells, runs))
    if json:
        printing.print_json(found)
    else:
        printing.print_results(results.summary(found))


@command()
def docs_build(context: Context) -> None:
    """Build the documentation site in .build/site."""
    from spark_images.site import build as site  # noqa: PLC0415 -- MkDocs would slow every other task

    print(site.build(site.generated(load_project())) / "index.html")


@command(help={"port": "the port on this machine"})
def docs_serve(context: Context, port: int = 8000) -> None:
    """Serve the documentation site and rebuild it after changes."""
    from spark_images.site import build as site  # noqa: PLC0415 -- MkDocs would slow every other task

    site.serve(port)


namespace = Collection(
    Collection(
        "build",
        base=build_task("Build the base layers: Debian, Python, Java.", "base"),
        intermediate=build_task("Build the intermediate layers: Spark, packages, jars.", "intermediate"),
        runtime=build_task("Build all images, or those that the flags select.", "runtime"),
        all=build_task("Build every layer and image.", "base", "intermediate", "runtime"),
    ),
    Collection(
        "run",
        shell=run_task("Run the Scala shell, spark-shell.", "spark-shell"),
        pyspark=run_task("Run the Python shell, pyspark.", "pyspark"),
        sql=run_task("Run the SQL shell, spark-sql.", "spark-sql"),
        submit=run_submit,
        cluster=run_cluster,
        jupyter=run_jupyter,
        connect=run_task("Run a Spark Connect server at sc://localhost:15002.", "connect", ports=(15002, 4040)),
    ),
    Collection(
        "images", list=images_list, sizes=images_sizes, budgets=images_budgets, catalog=images_catalog, sbom=images_sbom
    ),
    Collection("lock", update=lock_update, check=lock_check),
    Collection("versions", check=versions_check, add=versions_add),
    Collection("docs", build=docs_build, serve=docs_serve),
    graph,
    bench,
    scan,
    publish,
    verify,
    reproduce,
)
