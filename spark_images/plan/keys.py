"""The key of a target: a hash of all its inputs. A label of its image contains it, for the next build."""

import hashlib
import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spark_images import ROOT
from spark_images.plan.bake import LINK

INPUTS = "spark-images.inputs"
"""The label with the key."""


def labelled(definition: Mapping[str, Any], root: Path = ROOT) -> dict[str, Any]:
    """Returns a bake definition with the key of each target in a label. A target without a key gets no label."""
    known = keys(definition, root)
    targets = {
        name: target | {"labels": {**target["labels"], INPUTS: known[name]}} if name in known else target
        for name, target in definition["target"].items()
    }
    return {**definition, "target": targets}


def keys(definition: Mapping[str, Any], root: Path = ROOT) -> dict[str, str]:
    """Returns the key of each target of a bake definition.

    The key is a hash of the target's files, arguments, labels and platform, and of the keys of its dependencies. The
    output is not part of it. A target has no key if one of its inputs is not content-addressed: an image without a
    digest, or a folder that does not exist yet.
    """
    found: dict[str, str | None] = {}
    folders: dict[str, str | None] = {}

    def linked(context: str) -> str | None:
        name = context.removeprefix(LINK)
        if name != context:
            return key(name)
        return context if "@sha256:" in context else None

    def key(name: str) -> str | None:
        if name not in found:
            target = definition["target"][name]
            folder = target["context"]
            if folder not in folders:
                folders[folder] = content(root / folder)
            below = {context: linked(source) for context, source in target["contexts"].items()}
            parts = [folders[folder], below, target["args"], target["labels"], target.get("platforms")]
            known = folders[folder] is not None and None not in below.values()
            found[name] = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest() if known else None
        return found[name]

    return {name: known for name in definition["target"] if (known := key(name))}


def content(folder: Path) -> str | None:
    """Returns a hash of the names, modes and contents in a folder, or None if the folder does not exist."""
    if not folder.is_dir():
        return None
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        total.update(f"{path.relative_to(folder)}\0{mode:o}\0".encode())
        if stat.S_ISLNK(mode):
            total.update(str(path.readlink()).encode())
        elif stat.S_ISREG(mode):
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
