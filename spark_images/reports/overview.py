"""The table of the lines in README.md, generated from images.toml: versions, stack, end of life and variants."""

from collections.abc import Iterator
from pathlib import Path

from packaging.version import Version

from spark_images import ROOT, files
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Cell, Matrix
from spark_images.reports import markdown

PAGE = ROOT / "README.md"
BEGIN, END = "<!-- `inv images.catalog` writes this table. -->", "<!-- The end of the table. -->"


def write(matrix: Matrix, page: Path | None = None) -> None:
    """Replaces the table in a page (default: README.md). Raises SparkImagesError if it does not have the two marks."""
    page = page or PAGE
    files.write(page, with_table(page.read_text(), matrix, page.name))


def is_current(matrix: Matrix, page: Path | None = None) -> bool:
    """Returns whether the table in a page matches images.toml. Raises SparkImagesError as `write` does."""
    page = page or PAGE
    text = page.read_text()
    return with_table(text, matrix, page.name) == text


def with_table(text: str, matrix: Matrix, name: str) -> str:
    """Returns the text of a page with the table of a matrix between its two marks.

    `name` is the page's name for messages. Raises SparkImagesError if a mark is missing or there twice.
    """
    if (text.count(BEGIN), text.count(END)) != (1, 1) or text.index(BEGIN) > text.index(END):
        raise SparkImagesError(f'{name}: expected the line "{BEGIN}" once, and after it the line "{END}" once')
    before, _, rest = text.partition(BEGIN)
    return "\n".join([before + BEGIN, "", *table(matrix), "", END + rest.partition(END)[2]])


def table(matrix: Matrix) -> Iterator[str]:
    """Yields the lines of the table: one row for each Spark line that has images, the newest line first."""
    lines = {line for line in matrix.lines if any(cell.line == line for cell in matrix.buildable)}
    rows = (_row(matrix, line) for line in sorted(lines, key=Version, reverse=True))
    return markdown.table(("Spark", "versions", "stack", "end of life", "variants"), rows)


def _row(matrix: Matrix, line: str) -> tuple[str, ...]:
    cells = [cell for cell in matrix.buildable if cell.line == line]
    values = cells[0].values
    versions = dict.fromkeys(cell.spark for cell in cells)
    stack = f"Debian {values['debian_number']}, Java {values['java']}, Python {values['python']}"
    variants = (_variant(matrix, name, cells) for name in dict.fromkeys(cell.variant for cell in cells))
    return line, ", ".join(versions), stack, str(matrix.lines[line].end_of_life), ", ".join(variants)


def _variant(matrix: Matrix, variant: str, cells: list[Cell]) -> str:
    """Returns a variant, followed by its kinds if a kind lacks it: `gpu-iceberg` (only spark)."""
    kinds = dict.fromkeys(cell.image for cell in cells if cell.variant == variant)
    return f"`{variant}`" if len(kinds) == len(matrix.images) else f"`{variant}` (only {', '.join(kinds)})"
