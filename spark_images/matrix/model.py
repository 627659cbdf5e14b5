"""The tables of images.toml as frozen dataclasses, and the cells of the matrix that follow from them.

The classes mirror the file (images_toml.py reads it); `Matrix.cells` multiplies them out. Texts in braces stay
templates until a cell (or a layer of one) gives them values.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import field, replace
from functools import cached_property
from string import Formatter
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from spark_images.errors import MatrixError, unknown
from spark_images.matrix import reference
from spark_images.matrix.rapids import Support, support

BASELINE = "baseline"
GPU = "gpu"

_strict = ConfigDict(extra="forbid", strict=True, alias_generator=lambda name: name.replace("_", "-"))


@dataclass(frozen=True, config=_strict)
class Settings:
    """What differs from one project to the next. `min_free_disk_gb` is in 10^9 bytes.

    `registry` has a slash at its end, with or without one in the file.
    """

    registry: Annotated[str, AfterValidator(reference.registry)]
    tag: Annotated[str, AfterValidator(reference.tag)]
    os_image: str
    source: str
    min_free_disk_gb: int


@dataclass(frozen=True, config=_strict)
class Spark:
    """One Spark version: the line that it belongs to, and how RAPIDS knows it where it has no shim for it."""

    line: str
    rapids_bridge: str = ""
    rapids_native_from: str = ""


@dataclass(frozen=True, config=_strict)
class Rapids:
    """The RAPIDS release of one line, and the Spark versions that it has a shim for."""

    version: str
    shims: tuple[str, ...]


@dataclass(frozen=True, config=_strict)
class Feature:
    """What a variant switches on, and the labels that its images carry for it.

    `disk_gb` (10^9 bytes) is what building it takes beyond the setting min-free-disk-gb.
    """

    title: str
    disk_gb: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, config=_strict)
class Image:
    """A kind of image: docker/runtime/<its key in the file>."""

    title: str
    name: str
    key: str


@dataclass(frozen=True, config=_strict)
class Artefact:
    """A file that a layer takes in: by coordinate, never by address. `link`, `driver` and `url` are a JDBC driver's.

    With `line`, only the layers of that line take it.
    """

    coordinate: str
    licence: str
    line: str = ""
    terms: str = ""
    link: str = ""
    driver: str = ""
    url: str = ""


@dataclass(frozen=True, config=_strict)
class Layer:
    """A layer's name, where it is more than its folder's, and its artefacts.

    `extends` are the layers whose Python packages lie below this one's: it takes their versions and holds none again.
    """

    name: str = ""
    artefacts: tuple[Artefact, ...] = ()
    extends: tuple[str, ...] = ()


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


@dataclass(frozen=True, config=_strict)
class Conflict:
    """Versions that do not work together in an image with all of `features`: each value begins as `when` says."""

    features: tuple[str, ...]
    when: Mapping[str, str]
    reason: str

    def strikes(self, features: Iterable[str], values: Mapping[str, str]) -> bool:
        """Whether an image with these features and values is one of those that cannot work."""
        return set(self.features) <= set(features) and all(
            f"{values.get(name, '')}.".startswith(f"{version}.") for name, version in self.when.items()
        )


@dataclass(frozen=True, config=_strict)
class ImageBudget:
    """What the images that match every field that is set may weigh, unpacked, in MB (10^6 bytes)."""

    mb: int
    image: str = ""
    line: str = ""
    variant: str = ""

    def matches(self, cell: "Cell") -> bool:
        """Whether this budget is the cell's."""
        wanted = ((self.image, cell.image), (self.line, cell.line), (self.variant, cell.variant))
        return all(mine in ("", theirs) for mine, theirs in wanted)


@dataclass(frozen=True, config=_strict)
class Budgets:
    """What may not be exceeded: layers compressed, images unpacked (MB, 10^6 bytes), a registry's share of the sum.

    `layers` are those that may weigh more than `layer_mb`, by name.
    """

    registry_ratio: Annotated[float, Field(gt=0, le=1)]
    layer_mb: int
    layers: Mapping[str, int] = field(default_factory=dict)
    sizes: tuple[ImageBudget, ...] = ()


@plain_dataclass(frozen=True)
class Cell:
    """One image of the matrix. `values` fills the templates; `refusal` says why it is not built, or is empty.

    `support` is RAPIDS' support of the Spark version: None where the line has no RAPIDS, or it cannot work.
    """

    image: str
    spark: str
    variant: str
    features: tuple[str, ...]
    values: Mapping[str, str]
    labels: Mapping[str, str]
    refusal: str
    support: Support | None

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
class Matrix:
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
    budgets: Budgets
    rapids: Mapping[str, Rapids] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

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
        found = self._support(spark)
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
        if found:
            values |= {"rapids": self.rapids[line].version, "rapids_level": found.level, "rapids_shim": found.shim}
            values |= {"rapids_override": found.override, "rapids_support": found.words}
        table = self.images[image]
        for key in ("title", "name", "key"):
            values[key] = fill(getattr(table, key), values, f"[images.{image}] {key}")
        labels = dict(self.labels)
        for feature in features:
            labels |= self.features[feature].labels
        reasons = (r.reason for r in self.refusals if r.matches(image, spark, line, variant, features))
        return Cell(image, spark, variant, features, values, labels, next(reasons, ""), found)

    def _support(self, spark: str) -> Support | None:
        table = self.spark[spark]
        rapids = self.rapids.get(table.line)
        if not rapids:
            return None
        return support(spark, rapids.version, rapids.shims, table.rapids_bridge, table.rapids_native_from)

    def sibling(self, cell: Cell, image: str) -> Cell:
        """Returns the cell of another kind of image with the Spark version and variant of `cell`."""
        return next(c for c in self.cells if (c.image, c.spark, c.variant) == (image, cell.spark, cell.variant))

    def name_of(self, folder: str, cell: Cell) -> str:
        """Returns the name of what the folder holds, an image or a layer, for a cell's Spark version and variant."""
        return self.sibling(cell, folder).name if folder in self.images else self.layer_name(folder, cell.values)

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

    def extends(self, layer: str) -> tuple[str, ...]:
        """Returns the layers whose Python packages lie below those of the layer in the folder `layer`."""
        return self.layers[layer].extends if layer in self.layers else ()

    def budget(self, cell: Cell) -> int | None:
        """Returns what the image of a cell may weigh, in MB: the first budget that matches; None where none does."""
        return next((budget.mb for budget in self.budgets.sizes if budget.matches(cell)), None)

    def layer_names(self) -> set[str]:
        """Returns every name that the layers of images.toml take: `jars-rapids-3.5`, `jars-rapids-4.1`."""
        return {self.layer_name(layer, cell.values) for layer in self.layers for cell in self.cells}

    def artefacts(self, layer: str, values: Mapping[str, str]) -> tuple[Artefact, ...]:
        """Returns the artefacts of a layer for a cell's `values`, with their coordinates filled in."""
        table = self.layers.get(layer)
        return tuple(
            replace(
                artefact,
                coordinate=fill(artefact.coordinate, values, f"[layers.{layer}] artefacts[{number}].coordinate"),
            )
            for number, artefact in enumerate(table.artefacts if table else ())
            if artefact.line in ("", values["line"])
        )

    def all_artefacts(self) -> Iterator[tuple[str, Artefact]]:
        """Yields (layer, artefact) for every artefact of every Spark version, once for each coordinate."""
        for layer in self.layers:
            seen = {a.coordinate: a for cell in self.cells for a in self.artefacts(layer, cell.values)}
            for artefact in seen.values():
                yield layer, artefact


def fill(template: str, values: Mapping[str, str], where: str) -> str:
    """Returns `template` with the values in its braces.

    Raises MatrixError, naming `where` it stands, for a name in braces that has no value, or braces that do not match.
    """
    try:
        names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
        for name in names:
            if name not in values:
                raise MatrixError(f"images.toml: {where}: {unknown('value', '{' + name + '}', sorted(values))}")
        return template.format_map(values)
    except ValueError as error:
        raise MatrixError(f'images.toml: {where}: "{template}" is no template: {error}') from None
