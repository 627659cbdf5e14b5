"""Lock files: what may enter a layer, by hash. They lie beside the layer that they belong to."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as strict_dataclass

from spark_images import ROOT, files
from spark_images.errors import MatrixError
from spark_images.matrix.model import Matrix, fill
from spark_images.recipes.dockerfiles import Recipes

ARTEFACTS = "artefacts.lock"
REQUIREMENTS = "requirements.in"
REQUIREMENTS_LOCK = "requirements.lock"


@strict_dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Entry:
    """The hash and size (bytes) of an artefact."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, Field(gt=0)]


Lock = Mapping[str, Entry]
"""The artefacts of one layer, by coordinate."""

_LOCK = TypeAdapter(dict[str, Entry])


def read_locks(recipes: Recipes, root: Path = ROOT) -> dict[str, Lock]:
    """Reads every artefacts.lock, by the layer's folder. Raises MatrixError for one that is not a lock."""
    locks: dict[str, Lock] = {}
    for recipe in recipes.by_name.values():
        file = root / recipe.folder / ARTEFACTS
        if file.exists():
            try:
                locks[recipe.name] = _LOCK.validate_json(file.read_bytes())
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"]))
                raise MatrixError(f"{recipe.folder}/{ARTEFACTS}: not a lock file: {where}: {first['msg']}") from None
    return locks


def write_lock(file: Path, lock: Lock) -> None:
    """Writes one artefacts.lock, sorted by coordinate."""
    files.write(file, json.dumps({c: asdict(lock[c]) for c in sorted(lock)}, indent=2) + "\n")


@dataclass(frozen=True)
class Requirements:
    """A set of Python packages: its requirements.in, its lock, and the sets that it gets along with.

    It takes the versions of all of these; of those that it `extends` it holds no package again. `values` fill the
    braces in requirements.in.
    """

    source: Path
    values: Mapping[str, str]
    extends: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()

    @property
    def lock(self) -> Path:
        """The lock file of the set."""
        return self.source.with_name(REQUIREMENTS_LOCK)

    @property
    def text(self) -> str:
        """What requirements.in asks for, with the values filled in."""
        return fill(self.source.read_text(), self.values, str(self.source))

    @property
    def fingerprint(self) -> str:
        """What the lock was compiled from, as a hash that stands in its first line."""
        others = (path.read_text() for path in (*self.extends, *self.beside) if path.exists())
        content = "\0".join([self.text, *others]).encode()
        return f"# compiled by `inv lock.update` from sources with sha256 {hashlib.sha256(content).hexdigest()}"


def requirement_sets(matrix: Matrix, recipes: Recipes, root: Path = ROOT) -> Iterator[Requirements]:
    """Yields the project's own set and every layer's, each after those that it takes versions from.

    Layers upon the same ones can meet in one image: the later in images.toml takes the versions of the earlier.
    """
    yield Requirements(root / REQUIREMENTS, matrix.versions)
    folders = {name: root / recipe.folder for name, recipe in recipes.by_name.items()}
    names = dict.fromkeys((*matrix.layers, *recipes.by_name))
    sets = {name: matrix.extends(name) for name in names if (folders[name] / REQUIREMENTS).exists()}
    for number, (name, extends) in enumerate(sets.items()):
        beside = [other for other in list(sets)[:number] if set(extends) & set(sets[other])]
        yield Requirements(
            folders[name] / REQUIREMENTS,
            matrix.versions,
            tuple(folders[other] / REQUIREMENTS_LOCK for other in extends),
            tuple(folders[other] / REQUIREMENTS_LOCK for other in beside),
        )


def package_versions(lock: Path) -> list[tuple[str, str]]:
    """Returns (name, version) of each package that a requirements.lock pins."""
    pins = (line.split()[0] for line in lock.read_text().splitlines() if "==" in line and line[:1].isalnum())
    return [(name, version) for name, _, version in (pin.partition("==") for pin in pins)]
