"""The engine's images before they are published: their labels and tests, and whether they may be published."""

from collections.abc import Sequence
from dataclasses import dataclass

from spark_images.checks import records
from spark_images.checks.records import Record
from spark_images.engine import daemon, git
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.model import Cell, Matrix
from spark_images.matrix.selection import cell_of
from spark_images.sbom.write import CREATED

REVISION = "org.opencontainers.image.revision"


@dataclass(frozen=True)
class Local:
    """An image of the engine: its cell, tag, ID, the digests of its unpacked layers, and the records of its tests."""

    cell: Cell
    tag: str
    identity: str
    layers: tuple[str, ...]
    revision: str
    created: str
    records: tuple[Record, ...]

    @property
    def day(self) -> str:
        """The day of the commit that the image is made from: `20261127`."""
        return self.created.partition("T")[0].replace("-", "") or "undated"


def find(matrix: Matrix, cells: Sequence[Cell]) -> list[Local]:
    """Returns the images of these cells. Raises SparkImagesError if the engine does not have all of them."""
    found, missing = [], []
    for cell in cells:
        tag = matrix.tag(cell.name)
        image = daemon.find(tag)
        if image is None:
            missing.append(tag)
            continue
        labels = image.labels
        found.append(
            Local(
                cell,
                tag,
                str(image.id),
                tuple(image.attrs["RootFS"]["Layers"]),
                labels.get(REVISION, ""),
                labels.get(CREATED, ""),
                tuple(records.of_image(str(image.id))),
            )
        )
    if missing:
        raise SparkImagesError(f"not built: {', '.join(missing)}: run `inv build.runtime`, then test the images")
    return found


def check(matrix: Matrix, images: Sequence[Local], untested: Sequence[str], revision: str, *, dirty: bool) -> None:
    """Raises SparkImagesError if an image may not be published.

    Its revision must be that of the working tree, whose locks the provenance names: `revision`. It must be a commit,
    unless `dirty` is set. A session must have tested this image, and no session may have failed on it. `untested` has
    the keys of cells for which the tests do not matter. Raises UsageError for an unknown key.
    """
    keys = {cell_of(matrix, key).key for key in untested}
    if unknown := keys - {image.cell.key for image in images}:
        raise UsageError(f"--untested {sorted(unknown)[0]}: this cell is not published: its flags do not select it")
    wrong = []
    for image in images:
        if not dirty and (image.revision.endswith(git.DIRTY) or not image.revision):
            wrong.append(
                f"{image.tag} is built from uncommitted changes (revision {image.revision or 'unknown'}): commit them "
                "and build again, or pass --dirty"
            )
        elif image.revision != revision:
            wrong.append(
                f"{image.tag} is built from {image.revision}, and the working tree has other inputs of images "
                f"({revision}): run `inv build.runtime` and test the image again, or check out the commit"
            )
        if image.cell.key not in keys and (reason := _reason(image)):
            wrong.append(f"{reason}, or pass --untested {image.cell.key}")
    if wrong:
        raise SparkImagesError("\n".join(wrong))


def _reason(image: Local) -> str:
    session = f"nox -s test-{image.cell.key}"
    if not image.records:
        return f"{image.tag}: no session has tested this image (ID {image.identity[7:19]}): run `{session}`"
    if failed := [record.session for record in image.records if record.failed]:
        return f"{image.tag}: tests failed in {', '.join(failed)}: correct them and run `{session}`"
    if not any(record.passed for record in image.records):
        return f"{image.tag}: no test of this image has passed, they were all skipped: run `{session}` elsewhere"
    return ""
