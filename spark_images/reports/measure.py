"""How large the images are, layer by layer, in bytes: unpacked, and compressed as a registry holds them.

A layer is read once: its digest stands for its content, so what was measured is remembered under .build, and what the
catalogue says of a digest is believed.
"""

import gzip
import json
import posixpath
import tarfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from io import BufferedReader
from typing import Protocol

import zstandard
from pydantic import TypeAdapter

from spark_images import BUILD, files
from spark_images.engine import daemon
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Cell
from spark_images.plan.graph import Graph, Target
from spark_images.plan.project import Project
from spark_images.recipes.dockerfiles import EMPTY

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
BLOCK = 1 << 20
LEVEL = 3
"""Of zstd: what BuildKit pushes with."""

SETTINGS = "image settings"
"""What a layer is called that no layer of the graph brought: WORKDIR makes one."""

CACHE = BUILD / "layers.json"


class Readable(Protocol):
    """What the content of a layer is read from."""

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes; none at the end."""
        ...


@dataclass(frozen=True)
class Content:
    """How large a layer is, in bytes: unpacked, and compressed (zstd)."""

    size: int
    compressed: int


_CONTENTS = TypeAdapter(dict[str, Content])


@dataclass(frozen=True)
class Layer:
    """One layer of an image: the digest of its content, where it comes from, its sizes in bytes as in Content."""

    digest: str
    origin: str
    size: int
    compressed: int


@dataclass(frozen=True)
class Sizes:
    """The layers of each image, by the image's name."""

    images: Mapping[str, tuple[Layer, ...]]

    @cached_property
    def unique(self) -> tuple[Layer, ...]:
        """All layers, each once."""
        return tuple({layer.digest: layer for layers in self.images.values() for layer in layers}.values())

    @cached_property
    def total(self) -> Content:
        """The sum of all images."""
        return added(layer for layers in self.images.values() for layer in layers)

    @cached_property
    def stored(self) -> Content:
        """The sum of all layers, each counted once: what an engine and a registry hold."""
        return added(self.unique)

    def of(self, image: str) -> Content:
        """The size of one image."""
        return added(self.images[image])


def added(contents: Iterable[Content | Layer]) -> Content:
    """Returns the sum of several sizes."""
    contents = list(contents)
    return Content(sum(content.size for content in contents), sum(content.compressed for content in contents))


def measure(project: Project, cells: Iterable[Cell], before: Iterable[Layer] = ()) -> Sizes:
    """Returns the sizes of these cells' images, as far as the engine holds them. Reads every layer once, and none that
    was measured `before`.

    Raises SparkImagesError where the engine does not hand them out, or an image is older than its Dockerfiles.
    """
    held = {}
    for cell in cells:
        tag = project.matrix.tag(cell.name)
        if image := daemon.find(tag):
            held[cell.name] = (cell, tag, image.attrs["RootFS"]["Layers"])
    graph = project.graph([cell for cell, _, _ in held.values()])
    known = contents({tag: digests for _, tag, digests in held.values()}, before)
    return Sizes(
        {
            name: tuple(
                Layer(digest, origin, known[digest].size, known[digest].compressed)
                for digest, origin in zip(digests, _origins(graph, graph.targets[name], len(digests)), strict=True)
            )
            for name, (_, _, digests) in held.items()
        }
    )


def contents(images: Mapping[str, Sequence[str]], before: Iterable[Layer] = ()) -> Mapping[str, Content]:
    """Returns how large each layer is, by digest. `images` holds the digests of each image's layers, by its tag.

    Only as many images are read as it takes to see each layer that was never measured. Raises SparkImagesError where
    the engine fails.
    """
    known = {layer.digest: Content(layer.size, layer.compressed) for layer in before}
    noted = files.noted(CACHE, _CONTENTS)
    known |= noted or {}
    if unread := covering(images, known):
        for tag, found in _layer_sizes(unread, known).items():
            known |= dict(zip(images[tag], found, strict=True))
        files.write(CACHE, json.dumps({digest: asdict(content) for digest, content in known.items()}, indent=1))
    return known


def covering(images: Mapping[str, Sequence[str]], known: Mapping[str, Content]) -> list[str]:
    """Returns few images, by tag, that hold every layer that is not `known`: the small ones where several hold it.

    An engine hands out whole images, and the large ones slowly.
    """
    chosen: list[str] = []
    missing = {digest for digests in images.values() for digest in digests} - known.keys()
    weight = {tag: sum(known[digest].size for digest in digests if digest in known) for tag, digests in images.items()}
    while missing:
        best = max(images, key=lambda tag: (len(missing & set(images[tag])), -weight[tag]))
        chosen.append(best)
        missing -= set(images[best])
    return chosen


def _origins(graph: Graph, target: Target, count: int) -> list[str]:
    names = origins(graph, target)
    if len(names) > count:
        raise SparkImagesError(
            f"{target.name}: the engine's image has {count} layers, and its Dockerfiles make {len(names)}: "
            "run `inv build.runtime`"
        )
    return names + [SETTINGS] * (count - len(names))


def origins(graph: Graph, target: Target) -> list[str]:
    """Returns where each layer of a target comes from, bottom first: its base's layers, then what it copies.

    A stage that adds nothing (a feature that is off) still makes an empty layer: its name is "". A stage that builds
    files is named with its image: `spark-3.5.8 settings`.
    """
    names = []
    for name, copied in target.recipe.composed_of(target.arguments):
        source = graph.targets.get(target.contexts.get(name, ""))
        if not copied:
            names += origins(graph, source) if source else []
        elif target.recipe.level == "runtime":
            names.append(source.name if source else "" if name == EMPTY else f"{target.name} {name}")
    return names if target.recipe.level == "runtime" else [*names, target.name]


def _layer_sizes(tags: list[str], known: Mapping[str, Content]) -> dict[str, list[Content]]:
    """Returns how large each layer of each image is, by tag. What is `known` by its digest is not compressed anew."""
    sizes: dict[str, Content] = {}
    links: dict[str, str] = {}
    manifest = []
    with daemon.saved(tags) as archive:
        for member in archive:
            if member.issym():  # how engines before 25 save a layer that two images share
                links[member.name] = posixpath.normpath(f"{posixpath.dirname(member.name)}/{member.linkname}")
            elif member.name == "manifest.json":
                manifest = json.load(_content(archive, member))
            elif member.isfile():
                # A blob that is not compressed is called by its content's digest.
                digest = f"sha256:{posixpath.basename(member.name)}"
                sizes[member.name] = known.get(digest) or _measured(member.name, _content(archive, member))
    return {
        tag: [sizes[links.get(layer, layer)] for layer in image["Layers"]]
        for image in manifest
        for tag in image["RepoTags"]
    }


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> BufferedReader:
    content = archive.extractfile(member)
    assert isinstance(content, BufferedReader)
    return content


def _measured(name: str, content: BufferedReader) -> Content:
    compressor = zstandard.ZstdCompressor(level=LEVEL, threads=-1).compressobj()
    size = compressed = 0
    try:
        unpacked = _unpacked(content)
        while block := unpacked.read(BLOCK):
            size += len(block)
            compressed += len(compressor.compress(block))
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise SparkImagesError(f"docker save failed: its file {name} is broken: {error}") from None
    return Content(size, compressed + len(compressor.flush()))


def _unpacked(content: BufferedReader) -> Readable:
    begin = content.peek(len(ZSTD))
    if begin.startswith(GZIP):
        return gzip.GzipFile(fileobj=content)
    if begin.startswith(ZSTD):
        # Several frames after each other are one content, as several members are for gzip.
        return zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True)
    return content
