"""Chooses the tests of a cell: folders, and a marker expression that selects tests in these folders.

Each test also has the name of its folder as a marker (tests/integration/conftest.py). So one expression can select
folders too.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from packaging.version import Version

from spark_images import ROOT
from spark_images.checks.tiers import SHORT, Tier
from spark_images.matrix.model import BASELINE, Cell

QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""The JVM options for tests. They allow only the first compiler, which halves the CPU time of the many JVMs that tests
start, and select the garbage collector that needs the least of it. Tests check results, not speed. Benchmarks do not
use these options."""

QUICK_SPARK = {"spark.sql.shuffle.partitions": "4"}
"""Settings of Spark for tests. By default, a shuffle has 200 partitions. Test tables have a few rows."""

ON_THE_CLUSTER = (Tier.FULL, Tier.NO_DEVICE, Tier.NO_SLOW, Tier.KUBERNETES)
"""The tiers with tests on a cluster."""

SUITES = ROOT / "tests/integration"
KUBERNETES = ROOT / "tests/kubernetes"
COMMON = "common"
CONNECTORS = "connectors"
CONFORMANCE = "conformance"
FIRST_IMAGE = "spark"
NOTEBOOKS = "jupyter"

OWN_LAYERS = "own_layers"
"""The marker of tests that the additional layers and labels of an image can break."""

THOROUGH = "thorough"
"""The marker of tests that run only on the newest Spark of each line."""

SHARED = "shared"
"""The marker of tests of layers that all lines of a stack share. They run only on the newest Spark of each stack. One
stack is not enough for them, because most of them use its Java, its Python packages or its Debian tools."""

SLOW = "slow"
"""The marker of tests that take more than about 20 seconds of CPU time. The tier `--no-slow` omits them."""

CONTRACT_ON_OTHERS = f"({CONFORMANCE} and smoke and random_uid)"
"""The part of the runtime contract for an image that takes its entrypoint and Spark from another image."""


def folders(cell: Cell, tier: Tier) -> list[str]:
    """Returns the folders of tests/integration for a tier of the cell's tests: none for `--kubernetes`."""
    if tier is Tier.KUBERNETES:
        return []
    if tier is Tier.CONFORMANCE:
        return [CONFORMANCE]
    if cell.image == FIRST_IMAGE:
        return [COMMON, CONNECTORS, *cell.features, CONFORMANCE]
    return [COMMON, cell.image]


def expression(cell: Cell, cells: Sequence[Cell], tier: Tier) -> str:
    """Returns the marker expression for a tier of the cell's tests, or "" for all tests in the folders.

    Each test runs in full once for each set of layers that it tests. The baseline images have the layers of Spark or
    of the notebook, and run all of their tests. A Spark image with one feature runs that feature's folder and, except
    for `--quick`, a part of the contract. Every other image repeats only the tests that its own layers or its
    combination of features can break. Tests of layers that several versions share run on the newest version only.
    `--own-layers` is `--quick` without the folders of features and notebooks.
    """
    if tier is Tier.CONFORMANCE:
        return "" if is_plain(cell) else CONTRACT_ON_OTHERS
    terms = [_of_the_cell(cell, cells, tier)]
    if tier in SHORT:
        terms.append("smoke")
        if is_plain(cell):
            terms.append(f"(not {CONFORMANCE} or random_uid)")
    else:
        terms += [f"not {marker}" for marker in omitted(cell, cells, tier)]
    if tier in (*SHORT, Tier.NO_DEVICE, Tier.NO_SLOW):
        terms.append("not device")
    return " and ".join(term for term in terms if term)


def _of_the_cell(cell: Cell, cells: Sequence[Cell], tier: Tier) -> str:
    if is_plain(cell):
        return ""
    if tier is Tier.OWN_LAYERS:
        return OWN_LAYERS
    whole: list[str] = []
    if cell.image != FIRST_IMAGE:
        whole = [cell.image] if cell.variant == BASELINE else []
    elif proven := [feature for feature in cell.features if not _has_an_image_of_its_own(feature, cell, cells)]:
        whole = proven if tier is Tier.QUICK else [*proven, CONTRACT_ON_OTHERS]
    return f"({' or '.join([OWN_LAYERS, *whole])})" if whole else OWN_LAYERS


def omitted(cell: Cell, cells: Sequence[Cell], tier: Tier) -> list[str]:
    """Returns the markers of the tests that a tier of a cell omits because a newer version runs them."""
    newest_where = {THOROUGH: newest(cells), SHARED: newest(cells, stack_of)}
    return [
        *(marker for marker, chosen in newest_where.items() if cell not in chosen),
        *([SLOW] if tier is Tier.NO_SLOW else []),
    ]


def _has_an_image_of_its_own(feature: str, cell: Cell, cells: Sequence[Cell]) -> bool:
    """Whether another cell of the same kind and Spark version has only this feature."""
    return any(
        (each.image, each.spark, each.features) == (cell.image, cell.spark, (feature,)) and each.key != cell.key
        for each in cells
    )


def arguments(cell: Cell, cells: Sequence[Cell], tier: Tier, image: str) -> list[str]:
    """Returns pytest's arguments for a tier of the cell's tests on `image`: an empty list if there are no tests."""
    chosen = expression(cell, cells, tier)
    paths = [str(SUITES / folder) for folder in folders(cell, tier)]
    return [*paths, "--image", image, *(["-m", chosen] if chosen else [])] if paths else []


def on_a_cluster(cell: Cell) -> bool:
    """Whether a cell has tests on a cluster: baseline Spark images, and those whose only feature has its own file."""
    if cell.image != FIRST_IMAGE or len(cell.features) > 1:
        return False
    return all(_on_the_cluster(feature).exists() for feature in cell.features)


def _on_the_cluster(feature: str) -> Path:
    return KUBERNETES / f"test_{feature}.py"


def kubernetes(cell: Cell, cells: Sequence[Cell], tier: Tier, image: str) -> list[str]:
    """Returns pytest's arguments for the tests of `image` on a cluster: an empty list if there are no tests.

    Each baseline image runs a shuffle, and an image with a feature also the file of the feature. The newest Spark of a
    line also runs the tests marked `thorough`, and the newest Spark of a stack those marked `shared`.
    """
    if not on_a_cluster(cell):
        return []
    files = [KUBERNETES / "test_every_version.py", *(_on_the_cluster(feature) for feature in cell.features)]
    chosen = " and ".join(f"not {marker}" for marker in omitted(cell, cells, tier))
    paths = [KUBERNETES] if is_plain(cell) else files
    return [*(str(path) for path in paths), "--image", image, *(["-m", chosen] if chosen else [])]


def is_plain(cell: Cell) -> bool:
    """Whether all other images of the same Spark version extend this cell's image."""
    return cell.image == FIRST_IMAGE and cell.variant == BASELINE


def line_of(cell: Cell) -> str:
    """Returns the line of a cell."""
    return cell.line


def stack_of(cell: Cell) -> str:
    """Returns the stack of a cell."""
    return cell.values["stack"]


def stack_and_scala_of(cell: Cell) -> str:
    """Returns the stack and Scala version of a cell. Lines in which they are equal have most of their layers alike."""
    return f"{cell.values['stack']} {cell.values['scala']}"


def any_line(_: Cell) -> str:
    """Returns the same for every cell, so that `newest` compares all lines."""
    return ""


def newest(cells: Sequence[Cell], group: Callable[[Cell], str] = line_of) -> list[Cell]:
    """Returns the cells with the highest Spark version of each kind, variant and `group`. Keeps their order."""
    highest: dict[tuple[str, str, str], Version] = {}
    for cell in cells:
        where = (cell.image, group(cell), cell.variant)
        highest[where] = max(Version(cell.spark), highest.get(where, Version(cell.spark)))
    return [cell for cell in cells if highest[cell.image, group(cell), cell.variant] == Version(cell.spark)]


def selection(cell: Cell) -> list[str]:
    """Returns the flags of `inv build.runtime` that name this cell."""
    return ["--image", cell.image, "--spark", cell.spark, "--variant", cell.variant]


def browsed(cells: Sequence[Cell]) -> list[Cell]:
    """Returns the cells that the session `browser` tests: the newest Jupyter baseline of each stack.

    The lines of a stack share JupyterLab and its packages.
    """
    return [cell for cell in newest(cells, stack_of) if cell.image == NOTEBOOKS and cell.variant == BASELINE]
