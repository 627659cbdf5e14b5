"""The tables of images.toml: one frozen dataclass for each kind of table."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, field
from datetime import date
from typing import Annotated

from packaging.version import Version
from pydantic import AfterValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from spark_images.matrix import reference
from spark_images.matrix.rapids import Shims

STRICT = ConfigDict(extra="forbid", strict=True, alias_generator=lambda name: name.replace("_", "-"))


def named(versions: Mapping[str, str]) -> dict[str, str]:
    """Returns versions by the names that templates use for them: `aws_sdk` for the key aws-sdk."""
    return {key.replace("-", "_"): version for key, version in versions.items()}


@dataclass(frozen=True, config=STRICT)
class Settings:
    """Site settings. `min_free_disk_gb` is in GB (10^9 bytes). Without `class_archive`, images have no class archive.

    `registry` always ends with a slash, unless it is empty. `os_image` is text: `Matrix.os_images` has its images.
    """

    registry: Annotated[str, AfterValidator(reference.registry)]
    tag: Annotated[str, AfterValidator(reference.tag)]
    os_image: str
    source: str
    documentation: str
    vendor: str
    min_free_disk_gb: int
    class_archive: bool

    def values(self) -> dict[str, str]:
        """Returns the values that the settings add to a cell."""
        return {
            "source": self.source,
            "documentation": self.documentation,
            "vendor": self.vendor,
            "class_archive": "yes" if self.class_archive else "no",
        }


@dataclass(frozen=True, config=STRICT)
class Stack:
    """The stack of a line. `platform` is Docker's name, such as `linux/amd64`. `debian` is a release: `bookworm`.

    `debian_number` is the version number of that release: `12`.
    """

    platform: str
    debian: str
    debian_number: str
    java: str
    python: str


@dataclass(frozen=True, config=STRICT)
class Line:
    """The values that the Spark versions of one line share, and their stack.

    A line can override each key of its stack. `budget_mb` is the unpacked size limit of the baseline image of each
    kind, in MB (10^6 bytes). It does not include the layers of `unpacked_layer_mb`, which has their unpacked limits by
    folder. `versions` are more values, for the artefacts of the line. `end_of_life` is the last day on which the
    Spark project maintains the line, and `end_of_life_source` is the URL that says so.
    """

    stack: str
    scala: str
    hadoop: str
    budget_mb: Mapping[str, int]
    end_of_life: date
    end_of_life_source: str
    unpacked_layer_mb: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    debian: str = ""
    debian_number: str = ""
    java: str = ""
    python: str = ""

    def over(self, stack: Stack) -> dict[str, str]:
        """Returns the values of `stack` with the overrides of this line applied."""
        return {name: getattr(self, name) or value for name, value in asdict(stack).items()}

    def values(self) -> dict[str, str]:
        """Returns the values that the line adds to a cell, in addition to those of its stack."""
        return {**named(self.versions), "scala": self.scala, "hadoop": self.hadoop}


@dataclass(frozen=True, config=STRICT)
class Spark:
    """One Spark version: its line, and the day of its release."""

    line: str
    released: date


@dataclass(frozen=True, config=STRICT)
class Image:
    """A kind: `[images.<kind>]` in images.toml, and the folder docker/runtime/<kind>."""

    title: str
    name: str
    key: str


@dataclass(frozen=True, config=STRICT)
class Aliases:
    """Templates of more references of each image: a repository and a tag, without the registry.

    `newest_of_line` is only for the newest Spark version of a line that has the kind and variant. `immutable` is the
    reference that `inv publish` gives an image and never moves. Its repository is the one of all references of the
    image.
    """

    immutable: str = ""
    every_cell: tuple[str, ...] = ()
    newest_of_line: tuple[str, ...] = ()


@dataclass(frozen=True, config=STRICT)
class Artefact:
    """A downloaded file that a layer installs, named by its coordinate. JDBC drivers have `link`, `driver` and `url`.

    If `line` is set, only the layers of that line install the file. If `since` is set, those of that line and of later
    lines do. `connector` says what a user connects to with it. `tested` names the server that tests use with a driver,
    and is empty if no test does.
    """

    coordinate: str
    licence: str
    line: str = ""
    since: str = ""
    terms: str = ""
    connector: str = ""
    link: str = ""
    driver: str = ""
    url: str = ""
    tested: str = ""

    def is_for(self, line: str) -> bool:
        """Returns whether the layers of a line install the file."""
        return self.line in ("", line) and (not self.since or Version(self.since) <= Version(line))


@dataclass(frozen=True, config=STRICT)
class Layer:
    """A layer's name, if it differs from its folder, and its artefacts.

    `extends` names layers with Python packages. This layer uses the versions of those layers and omits their packages.
    `any_stack` means that the layer's files depend only on the stack values in its name. Then the first stack that
    gives the same name builds the layer for all stacks. `versions` are more values for the coordinates. `tests_only`
    means that no image contains the layer.
    """

    name: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    artefacts: tuple[Artefact, ...] = ()
    extends: tuple[str, ...] = ()
    any_stack: bool = False
    tests_only: bool = False


@dataclass(frozen=True, config=STRICT)
class Refusal:
    """A rule that refuses the cells that match all of its fields that are set."""

    reason: str
    image: str = ""
    spark: str = ""
    line: str = ""
    variant: str = ""
    feature: str = ""

    def matches(self, image: str, spark: str, line: str, variant: str, features: Iterable[str]) -> bool:
        """Returns whether this rule refuses a cell."""
        wanted = ((self.image, image), (self.spark, spark), (self.line, line), (self.variant, variant))
        return all(mine in ("", theirs) for mine, theirs in wanted) and self.feature in ("", *features)


@dataclass(frozen=True, config=STRICT)
class Conflict:
    """Features that do not work together with the feature of the table: an image has all of them.

    `when` has the leading parts of the versions that this is about. Without it, no versions of them work together.
    """

    features: tuple[str, ...]
    reason: str
    when: Mapping[str, str] = field(default_factory=dict)

    def strikes(self, features: Iterable[str], values: Mapping[str, str]) -> bool:
        """Returns whether an image with these features and values has this conflict."""
        return set(self.features) <= set(features) and all(
            f"{values.get(name, '')}.".startswith(f"{version}.") for name, version in self.when.items()
        )


@dataclass(frozen=True, config=STRICT)
class Held:
    """Artefacts that keep their version, although a newer one exists, and the reason.

    `artefacts` are patterns of `group:artifact`, such as `org.apache.hadoop:*`. `up_to` is the newest version that the
    reason is about: a still newer one is not held. Without it, every version is. If `line` is set, only that line's
    versions are held.
    """

    artefacts: tuple[str, ...]
    reason: str
    up_to: str = ""
    line: str = ""


@dataclass(frozen=True, config=STRICT)
class FeatureLine:
    """The versions and size limits of a feature on one line.

    `size_mb` is added to the feature's own limit. A limit in `layer_mb` replaces the feature's limit of the same layer.
    `line_versions` has, for each version of the feature itself, the versions that the line must have. Without this
    table, the feature works with each version. Only RAPIDS has `shims`.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    line_versions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    size_mb: int = 0
    layer_mb: Mapping[str, int] = field(default_factory=dict)
    shims: Shims | None = None


@dataclass(frozen=True, config=STRICT)
class Feature:
    """An addition that a variant switches on. A line without a table in `lines` does not offer the feature.

    `title`, `note`, `usage` and `labels` are templates. `inv images.list` prints `note` for each cell. `usage` is
    Markdown for the catalogue. `versions` applies to every line. Each feature in `combines_with` gives a variant with
    both features. `disk_gb` is the disk space in GB (10^9 bytes) that a build needs in addition to min-free-disk-gb.
    `size_mb` is how much the feature may add to the unpacked size of an image, in MB (10^6 bytes). `layer_mb` is the
    compressed size limit of its layers in MB, by folder.
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
        """Returns why the feature `name` does not work with a Spark version, or "" if it does."""
        table = self.lines.get(line)
        if table is None:
            return f'{name} is not offered for Spark {line}: images.toml has no [features.{name}.lines."{line}"]'
        return table.shims.refuses(spark, self.versions_of(line)) if table.shims else ""

    def versions_of(self, line: str) -> dict[str, str]:
        """Returns the versions of the feature on a line that offers it."""
        return {**self.versions, **self.lines[line].versions}

    def values(self, spark: str, line: str) -> dict[str, str]:
        """Returns the values that the feature adds to a cell."""
        versions = self.versions_of(line)
        shims = self.lines[line].shims
        return versions | (shims.values(spark, versions) if shims else {})


@dataclass(frozen=True, config=STRICT)
class Budgets:
    """Limits for all images.

    `layer_mb` limits each compressed layer, in MB (10^6 bytes). `registry_ratio` limits what a registry stores for all
    images, as a fraction of the sum of their sizes.
    """

    registry_ratio: Annotated[float, Field(gt=0, le=1)]
    layer_mb: int
