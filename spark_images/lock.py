"""Lock files: what may enter a layer, by hash. They lie beside the layer that they belong to."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as strict_dataclass

from spark_images import ROOT
from spark_images.catalog import Catalog, fill
from spark_images.dockerfiles import House
from spark_images.errors import CatalogError

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


def read_locks(house: House, root: Path = ROOT) -> dict[str, Lock]:
    """Reads every artefacts.lock, by the layer's folder. Raises CatalogError for one that is not a lock."""
    locks: dict[str, Lock] = {}
    for recipe in house.recipes.values():
        file = root / recipe.folder / ARTEFACTS
        if file.exists():
            try:
                locks[recipe.name] = _LOCK.validate_json(file.read_bytes())
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(map(str, first["loc"]))
                raise CatalogError(f"{recipe.folder}/{ARTEFACTS}: not a lock file: {where}: {first['msg']}") from None
    return locks


def write_lock(file: Path, lock: Lock) -> None:
    """Writes one artefacts.lock, sorted by coordinate."""
    file.write_text(json.dumps({c: asdict(lock[c]) for c in sorted(lock)}, indent=2) + "\n")


@dataclass(frozen=True)
class Requirements:
    """A set of Python packages: its requirements.in, its lock, and the sets that it gets along with.

    It takes the versions of all of these; of those that it lies `upon` it holds no package again. `values` fill the
    braces in requirements.in.
    """

    source: Path
    values: Mapping[str, str]
    upon: tuple[Path, ...] = ()
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
        others = (path.read_text() for path in (*self.upon, *self.beside) if path.exists())
        content = "\0".join([self.text, *others]).encode()
        return f"# compiled by `inv lock.update` from sources with sha256 {hashlib.sha256(content).hexdigest()}"


def requirement_sets(catalog: Catalog, house: House, root: Path = ROOT) -> Iterator[Requirements]:
    """Yields the factory's own set and every layer's, each after those that it takes versions from.

    Layers upon the same ones can meet in one image: the later in images.toml takes the versions of the earlier.
    """
    yield Requirements(root / REQUIREMENTS, catalog.versions)
    folders = {name: root / recipe.folder for name, recipe in house.recipes.items()}
    names = dict.fromkeys((*catalog.layers, *house.recipes))
    sets = {name: catalog.upon(name) for name in names if (folders[name] / REQUIREMENTS).exists()}
    for number, (name, upon) in enumerate(sets.items()):
        beside = [other for other in list(sets)[:number] if set(upon) & set(sets[other])]
        yield Requirements(
            folders[name] / REQUIREMENTS,
            catalog.versions,
            tuple(folders[other] / REQUIREMENTS_LOCK for other in upon),
            tuple(folders[other] / REQUIREMENTS_LOCK for other in beside),
        )


def wanted(catalog: Catalog, locks: Mapping[str, Lock]) -> dict[str, set[str]]:
    """Returns the coordinates that each layer takes in by images.toml; none for a layer that only has a lock."""
    coordinates: dict[str, set[str]] = {layer: set() for layer in sorted({*catalog.layers, *locks})}
    for layer, artefact in catalog.all_artefacts():
        coordinates[layer].add(artefact.coordinate)
    return coordinates


def disagreements(catalog: Catalog, house: House, locks: Mapping[str, Lock], root: Path = ROOT) -> list[str]:
    """Returns a sentence for each place where images.toml or a requirements.in and their lock disagree."""
    found = []
    for layer, coordinates in wanted(catalog, locks).items():
        locked = set(locks.get(layer, ()))
        found += [f"[layers.{layer}]: {c} is not in {ARTEFACTS}" for c in sorted(coordinates - locked)]
        found += [
            f"[layers.{layer}]: {c} is in {ARTEFACTS} but not in images.toml" for c in sorted(locked - coordinates)
        ]
    for requirements in requirement_sets(catalog, house, root):
        path = requirements.lock.relative_to(root)
        if not requirements.lock.exists():
            found.append(f"{path} is missing")
        elif requirements.lock.read_text().partition("\n")[0] != requirements.fingerprint:
            found.append(f"{path} was not compiled from today's {REQUIREMENTS}")
    return found


def package_versions(lock: Path) -> list[tuple[str, str]]:
    """Returns (name, version) of each package that a requirements.lock pins."""
    pins = (line.split()[0] for line in lock.read_text().splitlines() if "==" in line and line[:1].isalnum())
    return [(name, version) for name, _, version in (pin.partition("==") for pin in pins)]


def check(catalog: Catalog, house: House, locks: Mapping[str, Lock], root: Path = ROOT) -> None:
    """Raises CatalogError, naming each place, where images.toml or a requirements.in and its lock disagree."""
    if found := disagreements(catalog, house, locks, root):
        raise CatalogError("\n".join([*found, "run `inv lock.update`"]))
