"""Which tests prove which cell: folders, and an expression of pytest's markers that chooses among their tests.

Each test has its folder's name as a marker too (tests/integration/conftest.py), so that one expression covers all.
"""

from collections.abc import Sequence

from packaging.version import Version

from spark_images import ROOT
from spark_images.checks.tiers import Tier
from spark_images.matrix.model import BASELINE, GPU, Cell

QUICK_JAVA = "-XX:TieredStopAtLevel=1"
"""What the tests give the JVMs that they start: the first compiler only, which halves their CPU time. They ask whether,
not how fast, and start many. Benchmarks have it nowhere."""

SUITES = ROOT / "tests/integration"
KUBERNETES = ROOT / "tests/kubernetes"
COMMON = "common"
CONFORMANCE = "conformance"
FIRST_IMAGE = "spark"
NOTEBOOKS = "jupyter"

OWN_LAYERS = "own_layers"
"""The marker of the tests that an image can fail by the layers and labels that it adds to the one it extends."""

CONTRACT_ON_OTHERS = f"({CONFORMANCE} and smoke and random_uid)"
"""The part of the runtime contract that an image repeats whose entrypoint and Spark are another image's."""


def folders(cell: Cell, tier: Tier) -> list[str]:
    """Returns the folders under tests/integration that hold a tier of the cell's tests; none for the cluster's tier."""
    if tier is Tier.KUBERNETES:
        return []
    if tier is Tier.CONFORMANCE:
        return [CONFORMANCE]
    if cell.image == FIRST_IMAGE:
        return [COMMON, *cell.features, CONFORMANCE]
    return [COMMON, cell.image]


def expression(cell: Cell, cells: Sequence[Cell], tier: Tier) -> str:
    """Returns the expression of markers that chooses a tier of the cell's tests; "" where it takes all of the folders.

    A test runs in full once for each set of layers that it proves. The baseline images have Spark's layers, or the
    notebook's, and run all of their tests. An image with one feature adds that feature's layers, and runs its folder
    and (not quickly) a part of the contract. Any other repeats what its own layers, or features together, could break.
    """
    if tier is Tier.CONFORMANCE:
        return "" if is_plain(cell) else CONTRACT_ON_OTHERS
    terms = [_of_the_cell(cell, cells, tier)]
    if tier is Tier.QUICK:
        terms.append("smoke")
        if is_plain(cell):
            terms.append(f"(not {CONFORMANCE} or random_uid)")
    if tier in (Tier.QUICK, Tier.NO_DEVICE):
        terms.append("not device")
    return " and ".join(term for term in terms if term)


def _of_the_cell(cell: Cell, cells: Sequence[Cell], tier: Tier) -> str:
    if is_plain(cell):
        return ""
    whole: list[str] = []
    if cell.image != FIRST_IMAGE:
        whole = [cell.image] if cell.variant == BASELINE else []
    elif proven := [feature for feature in cell.features if not _has_an_image_of_its_own(feature, cell, cells)]:
        whole = proven if tier is Tier.QUICK else [*proven, CONTRACT_ON_OTHERS]
    return f"({' or '.join([OWN_LAYERS, *whole])})" if whole else OWN_LAYERS


def _has_an_image_of_its_own(feature: str, cell: Cell, cells: Sequence[Cell]) -> bool:
    """Whether another cell of the same kind and Spark has this feature only."""
    return any(
        (each.image, each.spark, each.features) == (cell.image, cell.spark, (feature,)) and each.key != cell.key
        for each in cells
    )


def arguments(cell: Cell, cells: Sequence[Cell], tier: Tier, image: str) -> list[str]:
    """Returns pytest's arguments for a tier of the cell's tests on `image`; none where it has no such tests."""
    chosen = expression(cell, cells, tier)
    paths = [str(SUITES / folder) for folder in folders(cell, tier)]
    return [*paths, "--image", image, *(["-m", chosen] if chosen else [])] if paths else []


def on_a_cluster(cell: Cell) -> bool:
    """Whether a cell has tests on a cluster: those of the first kind of image that need no GPU."""
    return cell.image == FIRST_IMAGE and GPU not in cell.features


def kubernetes(cell: Cell, cells: Sequence[Cell], image: str) -> list[str]:
    """Returns pytest's arguments for the tests of `image` on a cluster; none where it has no such tests.

    Each baseline image runs the examples and a shuffle; that of the newest Spark of a line also what one version shows
    for all of its line. An image with features runs the shuffle, and what these bring.
    """
    if not on_a_cluster(cell):
        return []
    if not is_plain(cell):
        return [f"{KUBERNETES}/test_every_version.py", f"{KUBERNETES}/test_iceberg.py", "--image", image]
    marks = [] if cell in newest(cells) else ["-m", "not thorough"]
    return [str(KUBERNETES), "--image", image, *marks]


def is_plain(cell: Cell) -> bool:
    """Whether a cell's image is the one that all others of its Spark version extend."""
    return cell.image == FIRST_IMAGE and cell.variant == BASELINE


def newest(cells: Sequence[Cell]) -> list[Cell]:
    """Returns the cells of the highest Spark version of each kind of image, line and variant, in their order."""
    highest: dict[tuple[str, str, str], Version] = {}
    for cell in cells:
        where = (cell.image, cell.line, cell.variant)
        highest[where] = max(Version(cell.spark), highest.get(where, Version(cell.spark)))
    return [cell for cell in cells if highest[cell.image, cell.line, cell.variant] == Version(cell.spark)]


def selection(cell: Cell) -> list[str]:
    """Returns the flags of `inv build.runtime` that name this cell."""
    return ["--image", cell.image, "--spark", cell.spark, "--variant", cell.variant]


def browsed(cells: Sequence[Cell]) -> list[Cell]:
    """Returns the notebook cells that are looked at in a browser: the newest Spark of each line, without a variant."""
    return [cell for cell in newest(cells) if cell.image == NOTEBOOKS and cell.variant == BASELINE]
