"""Building: a selection becomes a plan, the plan becomes images, and names move once all of it is built."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docker.models.images import Image

from spark_images import ROOT, bake, built, engine, host, rootfs
from spark_images.catalog import Catalog
from spark_images.errors import FactoryError
from spark_images.graph import Graph, Target
from spark_images.house import Factory


@dataclass(frozen=True)
class Plan:
    """What would be built: the targets that get a name, and the bake definition."""

    graph: Graph
    asked: tuple[Target, ...]
    definition: dict[str, Any]


def stamp() -> bake.Stamp:
    """Returns the commit that is checked out, marked `-dirty` where the working tree differs, and its time."""
    if not shutil.which("git"):
        return bake.Stamp("unknown", 0)

    def git(*arguments: str) -> str:
        command = ("git", "-C", str(ROOT), *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    revision = git("rev-parse", "HEAD")
    changed = "-dirty" if git("status", "--porcelain", "--untracked-files=no") else ""
    return bake.Stamp(f"{revision}{changed}", int(git("log", "-1", "--format=%ct") or 0))


def plan(
    factory: Factory, graph: Graph, asked: Sequence[Target], *, containerd_store: bool = True, local: bool = True
) -> Plan:
    """Returns what building `asked` would do. `local`: on the engine's own builder, not one named by the user."""
    catalog = factory.catalog
    output = bake.Output(
        # Uncompressed: the engine unpacks what it stores, and two cores would spend minutes on gzip.
        "type=image,compression=uncompressed,unpack=true" if containerd_store and local else "type=docker"
    )
    folder = str(rootfs.folder(catalog.versions["debian"]).relative_to(ROOT))
    definition = bake.definition(catalog, graph, asked, stamp(), output, folder)
    # An image that settings name takes the place of a target: it is not built.
    built = tuple(target for target in asked if bake.identifier(target.name) in definition["target"])
    return Plan(graph, built, definition)


def build(
    factory: Factory, graph: Graph, asked: Sequence[Target], *, builder: str = "", no_cache: bool = False
) -> None:
    """Builds `asked` and what they need, and gives them their names once every one of them is built.

    Raises FactoryError where the engine is not able, the disk too full, or the build fails: no name has moved then.
    """
    catalog = factory.catalog
    found = engine.inspect()
    suite = catalog.versions["debian"]
    how = {"containerd_store": found.containerd_store, "local": not builder}
    if not no_cache:
        outdated = _outdated(catalog, plan(factory, graph, asked, **how))
        if not outdated:
            print(
                f"nothing to build: what was asked for is what the working tree says ({len(asked)} layers and images)"
            )
            return
        asked = outdated
    engine.check_disk(found, catalog.settings.min_free_disk_gb + _disk_gb(catalog, asked))
    here = host.read()
    online = engine.reachable(here)
    if not catalog.settings.os_image and (no_cache or not rootfs.is_made(suite)):
        if not online:
            raise FactoryError(engine.offline(here))
        rootfs.bootstrap(suite, here.apt)
    todo = plan(factory, graph, asked, **how)
    # Before it is built: what changes meanwhile is to be built again.
    keys = built.keys(todo.definition)
    digests = engine.bake(todo.definition, here, suite, online=online, builder=builder, no_cache=no_cache)
    _name(catalog, todo.asked, digests, keys)


def _outdated(catalog: Catalog, whole: Plan) -> list[Target]:
    """The targets of a plan that the engine does not hold as they would be built."""
    keys = built.keys(whole.definition)
    return [
        target
        for target in whole.asked
        if not built.is_current(catalog.tag(target.name), keys.get(bake.identifier(target.name)))
    ]


def _disk_gb(catalog: Catalog, targets: Sequence[Target]) -> int:
    """What the features of images that the engine does not hold yet take beyond the least that a build needs."""
    features = {
        feature
        for target in targets
        if target.cell and target.cell.features and not engine.find(catalog.tag(target.name))
        for feature in target.cell.features
    }
    return sum(catalog.features[feature].disk_gb for feature in features)


def _name(catalog: Catalog, targets: Sequence[Target], metadata: Mapping[str, Any], keys: Mapping[str, str]) -> None:
    held = {target.name: _held(target.name, metadata.get(bake.identifier(target.name), {})) for target in targets}
    for name, image in held.items():
        image.tag(catalog.tag(name))
        built.remember(catalog.tag(name), keys.get(bake.identifier(name)), image)


def _held(name: str, result: Mapping[str, Any]) -> Image:
    """The image that a target became. containerd's store knows it by its manifest, the classic one by its config."""
    for digest in (result.get("containerimage.digest"), result.get("containerimage.config.digest")):
        if digest and (image := engine.find(digest)):
            return image
    raise FactoryError(f"{name} was built, but the engine does not hold it: {dict(result)}")
