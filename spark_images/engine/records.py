"""Records what each image was built from: one file for each image under .build/built.

BuildKit could find out that nothing changed, but it needs a minute for all images.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from docker.models.images import Image
from pydantic import TypeAdapter

from spark_images import BUILD, files
from spark_images.engine import daemon

RECORDS = BUILD / "built"


@dataclass(frozen=True)
class Record:
    """The key of a target and the digest of its image. The key is None if an input is not content-addressed."""

    key: str | None
    image: str | None


_RECORD = TypeAdapter(Record)


def is_current(tag: str, key: str | None) -> bool:
    """Returns whether the engine's image with this tag was built from the inputs of `key`."""
    known = files.noted(_record(tag), _RECORD)
    if key is None or known is None or known.key != key:
        return False
    image = daemon.find(tag)
    return image is not None and image.id == known.image


def remember(tag: str, key: str | None, image: Image) -> None:
    """Records what the image that now has this tag was built from."""
    files.write(_record(tag), json.dumps(asdict(Record(key, image.id))))


def _record(tag: str) -> Path:
    return RECORDS / f"{quote(tag, safe='')}.json"
