"""Converts a graph to a buildx bake definition. Reads and writes no files."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from spark_images.matrix.model import Matrix
from spark_images.matrix.templates import fill
from spark_images.plan.graph import LAYER_EPOCH, ROOTFS, Graph, Target

LINK = "target:"
"""The prefix of a context that is another target of the definition."""


@dataclass(frozen=True)
class Stamp:
    """The source of a build: the commit (`revision`) and its time (`epoch`, in seconds since 1970)."""

    revision: str
    epoch: int

    @property
    def created(self) -> str:
        """The time of the commit in the format of RFC 3339, or "" if it is unknown (`epoch` is 0)."""
        return f"{datetime.fromtimestamp(self.epoch, UTC):%Y-%m-%dT%H:%M:%SZ}" if self.epoch else ""


@dataclass(frozen=True)
class Output:
    """The output option of buildx for requested targets, and for all others."""

    requested: str
    rest: str = "type=cacheonly"


def identifier(name: str) -> str:
    """Returns the bake target of a layer or image. Bake allows only letters, digits, `_` and `-`."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", name)


def definition(
    matrix: Matrix,
    graph: Graph,
    requested: Iterable[Target],
    stamp: Stamp,
    output: Output,
    rootfs_folder: Callable[[str], str],
) -> dict[str, Any]:
    """Returns the bake definition that builds `requested` and its dependencies. Its contexts link the targets.

    No target has a tag. Tags are applied only after every target succeeds.
    `rootfs_folder` returns the folder of a Debian release's bootstrapped root file system, relative to the repository.
    """
    wanted = {target.name for target in requested if not _replaced(matrix, target)}
    needed = graph.closure(wanted)
    targets = {
        identifier(target.name): _target(matrix, graph, target, stamp, output, rootfs_folder, target.name in wanted)
        for target in graph.targets.values()
        if target.name in needed and not _replaced(matrix, target)
    }
    return {"group": {"default": {"targets": sorted(map(identifier, wanted))}}, "target": targets}


def _replaced(matrix: Matrix, target: Target) -> bool:
    return target.recipe.name == ROOTFS and target.suite in matrix.os_images


def _target(
    matrix: Matrix,
    graph: Graph,
    target: Target,
    stamp: Stamp,
    output: Output,
    rootfs_folder: Callable[[str], str],
    requested: bool,
) -> dict[str, Any]:
    contexts = {
        name: f"docker-image://{matrix.os_images[graph.targets[dependency].suite]}"
        if _replaced(matrix, graph.targets[dependency])
        else f"{LINK}{identifier(dependency)}"
        for name, dependency in target.contexts.items()
    }
    return {
        "context": rootfs_folder(target.suite) if target.recipe.name == ROOTFS else str(target.recipe.folder),
        "contexts": contexts,
        "platforms": [target.platform],
        # The date in the image's configuration. Layers use a fixed date, so that a new commit does not change them.
        "args": {"SOURCE_DATE_EPOCH": str(stamp.epoch) if target.cell else LAYER_EPOCH, **target.arguments},
        "labels": _labels(matrix, target, stamp),
        "output": [output.requested if requested else output.rest],
    }


def _labels(matrix: Matrix, target: Target, stamp: Stamp) -> Mapping[str, str]:
    if target.cell is None:
        # This label gives layers of equal content different digests. The engine can fail if it exports one digest twice
        # at the same time.
        return {"org.opencontainers.image.title": target.name}
    values = {**target.cell.values, "revision": stamp.revision, "created": stamp.created}
    labels = {n: fill(t, values, matrix.place_of_label(n, target.cell)) for n, t in target.cell.labels.items()}
    # Bake evaluates ${…} and %{…} in strings.
    return {name: text.replace("${", "$${").replace("%{", "%%{") for name, text in labels.items() if text}
