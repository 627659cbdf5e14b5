"""The page "What is proven": what the default run tests on each cell, from the rules that Nox runs by."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from spark_images.checks import default_run, suites
from spark_images.checks.tiers import Tier
from spark_images.matrix.model import GPU, Cell
from spark_images.plan.project import Project
from spark_images.reports.markdown import table

MEANING = {
    Tier.FULL: "All tests of the cell.",
    Tier.NO_DEVICE: "All tests that need no CUDA device.",
    Tier.NO_SLOW: "All tests except those marked `slow` and those that need a CUDA device.",
    Tier.QUICK: "The tests marked `smoke`, in at most 60 seconds.",
    Tier.OWN_LAYERS: "The tests marked `smoke` and `own_layers`: what the image adds to the image that it extends.",
}
NEVER = "**never run**"
"""For the tests that need a device. No machine with a GPU has run them, which no rule can tell: change it by hand."""

NONE = "–"
COLUMNS = ("cell", "tier", "on a cluster", "in a browser", "on a GPU")


def page(project: Project) -> str:
    """Returns the page as Markdown."""
    return "\n".join(_lines(project)) + "\n"


def on_the_cluster(cell: Cell, cells: Sequence[Cell], tier: Tier) -> str:
    """Returns what a tier of a cell's tests runs on a cluster, as Markdown."""
    if tier not in suites.ON_THE_CLUSTER or not (arguments := suites.kubernetes(cell, cells, tier, "")):
        return NONE
    names = [Path(argument).name for argument in arguments if argument.endswith(".py")]
    files = ", ".join(f"`{name}`" for name in names) or "all"
    if not (markers := suites.omitted(cell, cells, tier)):
        return files
    return f"{files} except those marked {' or '.join(f'`{marker}`' for marker in markers)}"


def _lines(project: Project) -> Iterator[str]:
    matrix = project.matrix
    cells = matrix.buildable
    tiers = default_run.tiers(cells)
    yield "# What is proven"
    yield ""
    yield "The default run, `nox`, tests each cell of the matrix. This page shows which tests it runs. `inv docs.build`"
    yield "writes the page from images.toml and the rules that Nox uses. `.build/results` holds the results of a run."
    for kind, image in matrix.images.items():
        if own := [cell for cell in cells if cell.image == kind]:
            yield from ("", f"## {image.title.partition(' {')[0]}", "")
            yield from table(COLUMNS, [_row(cell, cells, tiers[cell.key]) for cell in own])
    yield ""
    yield "- **on a cluster**: the tests in tests/kubernetes. They are skipped if `KUBECONFIG` names no cluster."
    yield "- **in a browser**: JupyterLab in headless Chromium."
    yield "- **on a GPU**: the tests marked `device`. The default run omits them. No machine with a GPU has run them."
    yield from ("", "## What a tier runs", "")
    jobs = default_run.jobs(cells)
    used = {job.tier for job in jobs}
    yield from (f"- `{tier.value}`: {MEANING[tier]}" for tier in Tier if tier in used)
    yield ""
    yield "Each test runs in full once for each set of layers that it tests. Pytest's markers choose the tests."
    yield ""
    yield from table(("folders in tests/integration", "markers", "tier", "cells"), _suites(cells, tiers))
    sessions = {default_run.session_of(cell) for cell in cells}
    others = sorted({job.session for job in jobs} - sessions)
    yield from ("", f"Other sessions with images: {', '.join(f'`{name}`' for name in others)}. ")
    yield "[CONTRIBUTING.md](../CONTRIBUTING.md#sessions) describes them."
    if refused := [cell for cell in matrix.cells if cell.refusal]:
        yield from ("", "## Not built", "")
        yield from table(("cell", "reason"), [(f"`{cell.key}`", cell.refusal) for cell in refused])


def _row(cell: Cell, cells: Sequence[Cell], tier: Tier) -> Sequence[str]:
    return (
        f"`{cell.key}`",
        f"`{tier.value}`",
        on_the_cluster(cell, cells, tier),
        "yes" if cell in suites.browsed(cells) else NONE,
        NEVER if GPU in cell.features else NONE,
    )


def _suites(cells: Sequence[Cell], tiers: Mapping[str, Tier]) -> list[Sequence[str]]:
    """The tests on containers: a row for each choice of tests, with the cells that run it."""
    chosen: dict[tuple[str, str, str], list[str]] = {}
    for cell in cells:
        tier = tiers[cell.key]
        markers = suites.expression(cell, cells, tier)
        what = (", ".join(suites.folders(cell, tier)), f"`{markers}`" if markers else "all", f"`{tier.value}`")
        chosen.setdefault(what, []).append(f"`{cell.key}`")
    return [(*what, ", ".join(keys)) for what, keys in chosen.items()]
