"""How large the images are, layer by layer: unpacked, in bytes, as the engine hands them out."""

import json
import posixpath
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import IO

from spark_images import engine
from spark_images.catalog import Cell
from spark_images.graph import Graph, Target
from spark_images.house import Factory

GZIP = b"\x1f\x8b"
BLOCK = 1 << 20
SETTINGS = "image settings"
"""What a layer is called that no layer of the graph brought: WORKDIR makes one."""


@dataclass(frozen=True)
class Layer:
    """One layer of an image: the digest of its content, where it comes from, its size in bytes."""

    digest: str
    origin: str
    size: int


@dataclass(frozen=True)
class Sizes:
    """The layers of each image, by the image's name."""

    images: Mapping[str, tuple[Layer, ...]]

    @cached_property
    def total(self) -> int:
        """The sum of all images, in bytes."""
        return sum(map(self.of, self.images))

    @cached_property
    def unique(self) -> int:
        """The sum of all layers, each counted once, in bytes."""
        return sum({layer.digest: layer.size for layers in self.images.values() for layer in layers}.values())

    def of(self, image: str) -> int:
        """The size of one image, in bytes."""
        return sum(layer.size for layer in self.images[image])


def measure(factory: Factory, cells: Iterable[Cell]) -> Sizes:
    """Returns the sizes of these cells' images, as far as the engine holds them. Reads every layer once.

    Raises FactoryError where the engine does not hand them out.
    """
    held = {}
    for cell in cells:
        tag = factory.catalog.tag(cell.name)
        if image := engine.find(tag):
            held[cell.name] = (cell, tag, image.attrs["RootFS"]["Layers"])
    graph = factory.graph([cell for cell, _, _ in held.values()])
    sizes = _layer_sizes([tag for _, tag, _ in held.values()]) if held else {}
    return Sizes(
        {
            name: tuple(
                Layer(digest, origin, size)
                for digest, origin, size in zip(
                    digests, _origins(graph, graph.targets[name], len(digests)), sizes[tag], strict=True
                )
            )
            for name, (_, tag, digests) in held.items()
        }
    )


def _origins(graph: Graph, target: Target, count: int) -> list[str]:
    names = origins(graph, target)
    return names + [SETTINGS] * (count - len(names))


def origins(graph: Graph, target: Target) -> list[str]:
    """Returns where each layer of a target comes from, bottom first: its base's layers, then what it copies.

    A stage that adds nothing (a feature that is off) still makes an empty layer: its name is "".
    """
    names = []
    for name, copied in target.recipe.composed_of(target.arguments):
        source = graph.targets.get(target.contexts.get(name, ""))
        if not copied:
            names += origins(graph, source) if source else []
        elif target.recipe.kind == "runtime":
            names.append(source.name if source else "")
    return names if target.recipe.kind == "runtime" else [*names, target.name]


def _layer_sizes(tags: list[str]) -> dict[str, list[int]]:
    """Returns the size of each layer of each image, by tag."""
    sizes: dict[str, int] = {}
    links: dict[str, str] = {}
    manifest = []
    with engine.saved(tags) as archive:
        for member in archive:
            if member.issym():  # how engines before 25 save a layer that two images share
                links[member.name] = posixpath.normpath(f"{posixpath.dirname(member.name)}/{member.linkname}")
            elif member.name == "manifest.json":
                manifest = json.load(_content(archive, member))
            elif member.isfile():
                sizes[member.name] = _unpacked(_content(archive, member), member.size)
    return {
        tag: [sizes[links.get(layer, layer)] for layer in image["Layers"]]
        for image in manifest
        for tag in image["RepoTags"]
    }


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = archive.extractfile(member)
    assert content is not None
    return content


def _unpacked(content: IO[bytes], size: int) -> int:
    block = content.read(BLOCK)
    if not block.startswith(GZIP):
        return size
    unpacker, total = zlib.decompressobj(wbits=31), 0
    while block:
        total += len(unpacker.decompress(block))
        block = content.read(BLOCK)
    return total
