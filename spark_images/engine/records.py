"""What each image was built from: one record per image under .build/built.

BuildKit can also tell that nothing changed, but needs a minute for all images.
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
    """What an image was built from, None where that can change unseen, and its digest."""

    key: str | None
    image: str | None


_RECORD = TypeAdapter(Record)


def is_current(tag: str, key: str | None) -> bool:
    """Whether the image that the engine holds under this name is the one that was built from what `key` stands for."""
    known = files.noted(_record(tag), _RECORD)
    if key is None or known is None or known.key != key:
        return False
    image = daemon.find(tag)
    return image is not None and image.id == known.image


def remember(tag: str, key: str | None, image: Image) -> None:
    """Notes what the image that now has this name was built from."""
    files.write(_record(tag), json.dumps(asdict(Record(key, image.id))))


def _record(tag: str) -> Path:
    return RECORDS / f"{quote(tag, safe='')}.json"
