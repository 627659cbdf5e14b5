"""Which tests belong to which cell: the folders under tests/integration that its image must pass."""

from collections.abc import Sequence

from spark_images import ROOT
from spark_images.engine import gpu
from spark_images.matrix.model import BASELINE, GPU, Cell

QUICK_JAVA = "-XX:TieredStopAtLevel=1"
"""What the tests give the JVMs that they start: the first compiler only, which halves their CPU time. They ask whether,
not how fast, and start many. Benchmarks have it nowhere."""

SUITES = ROOT / "tests/integration"
CONFORMANCE = SUITES / "conformance"
KUBERNETES = ROOT / "tests/kubernetes"
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


def arguments(cell: Cell, cells: Sequence[Cell], image: str, *, smoke: bool) -> Sequence[str]:
    """Returns pytest's arguments for the tests of a cell on `image`.

    `smoke` is what any machine can run: the quick part of the same files. Of the GPU images, whose other tests no
    machine without a device would run, those that hold every layer of their line run all that needs none.
    """
    most = max(len(other.features) for other in cells)
    whole = GPU in cell.features and len(cell.features) == most and cell in newest(cells)
    marks = ["-m", "not device" if whole else "smoke and not device"] if smoke else []
    return [*(f"{SUITES}/{name}" for name in tests(cell)), "--image", image, *marks]


def conformance(cell: Cell, image: str) -> Sequence[str]:
    """Returns pytest's arguments for the runtime contract on `image`.

    All of it on a baseline image. Any other has the same entrypoint and Spark below what it adds: it is asked for a
    job, Spark Connect and any other command, under a random UID on a read-only root.
    """
    marks = [] if _is_plain(cell) else ["-m", "smoke and random_uid"]
    return [str(CONFORMANCE), "--image", image, *marks]


def on_a_cluster(cells: Sequence[Cell]) -> list[Cell]:
    """Returns the cells that have tests on a cluster: those of the first kind of image that need no GPU."""
    return [cell for cell in cells if cell.image == FIRST_IMAGE and GPU not in cell.features]


def kubernetes(cell: Cell, cells: Sequence[Cell], image: str) -> Sequence[str]:
    """Returns pytest's arguments for the tests of `image` on a cluster.

    Each baseline image runs the examples and a shuffle; that of the newest Spark of a line also what one version shows
    for all of its line. An image with features runs the shuffle, and what these bring.
    """
    if not _is_plain(cell):
        return [f"{KUBERNETES}/test_every_version.py", f"{KUBERNETES}/test_iceberg.py", "--image", image]
    marks = [] if cell in newest(cells) else ["-m", "not thorough"]
    return [str(KUBERNETES), "--image", image, *marks]


def is_default_on_a_cluster(cell: Cell, cells: Sequence[Cell]) -> bool:
    """Whether a cell's session on a cluster is part of the default run: baseline, and the newest of each line."""
    return _is_plain(cell) or cell in newest(cells)


def queues(cells: Sequence[Cell]) -> list[list[str]]:
    """Returns the sessions of the default run that test images, as queues: those of one do not run at the same time.

    The cluster is one, and longest taken: its sessions are the first queue. Every other session is one of its own.
    """
    cluster = [f"k8s-{cell.key}" for cell in on_a_cluster(cells) if is_default_on_a_cluster(cell, cells)]
    tests = [f"smoke-{cell.key}" if is_quick(cell, cells) else f"test-{cell.key}" for cell in cells]
    contract = [f"conformance-{cell.key}" for cell in cells if cell.image == FIRST_IMAGE]
    return [cluster, *([session] for session in ("network", *tests, *contract, "browser"))]


def newest(cells: Sequence[Cell]) -> list[Cell]:
    """Returns the cells of the newest Spark version of each line."""
    last = {(cell.image, cell.line, cell.variant): cell.spark for cell in cells}
    return [cell for cell in cells if last[cell.image, cell.line, cell.variant] == cell.spark]


def _is_plain(cell: Cell) -> bool:
    return cell.image == FIRST_IMAGE and cell.variant == BASELINE


def selection(cell: Cell) -> Sequence[str]:
    """Returns the flags of `inv build.runtime` that name this cell."""
    return ["--image", cell.image, "--spark", cell.spark, "--variant", cell.variant]


def is_quick(cell: Cell, cells: Sequence[Cell]) -> bool:
    """Whether the default run takes the quick part of a cell's tests: of a GPU cell what any machine can run, and of a
    notebook upon an older Spark of its line, since the same notebook upon the newest shows the rest.
    """
    return GPU in cell.features or (cell.image != FIRST_IMAGE and cell not in newest(cells))


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
    return [cell for cell in newest(cells) if cell.image == NOTEBOOKS and cell.variant == BASELINE]


def summary(cells: Sequence[Cell]) -> str:
    """Returns how many of these cells cannot be tested in full on this machine, and why."""
    skipped = [cell for cell in cells if reason_to_skip(cell, smoke=False)]
    if not skipped:
        return f"{len(cells)} cells, none skipped"
    keys = ", ".join(cell.key for cell in skipped)
    return f"{len(cells)} cells; {len(skipped)} without their GPU tests ({gpu.reason_to_skip()}): {keys}"
