"""Measures the images layer by layer, in bytes: unpacked, and compressed as in a registry.

A digest identifies the content of a layer, so each layer is read once. `.build/layers.json` and the catalogue keep the
sizes.
"""

import gzip
import json
import posixpath
import tarfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from io import BufferedReader
from typing import Any, Generic, Protocol, TypeVar

import zstandard
from pydantic import TypeAdapter

from spark_images import BUILD, files
from spark_images.engine import daemon
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Cell
from spark_images.plan.graph import Graph, Target
from spark_images.plan.project import Project
from spark_images.recipes.dockerfiles import EMPTY

T = TypeVar("T")
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
BLOCK = 1 << 20
BROKEN = (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError)
"""The errors of a stream from `unpacked` if its content is broken."""

LEVEL = 3
"""The zstd compression level that BuildKit uses for a push."""

WORKDIR = "WORKDIR"
MAKE_LAYERS = frozenset({"ADD", "COPY", "RUN", WORKDIR})
"""The instructions that make a layer each, even an empty one. BuildKit marks all others as `empty_layer`."""

SETTINGS = "image settings"
"""The name of a layer that comes from no target of the graph. Each WORKDIR makes one."""

CACHE = BUILD / "layers.json"


class Readable(Protocol):
    """A stream with the content of a layer."""

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes, or none at the end."""
        ...


@dataclass(frozen=True)
class Content:
    """The size of a layer in bytes: unpacked, and compressed with zstd."""

    size: int
    compressed: int


_CONTENTS = TypeAdapter(dict[str, Content])


@dataclass(frozen=True)
class Layer:
    """One layer of an image: the digest of its content, the target that it comes from, and its sizes as in Content."""

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
        """Every layer once."""
        return tuple({layer.digest: layer for layers in self.images.values() for layer in layers}.values())

    @cached_property
    def total(self) -> Content:
        """The sum of the sizes of all images."""
        return added(layer for layers in self.images.values() for layer in layers)

    @cached_property
    def stored(self) -> Content:
        """The sum of the sizes of all layers, each counted once: the storage that an engine or a registry needs."""
        return added(self.unique)

    def of(self, image: str) -> Content:
        """The size of one image."""
        return added(self.images[image])


def added(contents: Iterable[Content | Layer]) -> Content:
    """Returns the sum of several sizes."""
    contents = list(contents)
    return Content(sum(content.size for content in contents), sum(content.compressed for content in contents))


def measure(project: Project, cells: Iterable[Cell], before: Iterable[Layer] = ()) -> Sizes:
    """Returns the sizes of these cells' images. Images that the engine does not have are omitted.

    The sizes of the layers `before` are used again: these layers are not read. Raises SparkImagesError if the engine
    fails, or if an image is older than its Dockerfiles.
    """
    held = composed(project, cells)
    known = contents({image.tag: image.digests for image in held.values()}, before)
    images = {}
    for name, image in held.items():
        images[name] = tuple(
            Layer(digest, origin, known[digest].size, known[digest].compressed)
            for digest, origin in zip(image.digests, image.origins, strict=True)
        )
    return Sizes(images)


@dataclass(frozen=True)
class Composed:
    """An image of the engine: its tag, and the digest and origin of each layer, bottom layer first."""

    tag: str
    digests: tuple[str, ...]
    origins: tuple[str, ...]


def composed(project: Project, cells: Iterable[Cell]) -> dict[str, Composed]:
    """Returns the images of these cells by name. Images that the engine does not have are omitted.

    Raises SparkImagesError if the engine fails, or if an image is older than its Dockerfiles.
    """
    held = {}
    for cell in cells:
        tag = project.matrix.tag(cell.name)
        if image := daemon.find(tag):
            held[cell.name] = (cell, tag, image.attrs["RootFS"]["Layers"], image.history())
    graph = project.graph([cell for cell, *_ in held.values()])
    return {
        name: Composed(tag, tuple(digests), tuple(_origins(graph, graph.targets[name], history, len(digests))))
        for name, (_, tag, digests, history) in held.items()
    }


def contents(images: Mapping[str, Sequence[str]], before: Iterable[Layer] = ()) -> Mapping[str, Content]:
    """Returns the size of each layer by digest. `images` has the digests of each image's layers, by image tag.

    Reads only the images that are needed to measure the new layers, and writes the sizes to `.build/layers.json`.
    Raises SparkImagesError if the engine fails or the file cannot be written.
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
    """Returns the tags of a few images that together have every layer that is not `known`. Prefers small images.

    An engine saves only whole images, and large images take long.
    """
    chosen: list[str] = []
    missing = {digest for digests in images.values() for digest in digests} - known.keys()
    weight = {tag: sum(known[digest].size for digest in digests if digest in known) for tag, digests in images.items()}
    while missing:
        best = max(images, key=lambda tag: (len(missing & set(images[tag])), -weight[tag]))
        chosen.append(best)
        missing -= set(images[best])
    return chosen


def _origins(graph: Graph, target: Target, history: Sequence[Mapping[str, Any]], count: int) -> list[str]:
    """Returns the origin of each of the `count` layers of an image, bottom layer first. `history` is newest first.

    The history has an entry for each instruction. The engine does not report `empty_layer`, so the instructions say
    which entries made a layer. Names are matched from the top down, because the bottom of the history of an `os-image`
    can have any form.
    """
    names = origins(graph, target)
    instructions = [entry["CreatedBy"].partition(" ")[0] for entry in history]
    made = [instruction for instruction in instructions if instruction in MAKE_LAYERS][:count]
    expected = len(names) + made.count(WORKDIR)
    if expected > count:
        raise SparkImagesError(
            f"{target.name}: the engine's image has {count} layers, and its Dockerfiles make {expected}: "
            "run `inv build.runtime`"
        )
    found = [names.pop() if names and instruction != WORKDIR else SETTINGS for instruction in made]
    found += names[::-1]
    found += [SETTINGS] * (count - len(found))
    return found[::-1]


def origins(graph: Graph, target: Target) -> list[str]:
    """Returns the origin of each layer of a target, bottom layer first: the layers of its base, then its copies.

    A copy from an empty stage (a feature that is off) makes an empty layer: its name is "". The layer of a stage that
    builds files has the name of its image and its stage: `spark-3.5.8 settings`.
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
    """Returns the sizes of each image's layers, by tag. A layer whose digest is `known` is not compressed again."""
    return read_layers(tags, lambda name, content: known.get(digest_in(name)) or _measured(name, content))


def digest_in(name: str) -> str:
    """Returns the digest in the name of a blob of a saved image. It is that of the layer if the blob is unpacked."""
    return f"sha256:{posixpath.basename(name)}"


@dataclass(frozen=True)
class Read(Generic[T]):
    """The results of reading an image: one for its configuration, and one for each layer, bottom layer first."""

    configuration: T
    layers: list[T]


def read_layers(tags: Sequence[str], read: Callable[[str, BufferedReader], T]) -> dict[str, list[T]]:
    """Returns what `read` returns for each layer of the images, by tag, bottom layer first. See `read_blobs`."""
    return {tag: found.layers for tag, found in read_blobs(tags, read).items()}


def read_blobs(tags: Sequence[str], read: Callable[[str, BufferedReader], T]) -> dict[str, Read[T]]:
    """Returns what `read` returns for the blobs of the images, by tag. Reads each blob once.

    `read` gets the name and the stream of a blob. It also gets manifests. Raises SparkImagesError if the engine fails.
    """
    found: dict[str, T] = {}
    links: dict[str, str] = {}
    manifest = []
    with daemon.saved(tags) as archive:
        for member in archive:
            if member.issym():  # engines before 25 save a shared layer as a link
                links[member.name] = posixpath.normpath(f"{posixpath.dirname(member.name)}/{member.linkname}")
            elif member.name == "manifest.json":
                manifest = json.load(_content(archive, member))
            elif member.isfile():
                found[member.name] = read(member.name, _content(archive, member))
    return {
        tag: Read(found[image["Config"]], [found[links.get(layer, layer)] for layer in image["Layers"]])
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
        stream = unpacked(content)
        while block := stream.read(BLOCK):
            size += len(block)
            compressed += len(compressor.compress(block))
    except BROKEN as error:
        raise SparkImagesError(f"docker save failed: its file {name} is broken: {error}") from None
    return Content(size, compressed + len(compressor.flush()))


def unpacked(content: BufferedReader) -> Readable:
    """Returns the stream of a layer without the compression that the engine saved it with."""
    begin = content.peek(len(ZSTD))
    if begin.startswith(GZIP):
        return gzip.GzipFile(fileobj=content)
    if begin.startswith(ZSTD):
        # A layer can have several frames, as a gzip file can have several members.
        return zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True)
    return content
