"""Reads the inventories of layers from the engine: each layer once, because its digest identifies its content."""

import hashlib
import tarfile
from collections.abc import Mapping, Sequence
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import IO, cast

from pydantic import TypeAdapter

from spark_images import BUILD, files
from spark_images.reports import measure
from spark_images.reports.measure import Content
from spark_images.sbom.inventory import Inventory, inventory, members

FOLDER = BUILD / "sbom/layers"
READERS = ("inventory.py", "jars.py", "wheels.py", "debian.py", "licences.py", "licences.toml")
"""The files that decide what an inventory says."""

_INVENTORY = TypeAdapter(Inventory)


@cache
def folder() -> Path:
    """Returns the folder of the inventories. Its name has a hash of the code that reads layers, and of its data."""
    code = (Path(__file__).with_name(name).read_bytes() for name in READERS)
    return FOLDER / hashlib.sha256(b"\0".join(code)).hexdigest()[:16]


def inventories(images: Mapping[str, Sequence[str]]) -> dict[str, Inventory]:
    """Returns the inventory of each layer by digest. `images` has the digests of each image's layers, by image tag.

    Reads only the images that are needed for the new layers, and keeps the inventories in `.build/sbom/layers`. Raises
    SparkImagesError if the engine fails or a file cannot be written.
    """
    known: dict[str, Inventory] = {}
    for digest in {digest for digests in images.values() for digest in digests}:
        if noted := files.noted(_file(digest), _INVENTORY):
            known[digest] = noted
    if unread := measure.covering(images, dict.fromkeys(known, Content(0, 0))):

        def read(name: str, content: BufferedReader) -> Inventory:
            return known.get(measure.digest_in(name)) or _read(content)

        for tag, found in measure.read_layers(unread, read).items():
            for digest, layer in zip(images[tag], found, strict=True):
                if digest not in known:
                    files.write(_file(digest), _INVENTORY.dump_json(layer).decode())
                    known[digest] = layer
    return known


def _file(digest: str) -> Path:
    return folder() / f"{digest.removeprefix('sha256:')}.json"


def _read(blob: BufferedReader) -> Inventory:
    try:
        with tarfile.open(fileobj=cast(IO[bytes], measure.unpacked(blob)), mode="r|") as layer:
            return inventory(members(layer))
    except tarfile.ReadError:
        return Inventory()  # the blob is a manifest or a configuration
