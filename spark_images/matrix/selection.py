"""Selects the cells that a command line names."""

from collections.abc import Sequence

from spark_images.errors import UsageError, unknown
from spark_images.matrix.model import Cell, Matrix


def select(
    matrix: Matrix, sparks: Sequence[str] = (), variants: Sequence[str] = (), images: Sequence[str] = ()
) -> tuple[Cell, ...]:
    """Returns the buildable cells of these Spark versions, variants and images. An empty list means all.

    Raises UsageError for an unknown name, with the nearest valid name. Raises UsageError if all cells of a combination
    of names are refused, with the reasons.
    """
    for what, named, valid in (
        ("Spark version", sparks, matrix.spark),
        ("variant", variants, matrix.variants),
        ("image", images, matrix.images),
    ):
        for name in named:
            if name not in valid:
                raise UsageError(unknown(what, name, valid))

    chosen = []
    for image in images or [""]:
        for spark in sparks or [""]:
            for variant in variants or [""]:
                cells = [
                    cell
                    for cell in matrix.cells
                    if image in ("", cell.image) and spark in ("", cell.spark) and variant in ("", cell.variant)
                ]
                buildable = [cell for cell in cells if not cell.refusal]
                if not buildable:
                    raise UsageError(_refused(cells))
                chosen += buildable
    return tuple(cell for cell in matrix.cells if cell in chosen)


def _refused(cells: Sequence[Cell]) -> str:
    reasons: dict[str, list[str]] = {}
    for cell in cells:
        reasons.setdefault(cell.refusal, []).append(cell.key)
    return "\n".join(f"not built: {', '.join(keys)}: {reason}" for reason, keys in reasons.items())


def cell_of(matrix: Matrix, key: str) -> Cell:
    """Returns the cell with this key.

    Raises UsageError for an unknown key, with the nearest valid key. Raises UsageError for a refused cell, with the
    reason.
    """
    for cell in matrix.cells:
        if cell.key == key:
            if cell.refusal:
                raise UsageError(_refused([cell]))
            return cell
    raise UsageError(unknown("cell", key, [cell.key for cell in matrix.buildable]))
