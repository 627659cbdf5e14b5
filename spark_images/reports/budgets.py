"""Compares the measured sizes with the budgets in images.toml."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Cell, Matrix
from spark_images.plan.project import Project
from spark_images.reports import catalogue
from spark_images.reports.measure import Layer, Sizes, measure
from spark_images.wording import counted

MEGABYTE = 1_000_000


def check(project: Project, cells: Sequence[Cell]) -> str:
    """Returns the line to print if every size is within its budget.

    Raises SparkImagesError if a size is over its budget, or if the engine does not have an image of `cells`.
    """
    before = catalogue.layers()
    sizes = measure(project, cells, before.values())
    if missing := [cell.name for cell in cells if cell.name not in sizes.images]:
        raise SparkImagesError(f"images that are not built have no size: {', '.join(missing)}: run `inv build.runtime`")
    whole = len(cells) == len(project.matrix.buildable)
    if found := excesses(project.matrix, cells, sizes, before, whole=whole):
        raise SparkImagesError("\n".join(found))
    ratio = (
        f"; a registry stores {sizes.stored.compressed / sizes.total.compressed:.2f} of the total size" if whole else ""
    )
    what = f"{counted(len(cells), 'image')} and {counted(len(sizes.unique), 'layer')}"
    return f"{what} are within their budgets{ratio}"


def excesses(
    matrix: Matrix, cells: Sequence[Cell], sizes: Sizes, before: Mapping[str, Layer], *, whole: bool
) -> list[str]:
    """Returns a sentence for each exceeded budget: the image or layer, the excess, and the layers that grew.

    `sizes` has the size of every cell of `cells`. `before` has the layers at the time of the last catalogue, by name.
    `whole` says that `cells` are all cells that are built: only then is the total size in a registry checked.
    Raises MatrixError if images.toml has no budget for a cell.
    """
    found = [*_images(matrix, cells, sizes, before), *_layers(matrix, sizes, before)]
    ratio = sizes.stored.compressed / sizes.total.compressed if sizes.total.compressed else 0
    if whole and ratio > matrix.budgets.registry_ratio:
        excess = sizes.stored.compressed - matrix.budgets.registry_ratio * sizes.total.compressed
        found.append(
            f"a registry stores {_mb(sizes.stored.compressed)} for {counted(len(sizes.images), 'image')}, {ratio:.3f} "
            f"of the total size: {_mb(excess)} over the budget of {matrix.budgets.registry_ratio}"
            f"{_grown(sizes.unique, before)}"
        )
    return found


def _images(matrix: Matrix, cells: Iterable[Cell], sizes: Sizes, before: Mapping[str, Layer]) -> Iterator[str]:
    for cell in cells:
        budget = matrix.budget(cell)
        counted_here = [layer for layer in sizes.images[cell.name] if layer.origin not in matrix.unpacked_budgets]
        size = sum(layer.size for layer in counted_here)
        if size > budget * MEGABYTE:
            apart = [layer.origin for layer in sizes.images[cell.name] if layer not in counted_here]
            how = f"unpacked without {', '.join(apart)}" if apart else "unpacked"
            yield f"{cell.name}: {_over(size, how, budget)}{_grown(counted_here, before)}"


def _layers(matrix: Matrix, sizes: Sizes, before: Mapping[str, Layer]) -> Iterator[str]:
    for layer in sorted(sizes.unique, key=lambda layer: layer.origin):
        was = before.get(layer.origin)
        unpacked = matrix.unpacked_budgets.get(layer.origin)
        if unpacked and layer.size > unpacked * MEGABYTE:
            yield f"{layer.origin}: {_over(layer.size, 'unpacked', unpacked)}; {_was(was.size if was else None)}"
        budget = matrix.layer_budgets.get(layer.origin, matrix.budgets.layer_mb)
        if layer.compressed > budget * MEGABYTE:
            images = [image for image, layers in sizes.images.items() if layer in layers]
            others = f" and {len(images) - 1} more" if images[1:] else ""
            yield (
                f"{layer.origin} (in {images[0]}{others}): {_over(layer.compressed, 'compressed', budget)}; "
                f"{_was(was.compressed if was else None)}"
            )


def _over(size: int, how: str, budget: int) -> str:
    return f"{_mb(size)} {how}, {_mb(size - budget * MEGABYTE)} over its budget of {budget} MB"


def _was(size: int | None) -> str:
    return "it is new" if size is None else f"it was {_mb(size)}"


def _grown(layers: Iterable[Layer], before: Mapping[str, Layer]) -> str:
    """The layers that grew since the catalogue was written, the largest growth first."""
    growth = {
        layer.origin: layer.size - before[layer.origin].size if layer.origin in before else layer.size
        for layer in layers
    }
    grown = sorted(((by, name) for name, by in growth.items() if by >= MEGABYTE / 10), reverse=True)
    if not grown:
        return "; no layer has grown since the catalogue was written: the budget is too small"
    said = (f"{name} by {_mb(by)}" if name in before else f"{name} is new, {_mb(by)}" for by, name in grown)
    return f"; grown since the catalogue was written: {', '.join(said)}"


def _mb(size: float) -> str:
    return f"{size / MEGABYTE:,.1f} MB"
