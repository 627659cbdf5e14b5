"""Prints the results of tasks: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from spark_images.engine.build import Plan
from spark_images.matrix.model import Matrix
from spark_images.plan.bake import identifier
from spark_images.reports.measure import Sizes
from spark_images.wording import counted


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()) -> None:
    """Prints a table. The columns in `numbers` are aligned to the right.

    On a terminal, the last column wraps. In a pipe, the table is as wide as its content.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        last = column == columns[-1]
        table.add_column(column, justify="right" if column in numbers else "left", no_wrap=not last, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console = Console()
    if not console.is_terminal:
        wide = console.options.update(max_width=10_000)
        console = Console(width=Measurement.get(console, wide, table).maximum)
    console.print(table)


def aside(text: str) -> None:
    """Prints progress to standard error. Standard output is for the result."""
    print(text, file=sys.stderr, flush=True)


def print_json(document: Any) -> None:
    """Prints a document as JSON."""
    print(json.dumps(document, indent=2))


def cells(matrix: Matrix, today: date) -> list[dict[str, Any]]:
    """Returns every cell of the matrix as plain data. `refused` is the reason for a refusal, or None.

    `days_left` is the number of days from `today` to the end of life of the line. It is negative after that day.
    """
    cycles = {spark: matrix.life_cycle(spark) for spark in matrix.spark}
    return [
        {
            "cell": cell.key,
            "image": matrix.tag(cell.name),
            "kind": cell.image,
            "spark": cell.spark,
            "variant": cell.variant,
            "released": cycles[cell.spark].released.isoformat(),
            "superseded_by": cycles[cell.spark].superseded_by or None,
            "end_of_life": cycles[cell.spark].end_of_life.isoformat(),
            "end_of_life_source": cycles[cell.spark].source,
            "days_left": cycles[cell.spark].days_left(today),
            "aliases": [] if cell.refusal else list(matrix.aliases_of(cell)),
            "notes": [] if cell.refusal else matrix.notes(cell),
            "refused": cell.refusal or None,
        }
        for cell in matrix.cells
    ]


def print_cells(matrix: Matrix, today: date) -> None:
    """Prints the matrix as a table. It shows how many days from `today` each line is maintained."""
    rows = [
        (
            row["cell"],
            row["image"],
            row["superseded_by"] or "",
            matrix.life_cycle(row["spark"]).left(today),
            row["refused"] or "; ".join(row["notes"]) or "offered",
        )
        for row in cells(matrix, today)
    ]
    print_table(("cell", "image", "superseded by", "end of life", "state"), rows)


def print_aliases(matrix: Matrix) -> None:
    """Prints the aliases of each cell as a table, one alias on each line."""
    rows = [(cell.key, alias) for cell in matrix.buildable for alias in matrix.aliases_of(cell)]
    print_table(("cell", "alias"), rows)


def plan(matrix: Matrix, todo: Plan) -> list[dict[str, Any]]:
    """Returns the targets of a plan in build order, as plain data.

    `image` is the name of the image that is built, or None for a target that gets no tag. `aliases` are the references
    that `--aliases` adds.
    """
    requested = {target.name for target in todo.requested}
    return [
        {
            "target": name,
            "folder": str(target.recipe.folder),
            "image": matrix.tag(name) if name in requested else None,
            "aliases": list(matrix.aliases_of(target.cell)) if target.cell and name in requested else [],
            "from": sorted(target.contexts.values()),
        }
        for name, target in todo.graph.targets.items()
        if identifier(name) in todo.definition["target"]
    ]


def print_plan(matrix: Matrix, todo: Plan, *, aliases: bool = False) -> None:
    """Prints a plan as a table. With `aliases`, the aliases follow the name of the image."""
    rows = [
        (
            row["target"],
            row["folder"],
            ", ".join([row["image"] or "", *(row["aliases"] if aliases else ())]),
            ", ".join(row["from"]),
        )
        for row in plan(matrix, todo)
    ]
    print_table(("target", "folder", "image", "built from"), rows)


SHOWN = 500_000
"""The smallest size, in bytes, of a layer that gets a line."""


def megabytes(size: int) -> str:
    """Returns a size in bytes as MB (10^6 bytes) with a thousands separator: `1,042 MB`."""
    return f"{size / 1e6:,.0f} MB"


def print_sizes(sizes: Sizes) -> None:
    """Prints the unpacked and compressed sizes of each image and its layers, then the totals of all images.

    The second number of a total counts shared layers once.
    """
    for image, layers in sizes.images.items():
        whole = sizes.of(image)
        columns = (megabytes(whole.size), megabytes(whole.compressed), image)
        rows = [
            (megabytes(layer.size), megabytes(layer.compressed), layer.origin)
            for layer in layers
            if layer.size >= SHOWN
        ]
        print_table(columns, rows, numbers=columns[:2])
        print()
    if not sizes.images:
        print("0 images: the engine has none of these images: run `inv build.runtime`")
        return
    print(f"{counted(len(sizes.images), 'image')}: total size, and total size with each layer counted once:")
    for what, total, stored in (
        ("unpacked", sizes.total.size, sizes.stored.size),
        ("compressed (zstd)", sizes.total.compressed, sizes.stored.compressed),
    ):
        print(f"{what}: {megabytes(total)}, {megabytes(stored)} ({stored / total:.2f})")


def print_results(tables: Iterable[Any]) -> None:
    """Prints the tables of a benchmark, each below its title."""
    for table in tables:
        print(f"\n{table.title}")
        print_table(table.columns, table.rows, numbers=table.columns[table.texts :])
