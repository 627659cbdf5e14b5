"""Reads the files of an image's layers and searches them for texts that identify the build machine."""

import hashlib
import re
import socket
import tarfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spark_images import BUILD, ROOT, files
from spark_images.engine import daemon, host
from spark_images.engine.host import Host

MAX_SIZE = 4_000_000
"""The size limit of searched files, in bytes. A larger file is a library or jar, which a lock's hash verifies."""

MIN_LENGTH = 8
"""The minimum length of a text to search for, in characters. Shorter ones, such as `/root`, are in every image."""

LEFT_BY_TOOLS = re.compile(
    r"^(run/secrets/|root/\.(m2|cache|config)|home/spark/.|var/cache/(apt|debconf)/.|var/lib/apt/lists/.|var/log/."
    r"|etc/(resolv\.conf|hostname|pip\.conf)$|etc/apt/(apt\.conf\.d/99|sources\.list\.d/.)|build/|tmp/.)"
)

EMPTY = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
"""The digest of a layer without files. A feature that is off adds such a layer."""

BLOBS = "blobs/sha256/"
NAMES_BY_DIGEST = 25
"""The first major version of Docker Engine that names layers by digest in a saved image."""

Member = tuple[str, tarfile.TarInfo, bytes | None]
"""A layer, one of its files, and the content of the file, or None if it is larger than MAX_SIZE or no regular file."""


@dataclass(frozen=True)
class Holder:
    """An image in the local engine, its size in bytes, and the digests of its layers."""

    reference: str
    size: int
    layers: frozenset[str]


def holders() -> list[Holder]:
    """Returns the images in the engine that have a name."""
    return [holder(image.tags[0], image.attrs) for image in daemon.client().images.list() if image.tags]


def holder(reference: str, attributes: Mapping[str, Any]) -> Holder:
    """Returns an image from the attributes that the engine gives it."""
    return Holder(reference, attributes["Size"], frozenset(attributes["RootFS"].get("Layers") or ()) - {EMPTY})


def smallest(wanted: Iterable[str], among: Iterable[Holder]) -> list[str]:
    """Returns the images to read the wanted layers from: for each layer, the smallest image that contains it.

    An engine saves only whole images, and slowly.
    """
    by_size = sorted(among, key=lambda holder: holder.size)
    found = (next((holder for holder in by_size if layer in holder.layers), None) for layer in sorted(wanted))
    return sorted({holder.reference for holder in found if holder})


def names_by_digest() -> bool:
    """Returns whether the engine names the layers of a saved image by digest."""
    return int(daemon.client().version()["Version"].partition(".")[0]) >= NAMES_BY_DIGEST


def sources(reference: str, missing: Iterable[str]) -> list[str]:
    """Returns the images to read the `missing` layers from: only the image itself if the engine names no digests."""
    return (smallest(missing, holders()) if names_by_digest() else []) or [reference]


def layers(references: Sequence[str], wanted: Callable[[str], bool] = lambda _: True) -> Iterator[Member]:
    """Yields each file of each layer for whose digest `wanted` is true, in one pass."""
    with daemon.saved(references) as archive:
        for member in archive:
            if member.size < tarfile.BLOCKSIZE or member.name.endswith(".json") or not wanted(digest(member.name)):
                continue
            if blob := archive.extractfile(member):
                yield from _members(digest(member.name), blob)


def digest(blob: str) -> str:
    """Returns the digest of a layer from its name in a saved image, or the name itself if an older engine saved it."""
    return f"sha256:{blob.removeprefix(BLOBS)}" if blob.startswith(BLOBS) else blob


def is_digest(name: str) -> bool:
    """Returns whether the name of a layer is its digest."""
    return name.startswith("sha256:")


def _members(name: str, blob: Any) -> Iterator[Member]:
    try:
        with tarfile.open(fileobj=blob, mode="r|*") as layer:
            for member in layer:
                file = layer.extractfile(member) if member.isfile() and member.size <= MAX_SIZE else None
                yield name, member, file.read() if file else None
    except tarfile.ReadError:
        return  # the blob is a manifest or a configuration


def marks_of(here: Host, hostname: str, checkout: Path, home: Path) -> dict[str, bytes]:
    """Returns the texts that identify the build machine, by description. Debian's own files contain none of them.

    The result is never empty, because every build passes options to apt.
    """
    texts = {
        f"apt's {option}": option for option in here.secrets("")["apt-conf"].splitlines() if not option.startswith("#")
    }
    texts |= {f"pip's {key}": value for key, value in here.pip.items()}
    texts |= {f"the proxy of {name}": address for name, address in here.proxies.items() if name != "no_proxy"}
    if here.maven_settings:
        addresses = re.findall(r"<url>\s*(\S+?)\s*</url>", here.maven_settings.read_text())
        texts |= {f"Maven's mirror {address}": address for address in addresses}
    own = {"the machine's name": hostname, "the checkout's path": str(checkout), "the user's home": str(home)}
    return {name: text.encode() for name, text in {**texts, **own}.items() if len(text) >= MIN_LENGTH}


def marks() -> dict[str, bytes]:
    """Returns the texts that identify this machine, by description."""
    return marks_of(host.read(), socket.gethostname(), ROOT, Path.home())


def leaks(members: Iterable[Member], marks: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Yields for each file its layer, and a sentence for each text in it that identifies the build machine."""
    for layer, member, content in members:
        path = member.name.removeprefix("./")
        left = [f"{path} is in {layer}"] if LEFT_BY_TOOLS.match(path) and member.size else []
        yield (
            layer,
            left + [f"{name} is in {path} of {layer}" for name, mark in marks.items() if mark in (content or b"")],
        )


def search(references: Sequence[str], missing: Collection[str], marks: Mapping[str, bytes]) -> "Found":
    """Searches the `missing` layers of images in one pass."""
    read = layers(references, lambda layer: layer in missing or not is_digest(layer))
    found = Found()
    for layer, sentences in leaks(read, marks):
        found.files[layer] += 1
        found.sentences.extend(sentences)
    return found


@dataclass(frozen=True)
class Found:
    """The result of a search: the number of files by layer, and a sentence for each leak."""

    files: Counter[str] = field(default_factory=Counter)
    sentences: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Searched:
    """A record of the layers that were searched for the same marks and contain none.

    Many images share a layer, so this saves time. If the marks or this file change, every layer is searched again.
    """

    folder: Path

    @staticmethod
    def of(marks: Mapping[str, bytes], folder: Path = BUILD / "searched") -> "Searched":
        """Returns the record for `marks` and the current version of this file."""
        what = hashlib.sha256(Path(__file__).read_bytes() + repr(sorted(marks.items())).encode())
        return Searched(folder / what.hexdigest()[:16])

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Waits until no other session searches layers, so that none searches a layer that another one reads."""
        with files.locked(self.folder / "lock"):
            yield

    def files(self, layer: str) -> int | None:
        """Returns the number of files in the layer, or None if it has not been searched."""
        file = self.folder / layer
        return int(file.read_text()) if file.exists() else None

    def add(self, layer: str, files: int) -> None:
        """Records a layer that contains none of the marks, with its number of files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{layer}.{socket.gethostname()}.partial"
        partial.write_text(str(files))
        partial.rename(self.folder / layer)
