"""The content of an image's layers, file by file, and what of the building machine could be in it."""

import hashlib
import re
import socket
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_images import BUILD, ROOT
from spark_images.engine import daemon, host
from spark_images.engine.host import Host

SEARCHED = 4_000_000
"""Bytes: a larger file is a library or a jar of an artefact that its hash vouches for."""

TELLING = 8
"""Characters from which a name or a path of a machine tells something: `/root` is in every image."""

LEFT_BY_TOOLS = re.compile(
    r"^(run/secrets/|root/\.(m2|cache|config)|home/spark/.|var/cache/(apt|debconf)/.|var/lib/apt/lists/.|var/log/."
    r"|etc/(resolv\.conf|hostname|pip\.conf)$|etc/apt/(apt\.conf\.d/99|sources\.list\.d/.)|build/|tmp/.)"
)

BLOBS = "blobs/sha256/"
NAMES_BY_DIGEST = 25
"""The first engine that hands out layers by their digests."""

Member = tuple[str, tarfile.TarInfo, bytes | None]
"""A layer, a file of it, and the file's content where it is not too large to be searched."""


@dataclass(frozen=True)
class Holder:
    """An image of this machine's engine, its size in bytes, and its layers."""

    reference: str
    size: int
    layers: frozenset[str]


def holders() -> list[Holder]:
    """Returns the images that the engine holds under a name."""
    return [
        Holder(image.tags[0], image.attrs["Size"], frozenset(image.attrs["RootFS"].get("Layers") or ()))
        for image in daemon.client().images.list()
        if image.tags
    ]


def smallest(wanted: Iterable[str], among: Iterable[Holder]) -> list[str]:
    """Returns the images to read layers from: for each layer the smallest that has it, since an engine hands out whole
    images only, and slowly.
    """
    by_size = sorted(among, key=lambda holder: holder.size)
    found = (next((holder for holder in by_size if layer in holder.layers), None) for layer in sorted(wanted))
    return sorted({holder.reference for holder in found if holder})


def sources(reference: str, missing: Iterable[str]) -> list[str]:
    """Returns the images to read the `missing` layers of an image from: itself where its layers go by no digest."""
    if int(daemon.client().version()["Version"].partition(".")[0]) < NAMES_BY_DIGEST:
        return [reference]
    return smallest(missing, holders()) or [reference]


def layers(references: Sequence[str], wanted: Callable[[str], bool] = lambda _: True) -> Iterator[Member]:
    """Yields each file of each layer that is wanted by its digest, in one pass; no content where it is large."""
    with daemon.saved(references) as archive:
        for member in archive:
            if member.size < tarfile.BLOCKSIZE or member.name.endswith(".json") or not wanted(digest(member.name)):
                continue
            if blob := archive.extractfile(member):
                yield from _members(digest(member.name), blob)


def digest(blob: str) -> str:
    """Returns the digest of a layer by its name in an engine's archive; older engines give it another name."""
    return f"sha256:{blob.removeprefix(BLOBS)}" if blob.startswith(BLOBS) else blob


def is_digest(name: str) -> bool:
    """Whether a layer is named by its digest."""
    return name.startswith("sha256:")


def _members(name: str, blob: Any) -> Iterator[Member]:
    try:
        with tarfile.open(fileobj=blob, mode="r|*") as layer:
            for member in layer:
                file = layer.extractfile(member) if member.isfile() and member.size <= SEARCHED else None
                yield name, member, file.read() if file else None
    except tarfile.ReadError:
        return  # a manifest or a configuration


def marks_of(here: Host, hostname: str, checkout: Path, home: Path) -> dict[str, bytes]:
    """Returns the texts that would give the building machine away, by what they are; Debian's own files hold none.

    The options that a build gives apt are in every build, so there is always something to look for.
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
    return {name: text.encode() for name, text in {**texts, **own}.items() if len(text) >= TELLING}


def marks() -> dict[str, bytes]:
    """Returns what would give this machine away."""
    return marks_of(host.read(), socket.gethostname(), ROOT, Path.home())


def leaks(members: Iterable[Member], marks: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Yields for each file its layer, and a sentence for each thing in it that is the building machine's."""
    for layer, member, content in members:
        path = member.name.removeprefix("./")
        left = [f"{path} is in {layer}"] if LEFT_BY_TOOLS.match(path) and member.size else []
        yield (
            layer,
            left + [f"{name} is in {path} of {layer}" for name, mark in marks.items() if mark in (content or b"")],
        )


@dataclass(frozen=True)
class Searched:
    """The layers that were searched for these marks and hold none: many images share them, and none changes.

    A change of the marks, or of how they are searched for, makes all of them new.
    """

    folder: Path

    @staticmethod
    def of(marks: Mapping[str, bytes], folder: Path = BUILD / "searched") -> "Searched":
        """Returns those that were searched for `marks` by this very file."""
        what = hashlib.sha256(Path(__file__).read_bytes() + repr(sorted(marks.items())).encode())
        return Searched(folder / what.hexdigest()[:16])

    def files(self, layer: str) -> int | None:
        """Returns how many files the layer has, or None where it has not been searched."""
        file = self.folder / layer
        return int(file.read_text()) if file.exists() else None

    def add(self, layer: str, files: int) -> None:
        """Notes a layer that holds none of the marks, with the number of its files."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self.folder / f"{layer}.{socket.gethostname()}.partial"
        partial.write_text(str(files))
        partial.rename(self.folder / layer)
