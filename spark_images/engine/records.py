"""What each image was built from: one record per image under .build/built.

BuildKit can also tell that nothing changed, but needs a minute for all images.
"""

import json
from pathlib import Path
from urllib.parse import quote

from docker.models.images import Image

from spark_images import BUILD
from spark_images.engine import daemon

RECORDS = BUILD / "built"


def is_current(tag: str, key: str | None) -> bool:
    """Whether the image that the engine holds under this name is the one that was built from what `key` stands for."""
    record = _record(tag)
    if key is None or not record.exists():
        return False
    known = json.loads(record.read_text())
    return bool(known["key"] == key and (image := daemon.find(tag)) and image.id == known["image"])


def remember(tag: str, key: str | None, image: Image) -> None:
    """Notes what the image that now has this name was built from."""
    record = _record(tag)
    record.parent.mkdir(parents=True, exist_ok=True)
    partial = record.with_suffix(".partial")
    partial.write_text(json.dumps({"key": key, "image": image.id}))
    partial.rename(record)


def _record(tag: str) -> Path:
    return RECORDS / f"{quote(tag, safe='')}.json"
