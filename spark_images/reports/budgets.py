"""What the images may weigh: the budgets of images.toml against what was measured."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Cell, Matrix
from spark_images.plan.project import Project
from spark_images.reports import catalogue
from spark_images.reports.measure import Layer, Sizes, measure

MEGABYTE = 1_000_000


def check(project: Project, cells: Sequence[Cell]) -> str:
    """Returns a line that says what was found within its budgets.

    Raises SparkImagesError for a budget that is exceeded, or an image of `cells` that the engine does not hold.
    """
    before = catalogue.layers()
    sizes = measure(project, cells, before.values())
    if missing := [cell.name for cell in cells if cell.name not in sizes.images]:
        raise SparkImagesError(f"not built, so not weighed: {', '.join(missing)}: run `inv build.runtime`")
    whole = len(cells) == len(project.matrix.buildable)
    if found := excesses(project.matrix, cells, sizes, before, whole=whole):
        raise SparkImagesError("\n".join(found))
    ratio = (
        f", and a registry holds {sizes.stored.compressed / sizes.total.compressed:.2f} of their sum" if whole else ""
    )
    return f"{len(cells)} images and {len(sizes.unique)} layers are within their budgets{ratio}"


def excesses(
    matrix: Matrix, cells: Sequence[Cell], sizes: Sizes, before: Mapping[str, Layer], *, whole: bool
) -> list[str]:
    """Returns a sentence for each budget that is exceeded: which image or layer, by how much, and what grew; and for
    each image without one. `sizes` holds every cell of `cells`.

    `before` are the layers by name as they were when the catalogue was written; `whole` says that `cells` are all that
    there are, so that what a registry holds for them can be judged.
    """
    found = [*_images(matrix, cells, sizes, before), *_layers(matrix, sizes, before)]
    ratio = sizes.stored.compressed / sizes.total.compressed if sizes.total.compressed else 0
    if whole and ratio > matrix.budgets.registry_ratio:
        excess = sizes.stored.compressed - matrix.budgets.registry_ratio * sizes.total.compressed
        found.append(
            f"a registry holds {_mb(sizes.stored.compressed)} for {len(sizes.images)} images, {ratio:.3f} of their "
            f"sum: {_mb(excess)} over the budget of {matrix.budgets.registry_ratio}{_grown(sizes.unique, before)}"
        )
    return found


def _images(matrix: Matrix, cells: Iterable[Cell], sizes: Sizes, before: Mapping[str, Layer]) -> Iterator[str]:
    for cell in cells:
        budget = matrix.budget(cell)
        size = sizes.of(cell.name).size
        if size > budget * MEGABYTE:
            yield (
                f"{cell.name}: {_mb(size)} unpacked, {_mb(size - budget * MEGABYTE)} over its budget of {budget} MB"
                f"{_grown(sizes.images[cell.name], before)}"
            )


def _layers(matrix: Matrix, sizes: Sizes, before: Mapping[str, Layer]) -> Iterator[str]:
    for layer in sorted(sizes.unique, key=lambda layer: layer.origin):
        budget = matrix.layer_budgets.get(layer.origin, matrix.budgets.layer_mb)
        if layer.compressed > budget * MEGABYTE:
            images = [image for image, layers in sizes.images.items() if layer in layers]
            others = f" and {len(images) - 1} more" if images[1:] else ""
            was = f"; it was {_mb(before[layer.origin].compressed)}" if layer.origin in before else "; it is new"
            yield (
                f"{layer.origin} (in {images[0]}{others}): {_mb(layer.compressed)} compressed, "
                f"{_mb(layer.compressed - budget * MEGABYTE)} over the budget of a layer, {budget} MB{was}"
            )


def _grown(layers: Iterable[Layer], before: Mapping[str, Layer]) -> str:
    """The layers that are larger than they were, the most grown first."""
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
