"""Which tests belong to which cell: the folders under tests/integration that its image must pass."""

from collections.abc import Sequence
from pathlib import Path

from spark_images import ROOT
from spark_images.catalog import Cell

SUITES = ROOT / "tests/integration"
FIRST_IMAGE = "spark"


def folders(cell: Cell) -> list[Path]:
    """Returns the test folders of a cell: what all share, one for each feature, one for another kind of image."""
    kinds = [] if cell.image == FIRST_IMAGE else [cell.image]
    return [SUITES / name for name in ("common", *cell.features, *kinds)]


def arguments(cell: Cell, image: str, *, smoke: bool) -> Sequence[str]:
    """Returns pytest's arguments for the tests of a cell on `image`; `smoke` is the quick part of the same files."""
    return [*map(str, folders(cell)), "--image", image, *(["-m", "smoke"] if smoke else [])]


def selection(cell: Cell) -> Sequence[str]:
    """Returns the flags of `inv build.runtime` that name this cell."""
    return ["--image", cell.image, "--spark", cell.spark, "--variant", cell.variant]
