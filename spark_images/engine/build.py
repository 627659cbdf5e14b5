"""Building: a selection becomes a plan, the plan becomes images, and names move once all of it is built."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docker.models.images import Image

from spark_images import ROOT
from spark_images.engine import buildx, daemon, host, records, rootfs
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Matrix
from spark_images.plan import bake, keys
from spark_images.plan.graph import Graph, Target
from spark_images.plan.project import Project
from spark_images.recipes.dockerfiles import LEVELS


@dataclass(frozen=True)
class Plan:
    """What would be built: the targets that get a name, and the bake definition."""

    graph: Graph
    requested: tuple[Target, ...]
    definition: dict[str, Any]

    @property
    def suites(self) -> dict[str, str]:
        """The Debian release of each target of the definition."""
        return {bake.identifier(target.name): target.suite for target in self.graph.targets.values()}


def stamp() -> bake.Stamp:
    """Returns the commit that is checked out, marked `-dirty` where the working tree differs, and its time.

    A file that Git neither knows nor ignores makes a difference in a layer's folder, from where it can enter an image.
    """
    if not shutil.which("git"):
        return bake.Stamp("unknown", 0)

    def git(*arguments: str) -> str:
        command = ("git", "-C", str(ROOT), *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    revision = git("rev-parse", "HEAD")
    folders = [f":(glob)docker/{level}/*/**" for level in LEVELS]
    changed = git("status", "--porcelain", "--untracked-files=no")
    added = git("ls-files", "--others", "--exclude-standard", "--", *folders)
    dirty = "-dirty" if changed or added else ""
    return bake.Stamp(f"{revision}{dirty}", int(git("log", "-1", "--format=%ct") or 0))


def plan(
    project: Project, graph: Graph, requested: Sequence[Target], *, containerd_store: bool = True, local: bool = True
) -> Plan:
    """Returns what building `requested` would do. `local`: on the engine's own builder, not one named by the user."""
    matrix = project.matrix
    output = bake.Output(
        # Uncompressed: the engine unpacks what it stores, and two cores would spend minutes on gzip.
        "type=image,compression=uncompressed,unpack=true" if containerd_store and local else "type=docker"
    )
    definition = bake.definition(matrix, graph, requested, stamp(), output, rootfs.relative_folder)
    # An image that settings name takes the place of a target: it is not built.
    built = tuple(target for target in requested if bake.identifier(target.name) in definition["target"])
    return Plan(graph, built, definition)


def build(
    project: Project, graph: Graph, requested: Sequence[Target], *, builder: str = "", no_cache: bool = False
) -> None:
    """Builds `requested` and what they need, and gives them their names once every one of them is built.

    Raises SparkImagesError where the engine is not able, the disk too full, or the build fails: no name has moved then.
    """
    matrix = project.matrix
    found = daemon.inspect()
    how = {"containerd_store": found.containerd_store, "local": not builder}
    if not no_cache:
        outdated = _outdated(matrix, plan(project, graph, requested, **how))
        if not outdated:
            print(f"nothing to build: all that was requested is up to date ({len(requested)} layers and images)")
            return
        requested = outdated
    daemon.check_disk(found, matrix.settings.min_free_disk_gb + _disk_gb(matrix, requested))
    here = host.read()
    online = buildx.reachable(here)
    for suite in () if matrix.settings.os_image else graph.suites(requested):
        if no_cache or not rootfs.is_made(suite):
            if not online:
                raise SparkImagesError(buildx.offline(here))
            rootfs.bootstrap(suite, here.apt)
    todo = plan(project, graph, requested, **how)
    # Before it is built: what changes meanwhile is to be built again.
    built_from = keys.keys(todo.definition)
    digests = buildx.bake(todo.definition, here, todo.suites, online=online, builder=builder, no_cache=no_cache)
    _name(matrix, todo.requested, digests, built_from)


def _outdated(matrix: Matrix, whole: Plan) -> list[Target]:
    """The targets of a plan that the engine does not hold as they would be built."""
    built_from = keys.keys(whole.definition)
    return [
        target
        for target in whole.requested
        if not records.is_current(matrix.tag(target.name), built_from.get(bake.identifier(target.name)))
    ]


def _disk_gb(matrix: Matrix, targets: Sequence[Target]) -> int:
    """What the features of images that the engine does not hold yet take beyond the least that a build needs."""
    features = {
        feature
        for target in targets
        if target.cell and target.cell.features and not daemon.find(matrix.tag(target.name))
        for feature in target.cell.features
    }
    return sum(matrix.features[feature].disk_gb for feature in features)


def _name(
    matrix: Matrix, targets: Sequence[Target], metadata: Mapping[str, Any], built_from: Mapping[str, str]
) -> None:
    held = {target.name: _held(target.name, metadata.get(bake.identifier(target.name), {})) for target in targets}
    for name, image in held.items():
        image.tag(matrix.tag(name))
        records.remember(matrix.tag(name), built_from.get(bake.identifier(name)), image)


def _held(name: str, result: Mapping[str, Any]) -> Image:
    """The image that a target became. containerd's store knows it by its manifest, the classic one by its config."""
    for digest in (result.get("containerimage.digest"), result.get("containerimage.config.digest")):
        if digest and (image := daemon.find(digest)):
            return image
    raise SparkImagesError(f"{name} was built, but the engine does not hold it: {dict(result)}")
