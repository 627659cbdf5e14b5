"""Measures our images and the references: unpacked and compressed, layer by layer."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from benchmarks.references import References
from benchmarks.start import OURS
from spark_images.engine import daemon
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Cell
from spark_images.plan.project import Project
from spark_images.reports import measure


def measured(project: Project, references: References, cell: Cell, names: Iterable[str]) -> dict[str, Any]:
    """Returns the sizes in bytes of a cell's image and its references, with their layers, bottom layer first.

    Raises SparkImagesError if the engine does not have one of the images.
    """
    ours = measure.measure(project, [cell]).images
    if cell.name not in ours:
        raise SparkImagesError(f"the engine does not have {project.matrix.tag(cell.name)}")
    found = {OURS: _plain(ours[cell.name])}
    for name in names:
        image = daemon.find(references.tag(name, cell))
        if image is None:
            raise SparkImagesError(f"the engine does not have {references.tag(name, cell)}")
        digests = image.attrs["RootFS"]["Layers"]
        known = measure.contents({references.tag(name, cell): digests})
        steps = step_names(image.history(), len(digests))
        found[name] = _plain(
            [measure.Layer(d, step, known[d].size, known[d].compressed) for d, step in zip(digests, steps, strict=True)]
        )
    return found


def _plain(layers: Sequence[measure.Layer]) -> dict[str, Any]:
    whole = measure.added(layers)
    rows = [{"layer": layer.origin, "size": layer.size, "compressed": layer.compressed} for layer in layers]
    return {"size": whole.size, "compressed": whole.compressed, "layers": rows}


def step_names(history: Sequence[dict[str, Any]], count: int) -> list[str]:
    """Returns the name of the step that made each layer, bottom layer first. `history` is newest first.

    If the steps do not match the `count` layers, the layers are numbered instead.
    """
    steps = [step_name(step["CreatedBy"]) for step in reversed(history) if step["Size"]]
    return steps if len(steps) == count else [f"layer {number + 1}" for number in range(count)]


def step_name(created_by: str) -> str:
    """Returns the first words of the instruction that made a layer: `RUN apt-get -q install -y python3`."""
    text = re.sub(r"^RUN (\|\d+ .*? )?/bin/sh -c ", "RUN ", created_by.replace("# buildkit", ""), flags=re.DOTALL)
    lines = [line.strip(" \\") for line in text.replace("RUN set -eu", "RUN").splitlines()]
    text = " ".join(line for line in lines if line and not line.startswith(("#", "mkdir", "apt-get -q update", "cd ")))
    return text if len(text) <= 70 else f"{text[:69]}…"


def registry(project: Project, cells: Iterable[Cell]) -> dict[str, Any]:
    """Returns the bytes that a registry stores for these cells' images, and the sum of their sizes.

    A registry stores a shared layer once; the sum counts it for each image.
    """
    found = measure.measure(project, cells)
    return {
        "images": len(found.images),
        "stored": {"size": found.stored.size, "compressed": found.stored.compressed},
        "sum": {"size": found.total.size, "compressed": found.total.compressed},
    }
