"""Which tests belong to which cell: the folders under tests/integration that its image must pass."""

from collections.abc import Sequence

from spark_images import ROOT, gpu
from spark_images.catalog import BASELINE, GPU, Cell

SUITES = ROOT / "tests/integration"
FIRST_IMAGE = "spark"
NOTEBOOKS = "jupyter"
OF_ITS_OWN_LAYERS = (
    "common/test_files.py::test_no_file_is_writable_for_everyone",
    "common/test_files.py::test_no_file_lends_rights",
    "common/test_files.py::test_nothing_else_is_group_writable",
    "common/test_files.py::test_every_module_is_compiled",
    "common/test_layers.py::test_no_layer_holds_anything_of_the_host",
    "common/test_versions.py::test_the_labels_are_the_catalogues",
    "common/test_versions.py::test_pip_finds_every_requirement_satisfied",
)
"""The common tests that an image upon the first one can fail by its own layers and labels."""


def tests(cell: Cell) -> list[str]:
    """Returns the tests of a cell, as pytest names them under tests/integration.

    The first kind of image: what all share, and a folder for each feature. A kind that lies upon it has a folder of
    its own; of what all share it runs what its own layers could break. Spark is the same in it, layer by layer, as in
    the image of the same cell, which runs the rest.
    """
    if cell.image == FIRST_IMAGE:
        return ["common", *cell.features]
    return [*OF_ITS_OWN_LAYERS, cell.image]


def arguments(cell: Cell, image: str, *, smoke: bool) -> Sequence[str]:
    """Returns pytest's arguments for the tests of a cell on `image`.

    `smoke` is what any machine can run: the quick part of the same files, and on a GPU image, whose other tests no
    machine without a device would run, all that need none.
    """
    marks = (["-m", "not device"] if GPU in cell.features else ["-m", "smoke"]) if smoke else []
    return [*(f"{SUITES}/{name}" for name in tests(cell)), "--image", image, *marks]


def selection(cell: Cell) -> Sequence[str]:
    """Returns the flags of `inv build.runtime` that name this cell."""
    return ["--image", cell.image, "--spark", cell.spark, "--variant", cell.variant]


def is_default(cell: Cell, *, smoke: bool) -> bool:
    """Whether a session is part of the default run: all tests of a cell, or what any machine can run of a GPU cell."""
    return (GPU in cell.features) == smoke


def reason_to_skip(cell: Cell, *, smoke: bool) -> str:
    """Returns why a session is skipped on this machine and which to run instead, or "" where it can run."""
    if smoke or GPU not in cell.features:
        return ""
    reason = gpu.reason_to_skip()
    return f"{reason}; run smoke-{cell.key} for all that needs no GPU" if reason else ""


def describe(cell: Cell, *, smoke: bool) -> str:
    """Returns the line that `nox -l` shows for a session."""
    if GPU not in cell.features:
        return f"{'The quick part' if smoke else 'All'} of the tests of {cell.name}."
    if smoke:
        return f"The tests of {cell.name} that need no GPU."
    reason = gpu.reason_to_skip()
    here = f" Skipped here: {reason}." if reason else ""
    return f"All tests of {cell.name}, with a GPU.{here}"


def browsed(cells: Sequence[Cell]) -> list[Cell]:
    """Returns the notebook cells that are looked at in a browser: the newest Spark of each line, without a variant."""
    newest = {cell.line: cell for cell in cells if cell.image == NOTEBOOKS and cell.variant == BASELINE}
    return list(newest.values())


def summary(cells: Sequence[Cell]) -> str:
    """Returns how many of these cells cannot be tested in full on this machine, and why."""
    skipped = [cell for cell in cells if reason_to_skip(cell, smoke=False)]
    if not skipped:
        return f"{len(cells)} cells, none skipped"
    keys = ", ".join(cell.key for cell in skipped)
    return f"{len(cells)} cells; {len(skipped)} without their GPU tests ({gpu.reason_to_skip()}): {keys}"
