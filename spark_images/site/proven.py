"""The page "What is proven": what the default run tests on each cell, from the rules that Nox runs by."""

from collections.abc import Iterator, Sequence

from spark_images.checks import default_run, suites
from spark_images.checks.tiers import Tier
from spark_images.matrix.model import GPU, Cell
from spark_images.plan.project import Project

MEANING = {
    Tier.FULL: "All tests of the cell.",
    Tier.NO_DEVICE: "All tests that need no CUDA device.",
    Tier.QUICK: "The tests marked `smoke`, in at most 60 seconds.",
    Tier.KUBERNETES: "The tests on a cluster only.",
}
NEVER = "**never run**"
"""What is proven by the tests that need a device. No machine with a GPU has run them: only a person can know that."""

NONE = "–"
COLUMNS = ("image", "tier", "folders of tests/integration", "chosen by markers", "cluster", "browser", "GPU device")


def page(project: Project) -> str:
    """Returns the page as Markdown."""
    return "\n".join(_lines(project)) + "\n"


def on_the_cluster(cell: Cell, cells: Sequence[Cell]) -> str:
    """Returns what the default run tests of a cell on a cluster, as Markdown."""
    tiers = {job.tier for job in default_run.jobs(cells) if job.session == default_run.session_of(cell)}
    if not tiers & {Tier.FULL, Tier.NO_DEVICE, Tier.KUBERNETES}:
        return NONE
    arguments = suites.kubernetes(cell, cells, "")
    paths = [argument.rpartition("/")[2] for argument in arguments if argument.startswith(str(suites.KUBERNETES))]
    if not paths:
        return NONE
    files = ", ".join(f"`{path}`" for path in paths if path.endswith(".py")) or "all"
    return f"{files}: `{arguments[arguments.index('-m') + 1]}`" if "-m" in arguments else files


def _lines(project: Project) -> Iterator[str]:
    matrix = project.matrix
    cells = matrix.buildable
    yield "# What is proven"
    yield ""
    yield "`inv docs.build` writes this page from images.toml and the rules of the default run (`nox`). It shows which tests"
    yield "run on which image. The results of a run are in `.build/results`."
    for kind, image in matrix.images.items():
        if own := [cell for cell in cells if cell.image == kind]:
            yield from ("", f"## {image.title.partition(' {')[0]}", "")
            yield from _table(COLUMNS, [_row(project, cell) for cell in own])
    yield from ("", "## What the columns mean", "")
    yield "- **tier**: the part of the tests that the default run asks for."
    used = {job.tier for job in default_run.jobs(cells)}
    yield from (f"    - `{tier.value}`: {MEANING[tier]}" for tier in Tier if tier in used)
    yield "- **chosen by markers**: pytest's expression that chooses tests in these folders. Without one, all tests run."
    yield "- **cluster**: the files of tests/kubernetes that run. They are skipped if `KUBECONFIG` names no cluster."
    yield "- **browser**: JupyterLab is opened in headless Chromium."
    yield "- **GPU device**: the tests marked `device`. The default run omits them, and no machine with a GPU has run them."
    others = [job.session for job in default_run.jobs(cells) if job.session not in _sessions(cells)]
    yield from ("", f"Sessions that are not about one cell: {', '.join(f'`{name}`' for name in sorted(others))}.")
    yield "[CONTRIBUTING.md](../CONTRIBUTING.md#sessions) describes them."
    if refused := [cell for cell in matrix.cells if cell.refusal]:
        yield from ("", "## Not built, so not tested", "")
        yield from _table(("cell", "reason"), [(f"`{cell.key}`", cell.refusal) for cell in refused])


def _row(project: Project, cell: Cell) -> Sequence[str]:
    cells = project.matrix.buildable
    tier = default_run.tier(cell, cells)
    expression = suites.expression(cell, cells, tier)
    return (
        f"`{project.matrix.repository(cell.name)}`",
        tier.value,
        ", ".join(suites.folders(cell, tier)),
        f"`{expression}`" if expression else "all",
        on_the_cluster(cell, cells),
        "yes" if cell in suites.browsed(cells) else NONE,
        NEVER if GPU in cell.features else NONE,
    )


def _sessions(cells: Sequence[Cell]) -> set[str]:
    return {default_run.session_of(cell) for cell in cells}


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
