"""images.toml as frozen dataclasses, and the cells of the matrix that follow from it.

The classes mirror the tables of the file; `Catalog.cells` multiplies them out. Texts in braces stay templates until a
cell (or a layer of one) gives them values.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Annotated

import tomli
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from spark_images import ROOT
from spark_images.errors import CatalogError, UsageError, nearest, unknown

FILE = ROOT / "images.toml"
BASELINE = "baseline"

_strict = ConfigDict(extra="forbid", strict=True, alias_generator=lambda name: name.replace("_", "-"))


@dataclass(frozen=True, config=_strict)
class Settings:
    """What differs from one factory to the next. `min_free_disk_gb` is in 10^9 bytes."""

    registry: str
    tag: Annotated[str, Field(min_length=1)]
    os_image: str
    source: str
    min_free_disk_gb: int


@dataclass(frozen=True, config=_strict)
class Spark:
    """One Spark version: the line that it belongs to."""

    line: str


@dataclass(frozen=True, config=_strict)
class Feature:
    """What a variant switches on, and the labels that its images carry for it."""

    title: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, config=_strict)
class Image:
    """A kind of image: docker/runtime/<its key in the file>."""

    title: str
    name: str
    key: str


@dataclass(frozen=True, config=_strict)
class Artefact:
    """A file that a layer takes in: by coordinate, never by address. `link`, `driver` and `url` are a JDBC driver's."""

    coordinate: str
    licence: str
    terms: str = ""
    link: str = ""
    driver: str = ""
    url: str = ""


@dataclass(frozen=True, config=_strict)
class Layer:
    """A layer's name, where it is more than its folder's, and its artefacts."""

    name: str = ""
    artefacts: tuple[Artefact, ...] = ()


@dataclass(frozen=True, config=_strict)
class Refusal:
    """Cells that are not built: those that match every field that is set."""

    reason: str
    image: str = ""
    spark: str = ""
    line: str = ""
    variant: str = ""
    feature: str = ""

    def matches(self, image: str, spark: str, line: str, variant: str, features: Iterable[str]) -> bool:
        """Whether the cell of these coordinates is refused by this rule."""
        wanted = ((self.image, image), (self.spark, spark), (self.line, line), (self.variant, variant))
        return all(mine in ("", theirs) for mine, theirs in wanted) and self.feature in ("", *features)


@plain_dataclass(frozen=True)
class Cell:
    """One image of the matrix. `values` fills the templates; `refusal` says why it is not built, or is empty."""

    image: str
    spark: str
    variant: str
    features: tuple[str, ...]
    values: Mapping[str, str]
    labels: Mapping[str, str]
    refusal: str

    @property
    def key(self) -> str:
        """The cell's name in Nox sessions: `3.5.8-iceberg`, `jupyter-4.1.1-gpu`."""
        return self.values["key"]

    @property
    def line(self) -> str:
        """The line that the Spark version belongs to: `3.5`."""
        return self.values["line"]

    @property
    def name(self) -> str:
        """The image's name without prefix and tag: `spark-3.5.8-iceberg`."""
        return self.values["name"]


@dataclass(frozen=True, config=_strict)
class Catalog:
    """All of images.toml."""

    settings: Settings
    versions: Mapping[str, str]
    lines: Mapping[str, Mapping[str, str]]
    spark: Mapping[str, Spark]
    features: Mapping[str, Feature]
    variants: Mapping[str, tuple[str, ...]]
    images: Mapping[str, Image]
    labels: Mapping[str, str]
    layers: Mapping[str, Layer]
    refusals: tuple[Refusal, ...] = ()

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell of the matrix, refused ones included, in the order of the file."""
        return tuple(
            self._cell(image, spark, variant)
            for image in self.images
            for spark in self.spark
            for variant in self.variants
        )

    @property
    def buildable(self) -> tuple[Cell, ...]:
        """The cells that are built."""
        return tuple(cell for cell in self.cells if not cell.refusal)

    def _cell(self, image: str, spark: str, variant: str) -> Cell:
        line = self.spark[spark].line
        features = self.variants[variant]
        values = {
            **self.versions,
            **self.lines[line],
            "source": self.settings.source,
            "image": image,
            "spark": spark,
            "line": line,
            "variant": variant,
            "suffix": "" if variant == BASELINE else f"-{variant}",
        }
        table = self.images[image]
        for key in ("title", "name", "key"):
            values[key] = fill(getattr(table, key), values, f"[images.{image}] {key}")
        labels = dict(self.labels)
        for feature in features:
            labels |= self.features[feature].labels
        reasons = (r.reason for r in self.refusals if r.matches(image, spark, line, variant, features))
        return Cell(image, spark, variant, features, values, labels, next(reasons, ""))

    def sibling(self, cell: Cell, image: str) -> Cell:
        """Returns the cell of another kind of image with the Spark version and variant of `cell`."""
        return next(c for c in self.cells if (c.image, c.spark, c.variant) == (image, cell.spark, cell.variant))

    def tag(self, name: str) -> str:
        """Returns the full reference of the image or layer `name`: registry, prefix and tag around it."""
        return f"{self.settings.registry}{self.repository(name)}:{self.settings.tag}"

    def repository(self, name: str) -> str:
        """Returns the name of the image or layer `name` as it is the same for everyone: without registry and tag."""
        return f"spark-k8s-{name}"

    def layer_name(self, layer: str, values: Mapping[str, str]) -> str:
        """Returns the name of the layer in the folder `layer` for a cell's `values`: `spark-3.5.8-core`."""
        template = self.layers[layer].name if layer in self.layers else ""
        return fill(template or layer, values, f"[layers.{layer}] name")

    def artefacts(self, layer: str, values: Mapping[str, str]) -> tuple[Artefact, ...]:
        """Returns the artefacts of a layer for a cell's `values`, with their coordinates filled in."""
        table = self.layers.get(layer)
        return tuple(
            Artefact(
                fill(artefact.coordinate, values, f"[layers.{layer}] artefacts[{number}].coordinate"),
                *(artefact.licence, artefact.terms, artefact.link, artefact.driver, artefact.url),
            )
            for number, artefact in enumerate(table.artefacts if table else ())
        )

    def all_artefacts(self) -> Iterator[tuple[str, Artefact]]:
        """Yields (layer, artefact) for every artefact of every Spark version, once for each coordinate."""
        for layer in self.layers:
            seen = {a.coordinate: a for cell in self.cells for a in self.artefacts(layer, cell.values)}
            for artefact in seen.values():
                yield layer, artefact


def fill(template: str, values: Mapping[str, str], where: str) -> str:
    """Returns `template` with the values in its braces.

    Raises CatalogError, naming `where` it stands, for a name in braces that has no value, or braces that do not match.
    """
    try:
        names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
        for name in names:
            if name not in values:
                raise CatalogError(f"images.toml: {where}: {unknown('value', '{' + name + '}', sorted(values))}")
        return template.format_map(values)
    except ValueError as error:
        raise CatalogError(f'images.toml: {where}: "{template}" is no template: {error}') from None


def load(file: Path = FILE, environment: Mapping[str, str] | None = None) -> Catalog:
    """Reads images.toml; settings in `environment` (SPARK_IMAGES_<SETTING>) win over the file's.

    Raises CatalogError, naming the table and key, for an unknown or missing key, a value of the wrong type, a name
    that nothing defines, or two cells with one name.
    """
    try:
        document = tomli.loads(file.read_text())
    except tomli.TOMLDecodeError as error:
        raise CatalogError(f"{file.name}: {error}") from None
    if isinstance(settings := document.get("settings"), dict):
        document["settings"] = _overridden(settings, environment or {})
    try:
        catalog = TypeAdapter(Catalog).validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        raise CatalogError(
            "\n".join(_message(file.name, e["loc"], e["type"], e["msg"]) for e in error.errors())
        ) from None
    _check(catalog, file.name)
    return catalog


VARIABLES = "SPARK_IMAGES_"
"""What the environment variable of a setting begins with."""


def _overridden(settings: Mapping[str, object], environment: Mapping[str, str]) -> dict[str, object]:
    variables = {VARIABLES + setting.replace("-", "_").upper(): setting for setting in settings}
    changed = dict(settings)
    for variable, given in environment.items():
        if not variable.startswith(VARIABLES):
            continue
        if variable not in variables:
            raise UsageError(unknown("setting", variable, variables))
        setting = variables[variable]
        if isinstance(settings[setting], int) and not given.isdecimal():
            raise UsageError(f'{variable} is "{given}": expected a whole number')
        changed[setting] = int(given) if isinstance(settings[setting], int) else given
    return changed


def _fields(table: type) -> list[str]:
    return [name.replace("_", "-") for name in getattr(table, "__dataclass_fields__", ())]


# The table that a name of the file leads to, where its keys are fixed.
_TABLES: Mapping[str, type] = {
    "settings": Settings,
    "spark": Spark,
    "features": Feature,
    "images": Image,
    "layers": Layer,
    "artefacts": Artefact,
    "refusals": Refusal,
}


def _message(file: str, location: Sequence[int | str], kind: str, message: str) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f'"{part}"' if "." in part else part for part in location]
    *table, key = parts
    where = f"[{'.'.join(table).replace('.[', '[')}] {key}" if table else key
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        inner = next((_TABLES[part] for part in reversed(table) if part in _TABLES), Catalog)
        return f"{file}: {where}: no such key{nearest(key, _fields(inner))}"
    if kind in ("missing", "missing_argument"):
        return f"{file}: {where}: the key is missing"
    return f"{file}: {where}: {message[0].lower()}{message[1:]}"


def _check(catalog: Catalog, file: str) -> None:
    def defined(where: str, what: str, value: str, valid: Iterable[str]) -> None:
        if value and value not in valid:
            raise CatalogError(f"{file}: {where}: {unknown(what, value, valid)}")

    for version, spark in catalog.spark.items():
        defined(f'[spark."{version}"] line', "line", spark.line, catalog.lines)
    for variant, features in catalog.variants.items():
        for feature in features:
            defined(f"[variants] {variant}", "feature", feature, catalog.features)
    for number, refusal in enumerate(catalog.refusals):
        where = f"[[refusals]] number {number + 1},"
        defined(f"{where} image", "image", refusal.image, catalog.images)
        defined(f"{where} spark", "Spark version", refusal.spark, catalog.spark)
        defined(f"{where} line", "line", refusal.line, catalog.lines)
        defined(f"{where} variant", "variant", refusal.variant, catalog.variants)
        defined(f"{where} feature", "feature", refusal.feature, catalog.features)

    for attribute in ("key", "name"):
        seen: dict[str, Cell] = {}
        for cell in catalog.cells:
            value = getattr(cell, attribute)
            if other := seen.get(value):
                raise CatalogError(
                    f'{file}: [images.{cell.image}] {attribute}: two cells are called "{value}": {other.image} '
                    f"{other.spark} {other.variant} and {cell.image} {cell.spark} {cell.variant}"
                )
            seen[value] = cell
    for cell in catalog.cells:
        for feature in cell.features:
            fill(catalog.features[feature].title, cell.values, f"[features.{feature}] title")
        for label, template in cell.labels.items():
            fill(template, {**cell.values, "revision": ""}, f"[labels] {label}")
        for layer in catalog.layers:
            catalog.layer_name(layer, cell.values)
            catalog.artefacts(layer, cell.values)
