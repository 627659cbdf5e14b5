"""Builds a plan. Tags are applied only after every target succeeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docker.models.images import Image

from spark_images.engine import builders, buildx, daemon, git, host, rootfs
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.model import Cell, Matrix
from spark_images.plan import bake, keys
from spark_images.plan import graph as graphs
from spark_images.plan.graph import Graph, Target
from spark_images.plan.project import Project
from spark_images.recipes.dockerfiles import FOLDERS
from spark_images.wording import counted

NAME_OF_BUILDKIT = "moby-dangling@{}"
"""The name that BuildKit gives to an image without a tag in containerd's store. While an image has it, `docker images`
also lists the image as `<none>`."""

FOR_TESTS_GB = 3
"""The free space for a build of servers and layers that only tests use, in GB. Each of them adds less than 1 GB."""


MAKERS = ("images.toml", *(f"spark_images/{room}" for room in ("engine", "matrix", "plan", "recipes")))
"""The inputs of images in addition to the folders of docker/ with a Dockerfile."""


@dataclass(frozen=True)
class Plan:
    """A planned build: the targets that get a tag, and the bake definition."""

    graph: Graph
    requested: tuple[Target, ...]
    definition: dict[str, Any]

    @property
    def suites(self) -> dict[str, str]:
        """The Debian release of each target of the definition."""
        return {bake.identifier(target.name): target.suite for target in self.graph.targets.values()}


def stamp() -> bake.Stamp:
    """Returns the last commit that changed what images are made from, and its time.

    Other commits, such as those of docs and tests, change no image. The commit ends in `-dirty` if the working tree
    differs from it in such a file. An untracked file counts only in a layer's folder, because only there it can enter
    an image. In a shallow clone, the commit can be the oldest one of the clone instead.
    """
    folders = [f":(glob)docker/{level}/*/**" for level in FOLDERS]
    revision, _, time = git.ask("log", "-1", "--format=%H %ct", "--", *MAKERS, *folders).partition(" ")
    changed = git.ask("status", "--porcelain", "--untracked-files=no", "--", *MAKERS, *folders)
    added = git.ask("ls-files", "--others", "--exclude-standard", "--", *folders)
    dirty = git.DIRTY if changed or added else ""
    return bake.Stamp(f"{revision or 'unknown'}{dirty}", int(time or 0))


def layer(project: Project, folder: str, cell: Cell | None = None) -> str:
    """Builds the layer, server or image in `folder` with the values of a cell. Returns its reference.

    A server has the same values for each cell: leave the cell out. Raises the errors of `build`.
    """
    matrix = project.matrix
    cell = cell or matrix.buildable[0]
    graph = graphs.graph(matrix, project.recipes, project.locks, [(folder, cell)])
    target = graph.targets[matrix.name_of(folder, cell)]
    build(project, graph, [target])
    return matrix.tag(target.name)


def plan(
    project: Project, graph: Graph, requested: Sequence[Target], *, containerd_store: bool = True, local: bool = True
) -> Plan:
    """Returns the plan that builds `requested`.

    `local` is true for the engine's own builder and false for a builder that the user named.
    """
    matrix = project.matrix
    # The engine unpacks what it stores, and gzip would take minutes on two cores.
    if not local:
        # Without force, a builder that once compressed a layer sends the compressed one.
        output = bake.Output("type=docker,compression=uncompressed,force-compression=true")
    elif containerd_store:
        output = bake.Output("type=image,compression=uncompressed,unpack=true")
    else:
        output = bake.Output("type=docker")
    definition = keys.labelled(bake.definition(matrix, graph, requested, stamp(), output, rootfs.relative_folder))
    # Settings can replace a target by an existing image. That target is not in the definition.
    built = tuple(target for target in requested if bake.identifier(target.name) in definition["target"])
    return Plan(graph, built, definition)


def build(
    project: Project,
    graph: Graph,
    requested: Sequence[Target],
    *,
    builder: str = "",
    no_cache: bool = False,
    aliases: bool = False,
) -> None:
    """Builds `requested` and the targets below them, then tags `requested`. With `aliases`, it then sets the aliases of
    all requested images.

    Raises SparkImagesError if the engine is too old, the disk is too full, or the build fails. No tag has changed then.
    Raises UsageError if `aliases` is set but the requested targets have no aliases, or if no builder has the name
    `builder`.
    """
    matrix = project.matrix
    if aliases and not any(matrix.aliases_of(target.cell) for target in requested if target.cell):
        raise UsageError(
            "--aliases: nothing requested has an alias: only images have aliases, from the templates in [aliases] of "
            "images.toml: build an image, for example `inv build.runtime --aliases`"
        )
    found = daemon.inspect()
    if builder:
        builders.require(builder)
    how = {"containerd_store": found.containerd_store, "local": not builder}
    outdated = requested if no_cache else _outdated(matrix, plan(project, graph, requested, **how))
    if outdated:
        _build(project, graph, outdated, found, how, builder=builder, no_cache=no_cache)
    else:
        print(_up_to_date(requested))
    if aliases:
        _set_aliases(matrix, requested)


def _build(
    project: Project,
    graph: Graph,
    requested: Sequence[Target],
    found: daemon.Engine,
    how: Mapping[str, bool],
    *,
    builder: str,
    no_cache: bool,
) -> None:
    matrix = project.matrix
    daemon.check_disk(found, _disk_gb(matrix, requested))
    if builder:
        builders.start(builder)
    here = host.read()
    online = buildx.reachable(here)
    releases = [suite for suite in graph.suites(requested) if suite not in matrix.os_images]
    missing = [suite for suite in releases if no_cache or not rootfs.is_made(suite)]
    if missing and not online:
        raise SparkImagesError(buildx.offline(here))
    for suite in missing:
        rootfs.bootstrap(suite, here.apt)
    if missing and not no_cache:
        # A new clone knows the keys of its targets only now. The engine can have their images from another clone.
        outdated = _outdated(matrix, plan(project, graph, requested, **how))
        if not outdated:
            print(_up_to_date(requested))
            return
        requested = outdated
    todo = plan(project, graph, requested, **how)
    digests = buildx.bake(todo.definition, here, todo.suites, online=online, builder=builder, no_cache=no_cache)
    _name(matrix, todo.requested, digests)
    images = [matrix.tag(target.name) for target in todo.requested if target.recipe.level == "runtime"]
    print(f"built {_counted(todo.requested)}{': ' if images else ''}{', '.join(images)}")


def _up_to_date(requested: Sequence[Target]) -> str:
    return f"everything requested is up to date ({_counted(requested)})"


def _counted(targets: Sequence[Target]) -> str:
    """Returns how many layers and images these targets are, such as `1 layer and 2 images`."""
    images = sum(target.recipe.level == "runtime" for target in targets)
    counts = {"layer": len(targets) - images, "image": images}
    return " and ".join(counted(count, noun) for noun, count in counts.items() if count)


def _outdated(matrix: Matrix, whole: Plan) -> list[Target]:
    """Returns the targets of a plan whose image is missing or out of date.

    BuildKit could find out that nothing changed, but it needs a minute for all images.
    """

    def is_current(target: Target) -> bool:
        key = whole.definition["target"][bake.identifier(target.name)]["labels"].get(keys.INPUTS)
        image = daemon.find(matrix.tag(target.name)) if key else None
        return image is not None and image.labels.get(keys.INPUTS) == key

    return [target for target in whole.requested if not is_current(target)]


def _disk_gb(matrix: Matrix, targets: Sequence[Target]) -> int:
    """Returns the GB that a build of these targets needs: the minimum, and the GB of each feature with new layers.

    A feature has new layers if the engine has no image of the same line with this feature. If the minimum did not
    differ for tests, tests on a nearly full disk would stop after all images are built.
    """
    if all(matrix.is_for_tests(target.recipe.name) for target in targets):
        return min(FOR_TESTS_GB, matrix.settings.min_free_disk_gb)
    wanted = {(target.cell.line, feature) for target in targets if target.cell for feature in target.cell.features}
    new = {feature for line, feature in wanted if matrix.features[feature].disk_gb and not _has(matrix, line, feature)}
    return matrix.settings.min_free_disk_gb + sum(matrix.features[feature].disk_gb for feature in new)


def _has(matrix: Matrix, line: str, feature: str) -> bool:
    """Whether the engine has an image of a line with a feature, and so the layers of the feature."""
    with_feature = (cell for cell in matrix.buildable if cell.line == line and feature in cell.features)
    return any(daemon.find(matrix.tag(cell.name)) for cell in with_feature)


def _name(matrix: Matrix, targets: Sequence[Target], metadata: Mapping[str, Any]) -> None:
    held = {target.name: _held(target.name, metadata.get(bake.identifier(target.name), {})) for target in targets}
    for name, image in held.items():
        with daemon.explained(f"{matrix.tag(name)} cannot be tagged"):
            image.tag(matrix.tag(name))
        daemon.remove_name(NAME_OF_BUILDKIT.format(image.id))


def _set_aliases(matrix: Matrix, targets: Sequence[Target]) -> None:
    """Sets the aliases of images that have their tag. If the engine does not have one of them, no alias changes."""
    found: dict[str, Image] = {}
    for target in targets:
        if target.cell:
            image = daemon.find(matrix.tag(target.name))
            if image is None:
                raise SparkImagesError(f"{matrix.tag(target.name)} was removed during the build: repeat the task")
            found |= dict.fromkeys(matrix.aliases_of(target.cell), image)
    for alias, image in found.items():
        with daemon.explained(f"{alias} cannot be tagged"):
            image.tag(alias)
    print(f"aliases set: {len(found)} (`inv images.list --aliases` shows them)")


def _held(name: str, result: Mapping[str, Any]) -> Image:
    """Returns the image of a built target. containerd's store identifies it by the manifest, the classic store by the
    config.
    """
    for digest in (result.get("containerimage.digest"), result.get("containerimage.config.digest")):
        if digest and (image := daemon.find(digest)):
            return image
    raise SparkImagesError(f"{name} was built, but the engine does not have the image: {dict(result)}")
