"""Lock files: the hashes of everything that a layer downloads. Each lock is in the folder of its layer."""

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
from spark_images.matrix.model import Cell, Matrix
from spark_images.matrix.platforms import PLATFORMS
from spark_images.matrix.templates import fill
from spark_images.recipes.dockerfiles import Recipes

ARTEFACTS = "artefacts.lock"
REQUIREMENTS = "requirements.in"


@strict_dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Entry:
    """The hash and size (bytes) of an artefact."""

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, Field(gt=0)]


Lock = Mapping[str, Entry]
"""The artefacts of one layer, by coordinate."""

_LOCK = TypeAdapter(dict[str, Entry])


def read_locks(recipes: Recipes, root: Path = ROOT) -> dict[str, Lock]:
    """Returns every artefacts.lock, by the layer's folder. Raises MatrixError if one is not valid."""
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
    """A set of Python packages for one Python version: its requirements.in, its lock and the locks that it follows.

    The set uses the versions of the locks in `extends` and `beside`, and omits the packages of those in `extends`.
    `values` fills the names in braces in requirements.in. `python` is a version (3.11), `platform` is Docker's name.
    """

    source: Path
    lock: Path
    python: str
    platform: str
    values: Mapping[str, str]
    extends: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()

    @property
    def text(self) -> str:
        """The content of requirements.in, with the values filled in. Raises MatrixError as `fill` does."""
        return fill(self.source.read_text(), self.values, self.source)

    @property
    def fingerprint(self) -> str:
        """The first line of the lock. It contains a hash of everything that the lock is compiled from."""
        others = (path.read_text() for path in (*self.extends, *self.beside) if path.exists())
        content = "\0".join([self.text, *others]).encode()
        return f"# compiled by `inv lock.update` from sources with sha256 {hashlib.sha256(content).hexdigest()}"


OWN_PYTHON, OWN_PLATFORM = "3.11", next(iter(PLATFORMS))
"""The Python and platform of the project's own lock. The Python is the oldest that ./bootstrap accepts."""


def lock_name(python: str) -> str:
    """Returns the file name of a layer's lock for a Python version: `requirements-3.11.lock`."""
    return f"requirements-{python}.lock"


def requirement_sets(matrix: Matrix, recipes: Recipes, root: Path = ROOT) -> Iterator[Requirements]:
    """Yields the project's own set, then one set for each layer with requirements.in and each of its Python versions.

    A set comes after the sets whose versions it uses. One image can have two sets that extend the same set, so the
    later set uses the versions of the earlier one. Sets of features come before the sets of every image.

    Raises MatrixError if two cells with the same Python version give a requirements.in different texts.
    """
    yield Requirements(root / REQUIREMENTS, root / "requirements.lock", OWN_PYTHON, OWN_PLATFORM, {})
    folders = {name: root / recipe.folder for name, recipe in recipes.by_name.items()}
    names = [name for name in _ordered(matrix, recipes) if (folders[name] / REQUIREMENTS).exists()]
    users = {name: [matrix.seen_by(name, cell) for cell in matrix.cells_with(name)] for name in names}
    pythons = {name: {cell.values["python"] for cell in users[name]} for name in names}
    for number, name in enumerate(names):
        extends = matrix.extends(name)
        beside = [other for other in names[:number] if set(extends) & set(matrix.extends(other))]
        source = folders[name] / REQUIREMENTS
        text = source.read_text()
        cells: dict[str, Cell] = {}
        for cell in users[name]:
            known = cells.setdefault(cell.values["python"], cell)
            _check_same_text(source, text, known, cell)
        for python, cell in sorted(cells.items()):
            yield Requirements(
                source=source,
                lock=folders[name] / lock_name(python),
                python=python,
                platform=cell.values["platform"],
                values=cell.values,
                extends=tuple(folders[other] / lock_name(python) for other in extends),
                beside=tuple(folders[other] / lock_name(python) for other in beside if python in pythons[other]),
            )


def _check_same_text(source: Path, text: str, one: Cell, other: Cell) -> None:
    if fill(text, one.values, source) != fill(text, other.values, source):
        raise MatrixError(
            f"{source}: {one.key} and {other.key} have the same Python, {one.values['python']}, and give the names "
            "in braces different values. One lock cannot hold both. Use a separate layer for the value that differs"
        )


def _ordered(matrix: Matrix, recipes: Recipes) -> list[str]:
    """Returns the folders of all layers: each after the layers that it extends, and those of features first."""
    of_features = [folder for feature in matrix.features.values() for folder in feature.layers]
    found: dict[str, None] = {}

    def add(folder: str) -> None:
        for below in matrix.extends(folder):
            add(below)
        found.setdefault(folder)

    for folder in (*of_features, *matrix.layers, *recipes.by_name):
        add(folder)
    return list(found)


def package_versions(lock: Path) -> list[tuple[str, str]]:
    """Returns the (name, version) of each package that a lock pins."""
    pins = (line.split()[0] for line in lock.read_text().splitlines() if "==" in line and line[:1].isalnum())
    return [(name, version) for name, _, version in (pin.partition("==") for pin in pins)]
