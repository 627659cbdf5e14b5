"""The content of an image's layers, file by file."""

import tarfile
from collections.abc import Iterator
from typing import Any

from spark_images.engine import daemon

SEARCHED = 4_000_000
"""Bytes: a larger file is a library or a jar of an artefact that its hash vouches for."""


def layers(reference: str) -> Iterator[tuple[str, tarfile.TarInfo, bytes | None]]:
    """Yields (layer, member, content) for each file of each layer, in one pass; no content where it is large."""
    with daemon.saved([reference]) as archive:
        for member in archive:
            blob = archive.extractfile(member)
            if blob and member.size >= tarfile.BLOCKSIZE and not member.name.endswith(".json"):
                yield from _members(member.name, blob)


def _members(name: str, blob: Any) -> Iterator[tuple[str, tarfile.TarInfo, bytes | None]]:
    try:
        with tarfile.open(fileobj=blob, mode="r|*") as layer:
            for member in layer:
                file = layer.extractfile(member) if member.isfile() and member.size <= SEARCHED else None
                yield name, member, file.read() if file else None
    except tarfile.ReadError:
        return  # a manifest or a configuration
