"""The matrix: all tables of images.toml, and the cells that they define.

`Matrix.cells` combines every kind, Spark version and variant. Text with names in braces is a template, which the values
of a cell fill. A refused cell evaluates no template of a feature, a layer or a label.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass as plain_dataclass
from dataclasses import field, replace
from functools import cached_property

from packaging.version import Version
from pydantic.dataclasses import dataclass

from spark_images.errors import MatrixError
from spark_images.matrix import os_images
from spark_images.matrix.lifecycle import LifeCycle, life_cycle
from spark_images.matrix.tables import (
    STRICT,
    Aliases,
    Artefact,
    Budgets,
    Feature,
    Held,
    Image,
    Layer,
    Line,
    Refusal,
    Settings,
    Spark,
    Stack,
    named,
)
from spark_images.matrix.templates import fill
from spark_images.matrix.vex import Vex

BASELINE = "baseline"
GPU = "gpu"


@plain_dataclass(frozen=True)
class Cell:
    """One image of the matrix. `values` fills the templates. `refusal` is the reason why it is not built, or "".

    A refused cell has no labels, and only the values of its kind, Spark version and variant.
    """

    image: str
    spark: str
    line: str
    variant: str
    features: tuple[str, ...]
    key: str
    """The cell's name in Nox sessions: `3.5.8-iceberg`, `jupyter-4.1.1-gpu`."""
    name: str
    """The image's name without prefix and tag: `spark-3.5.8-iceberg`."""
    values: Mapping[str, str]
    labels: Mapping[str, str]
    refusal: str


@dataclass(frozen=True, config=STRICT)
class Matrix:
    """All tables of images.toml."""

    settings: Settings
    stacks: Mapping[str, Stack]
    lines: Mapping[str, Line]
    spark: Mapping[str, Spark]
    features: Mapping[str, Feature]
    images: Mapping[str, Image]
    labels: Mapping[str, str]
    budgets: Budgets
    layers: Mapping[str, Layer] = field(default_factory=dict)
    servers: Mapping[str, Layer] = field(default_factory=dict)
    aliases: Aliases = field(default_factory=Aliases)
    refusals: tuple[Refusal, ...] = ()
    held: tuple[Held, ...] = ()
    vex: tuple[Vex, ...] = ()

    @cached_property
    def variants(self) -> dict[str, tuple[str, ...]]:
        """The features of each variant: baseline, each feature alone, and each pair from `combines-with`."""
        alone = {name: (name,) for name in self.features}
        pairs = {f"{name}-{other}": (name, other) for name, f in self.features.items() for other in f.combines_with}
        return {BASELINE: (), **alone, **pairs}

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Every cell of the matrix, including refused cells, in the order of the file."""
        return tuple(
            self._cell(image, spark, variant)
            for image in self.images
            for spark in self.spark
            for variant in self.variants
        )

    @cached_property
    def buildable(self) -> tuple[Cell, ...]:
        """The cells that are not refused."""
        return tuple(cell for cell in self.cells if not cell.refusal)

    @cached_property
    def os_images(self) -> dict[str, str]:
        """The images that replace a bootstrapped Debian, by release.

        Raises ValueError if the setting os-image is wrong. After `file.load` it is not.
        """
        of_stacks = (stack.debian for stack in self.stacks.values())
        of_lines = (line.debian for line in self.lines.values() if line.debian)
        return os_images.parse(self.settings.os_image, dict.fromkeys((*of_stacks, *of_lines)))

    @property
    def newest_spark(self) -> str:
        """The highest Spark version."""
        return max(self.spark, key=Version)

    def is_for_tests(self, layer: str) -> bool:
        """Returns whether only tests use a layer: a server, or a layer marked `tests-only`."""
        return layer in self.servers or (layer in self.all_layers and self.all_layers[layer].tests_only)

    def life_cycle(self, spark: str) -> LifeCycle:
        """Returns the life cycle of a Spark version."""
        return life_cycle(spark, self.spark, self.lines)

    def _cell(self, image: str, spark: str, variant: str) -> Cell:
        line = self.spark[spark].line
        features = self.variants[variant]
        suffix = "" if variant == BASELINE else f"-{variant}"
        values = {"image": image, "spark": spark, "line": line, "variant": variant, "suffix": suffix}
        table = self.images[image]
        key, name = (fill(getattr(table, part), values, f"[images.{image}] {part}") for part in ("key", "name"))
        refusal = self._refusal(image, spark, line, variant)
        if refusal:
            return Cell(image, spark, line, variant, features, key, name, values, {}, refusal)
        of_line = self.lines[line]
        values |= {"stack": of_line.stack, **self._stack_of(of_line), **of_line.values()}
        values |= {**self.settings.values(), **self.life_cycle(spark).values(), "key": key, "name": name}
        values |= os_images.values(self.os_images.get(values["debian"], ""))
        labels = dict(self.labels)
        for feature in features:
            values |= self.features[feature].values(spark, line)
            labels |= self.features[feature].labels
        values["title"] = fill(table.title, values, f"[images.{image}] title")
        values["adds"] = "".join(f", {fill(self.features[f].title, values, f'[features.{f}] title')}" for f in features)
        return Cell(image, spark, line, variant, features, key, name, values, labels, "")

    def _stack_of(self, line: Line) -> dict[str, str]:
        """Returns the values of a line's stack, with the line's overrides applied."""
        return line.over(self.stacks[line.stack])

    def _refusal(self, image: str, spark: str, line: str, variant: str) -> str:
        features = self.variants[variant]
        offered = (self.features[name].refuses(name, spark, line) for name in features)
        rules = [*self.refusals, *(rule for name in features for rule in self.features[name].refusals)]
        said = (rule.reason for rule in rules if rule.matches(image, spark, line, variant, features))
        return next((reason for reason in (*said, *offered) if reason), "")

    def sibling(self, cell: Cell, image: str) -> Cell:
        """Returns the cell of the kind `image` with the Spark version and variant of `cell`."""
        return next(c for c in self.cells if (c.image, c.spark, c.variant) == (image, cell.spark, cell.variant))

    @cached_property
    def all_layers(self) -> dict[str, Layer]:
        """The tables of all layers by folder, including the layers of features and the servers of the tests."""
        of_features = {folder: table for f in self.features.values() for folder, table in f.layers.items()}
        return {**self.layers, **of_features, **self.servers}

    @cached_property
    def _owners(self) -> dict[str, str]:
        return {folder: name for name, feature in self.features.items() for folder in feature.layers}

    def place_of(self, layer: str) -> str:
        """Returns the table of a layer as images.toml names it, for messages: `[features.gpu.layers.cuda]`."""
        if layer in self.servers:
            return f"[servers.{layer}]"
        owner = self._owners.get(layer)
        return f"[features.{owner}.layers.{layer}]" if owner else f"[layers.{layer}]"

    def place_of_label(self, label: str, cell: Cell) -> str:
        """Returns the table and name of a cell's label as images.toml names them, for messages."""
        owner = next((name for name in reversed(cell.features) if label in self.features[name].labels), "")
        return f"[features.{owner}.labels] {label}" if owner else f"[labels] {label}"

    def _table(self, folder: str) -> Layer:
        return self.all_layers.get(folder, Layer())

    def seen_by(self, folder: str, cell: Cell) -> Cell:
        """Returns `cell` with the values that build the layer in `folder`.

        A layer with `any_stack` uses the first stack, in the order of the lines, that gives it the same name.
        """
        if not self._table(folder).any_stack:
            return cell
        name = self.layer_name(folder, cell.values)
        offered = ({**cell.values, **self._stack_of(line)} for line in self.lines.values())
        return replace(cell, values=next(v for v in offered if self.layer_name(folder, v) == name))

    def name_of(self, folder: str, cell: Cell) -> str:
        """Returns the name of the image or layer in `folder` for the Spark version and variant of a cell."""
        if folder in self.images:
            return self.sibling(cell, folder).name
        return self.layer_name(folder, self.seen_by(folder, cell).values)

    def tag(self, name: str) -> str:
        """Returns the full reference of the image or layer `name`, with registry, prefix and tag."""
        return f"{self.settings.registry}{self.repository(name)}:{self.settings.tag}"

    def repository(self, name: str) -> str:
        """Returns the reference of the image or layer `name` without registry and tag. No setting changes it."""
        return f"spark-k8s-{name}"

    def alias_templates(self, cell: Cell) -> Iterator[tuple[str, str]]:
        """Yields the place in images.toml and the text of each alias of a buildable cell, without the registry."""
        tables = {"every-cell": self.aliases.every_cell}
        peers = (c for c in self.buildable if (c.image, c.line, c.variant) == (cell.image, cell.line, cell.variant))
        if cell.spark == max((peer.spark for peer in peers), key=Version):
            tables["newest-of-line"] = self.aliases.newest_of_line
        for table, templates in tables.items():
            for number, template in enumerate(templates):
                place = f"[aliases] {table}[{number}]"
                yield place, fill(template, cell.values, f"{place}: the alias of {cell.key}")

    def immutable_tag(self, cell: Cell, values: Mapping[str, str]) -> str:
        """Returns the reference of a published image that never moves, without the registry.

        `values` are those that only an image has: the `day` of its commit, and its `content`, the beginning of the
        digest of its configuration.
        """
        place = "[aliases] immutable"
        return fill(self.aliases.immutable, {**cell.values, **values}, f"{place}: the alias of {cell.key}")

    def aliases_of(self, cell: Cell) -> tuple[str, ...]:
        """Returns the full references that `--aliases` gives the image of a buildable cell. The tag setting does not
        change them.
        """
        return tuple(dict.fromkeys(f"{self.settings.registry}{alias}" for _, alias in self.alias_templates(cell)))

    def layer_name(self, layer: str, values: Mapping[str, str]) -> str:
        """Returns the name of the layer in the folder `layer` for a cell's `values`: `spark-3.5.8-core`."""
        return fill(self._table(layer).name or layer, values, f"{self.place_of(layer)} name")

    def extends(self, layer: str) -> tuple[str, ...]:
        """Returns the layers whose Python packages the layer in the folder `layer` extends."""
        return self._table(layer).extends

    def budget(self, cell: Cell) -> int:
        """Returns the unpacked size limit of a cell's image, in MB (10^6 bytes).

        It is the sum of the limit of the line and the limits of the features. It does not include the layers of
        `unpacked_budgets`. Raises MatrixError if the line has no limit for this kind.
        """
        figures = self.lines[cell.line].budget_mb
        if cell.image not in figures:
            raise MatrixError(f'images.toml: [lines."{cell.line}"] budget-mb: there is no figure for "{cell.image}"')
        added = (self.features[name] for name in cell.features)
        return figures[cell.image] + sum(feature.size_mb + feature.lines[cell.line].size_mb for feature in added)

    @cached_property
    def layer_budgets(self) -> dict[str, int]:
        """The compressed size limit of each layer that has its own limit, in MB (10^6 bytes), by layer name."""
        return {
            self.name_of(folder, cell): limit
            for cell in self.buildable
            for feature in (self.features[name] for name in cell.features)
            for folder, limit in {**feature.layer_mb, **feature.lines[cell.line].layer_mb}.items()
        }

    @cached_property
    def unpacked_budgets(self) -> dict[str, int]:
        """The unpacked size limit of each layer that has its own limit, in MB (10^6 bytes), by layer name."""
        return {
            self.name_of(folder, cell): limit
            for cell in self.buildable
            for folder, limit in self.lines[cell.line].unpacked_layer_mb.items()
        }

    def cells_with(self, layer: str) -> list[Cell]:
        """Returns the buildable cells that can have the layer in the folder `layer`: all, or those of its feature."""
        owner = self._owners.get(layer)
        return [cell for cell in self.buildable if owner is None or owner in cell.features]

    def artefacts(self, layer: str, cell: Cell) -> tuple[Artefact, ...]:
        """Returns the artefacts of a layer for a cell that has it, with the values filled into the coordinates."""
        table, place = self._table(layer), self.place_of(layer)
        values = {**cell.values, **named(table.versions)}
        return tuple(
            replace(artefact, coordinate=fill(artefact.coordinate, values, f"{place} artefacts[{number}].coordinate"))
            for number, artefact in enumerate(table.artefacts)
            if artefact.is_for(cell.line)
        )

    def all_artefacts(self, *, servers: bool = False) -> Iterator[tuple[str, Artefact]]:
        """Yields (layer, artefact) for the artefacts of all cells, once for each layer and coordinate.

        With `servers`, it also yields the artefacts of the servers of the tests, which are in no image.
        """
        for layer in self.all_layers:
            if layer in self.servers and not servers:
                continue
            seen = {a.coordinate: a for cell in self.cells_with(layer) for a in self.artefacts(layer, cell)}
            for artefact in seen.values():
                yield layer, artefact

    def notes(self, cell: Cell) -> list[str]:
        """Returns the notes of the features of a buildable cell."""
        notes = ((name, self.features[name].note) for name in cell.features)
        return [fill(note, cell.values, f"[features.{name}] note") for name, note in notes if note]
