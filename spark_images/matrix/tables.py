"""The tables of images.toml as frozen dataclasses, one class for each kind of table."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, field, replace
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from spark_images.matrix import reference
from spark_images.matrix.rapids import Shims

STRICT = ConfigDict(extra="forbid", strict=True, alias_generator=lambda name: name.replace("_", "-"))


@dataclass(frozen=True, config=STRICT)
class Settings:
    """What differs from one project to the next. `min_free_disk_gb` is in 10^9 bytes.

    `registry` has a slash at its end, with or without one in the file.
    """

    registry: Annotated[str, AfterValidator(reference.registry)]
    tag: Annotated[str, AfterValidator(reference.tag)]
    os_image: str
    source: str
    min_free_disk_gb: int


@dataclass(frozen=True, config=STRICT)
class Stack:
    """What lies under Spark. `platform` is Docker's name: `linux/amd64`; `debian` is a release: `bookworm`."""

    platform: str
    debian: str
    java: str
    python: str


@dataclass(frozen=True, config=STRICT)
class Line:
    """What the Spark versions of one line have in common, and the stack under them.

    A key of the stack that the line sets itself wins over the stack's. `budget_mb` is what the baseline image of each
    kind may weigh unpacked, in MB (10^6 bytes).
    """

    stack: str
    scala: str
    hadoop: str
    budget_mb: Mapping[str, int]
    platform: str = ""
    debian: str = ""
    java: str = ""
    python: str = ""

    def over(self, stack: Stack) -> Stack:
        """Returns the stack with the values that the line overrides."""
        mine = {name: getattr(self, name) for name in asdict(stack) if getattr(self, name)}
        return replace(stack, **mine)


@dataclass(frozen=True, config=STRICT)
class Spark:
    """One Spark version: the line that it belongs to."""

    line: str


@dataclass(frozen=True, config=STRICT)
class Image:
    """A kind of image: docker/runtime/<its key in the file>."""

    title: str
    name: str
    key: str


@dataclass(frozen=True, config=STRICT)
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


@dataclass(frozen=True, config=STRICT)
class Layer:
    """A layer's name, where it is more than its folder's, and its artefacts.

    `extends` are the layers whose Python packages lie below this one's: it takes their versions and holds none again.
    `any_stack` says that its files depend on no more of the stack than its name shows: the first stack that gives the
    same name builds it for all.
    """

    name: str = ""
    artefacts: tuple[Artefact, ...] = ()
    extends: tuple[str, ...] = ()
    any_stack: bool = False


@dataclass(frozen=True, config=STRICT)
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


@dataclass(frozen=True, config=STRICT)
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


@dataclass(frozen=True, config=STRICT)
class FeatureLine:
    """What a feature is on one line: its versions, and what they weigh.

    `size_mb` and `layer_mb` add to the feature's own. `shims` is there for RAPIDS only.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    size_mb: int = 0
    layer_mb: Mapping[str, int] = field(default_factory=dict)
    shims: Shims | None = None


@dataclass(frozen=True, config=STRICT)
class Feature:
    """What a variant switches on. A line without a table in `lines` does not offer the feature.

    `title`, `note` and `labels` are templates. `note` is what `inv images.list` says of a cell. `usage` is Markdown for
    the catalogue. `versions` are the same on every line. `combines_with` names features: each gives a variant of both.
    `disk_gb` (10^9 bytes) is what building needs beyond the setting min-free-disk-gb. `size_mb` (10^6 bytes) is what
    the feature may add to an image, unpacked; `layer_mb` is what a layer of it may weigh compressed, by folder.
    """

    title: str
    lines: Mapping[str, FeatureLine]
    note: str = ""
    usage: str = ""
    combines_with: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    disk_gb: int = 0
    size_mb: int = 0
    layer_mb: Mapping[str, int] = field(default_factory=dict)
    layers: Mapping[str, Layer] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    conflicts: tuple[Conflict, ...] = ()

    def refuses(self, name: str, spark: str, line: str) -> str:
        """Returns why the feature called `name` does not go with a Spark version, or "" where it does."""
        table = self.lines.get(line)
        if table is None:
            return f'{name} is not offered for Spark {line}: images.toml has no [features.{name}.lines."{line}"]'
        return table.shims.refuses(spark, self.versions_of(line)) if table.shims else ""

    def versions_of(self, line: str) -> dict[str, str]:
        """Returns the feature's versions on a line that offers it."""
        return {**self.versions, **self.lines[line].versions}

    def values(self, spark: str, line: str) -> dict[str, str]:
        """Returns what the feature adds to the values of a cell that has it."""
        versions = self.versions_of(line)
        shims = self.lines[line].shims
        return versions | (shims.values(spark, versions) if shims else {})


@dataclass(frozen=True, config=STRICT)
class Budgets:
    """Limits for all images: a compressed layer in MB (10^6 bytes), and a registry's share of the sum of all images."""

    registry_ratio: Annotated[float, Field(gt=0, le=1)]
    layer_mb: int
