"""Parses the Dockerfiles under docker/: their stages, arguments and references to other folders."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import dockerfile

from spark_images import ROOT
from spark_images.errors import SparkImagesError

LEVELS = ("base", "intermediate", "runtime")
"""The folders of docker/ with the images and their layers, lowest level first."""

SERVERS = "servers"
"""The folder of docker/ with the servers that tests start. No image contains them."""

FOLDERS = (*LEVELS, SERVERS)
"""All folders of docker/ that contain recipes."""

EMPTY = "scratch"
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Stage:
    """One stage of a Dockerfile. `base` is its FROM. `sources` are the names that it copies or mounts from."""

    name: str
    base: str
    sources: tuple[str, ...]
    builds: bool = False
    """Whether the stage has instructions that create files. A stage without any is an alias of its base."""


@dataclass(frozen=True)
class Recipe:
    """One folder docker/<level>/<name> and its Dockerfile."""

    name: str
    level: str
    folder: Path
    stages: tuple[Stage, ...]
    arguments: Mapping[str, str | None]
    """The default value of every declared ARG, or None if it has no default."""

    def stage(self, name: str) -> Stage | None:
        """Returns the stage with this name, or None if there is none. Then the name is a folder."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def reached(self, arguments: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
        """Yields (name, shipped) for each folder that the final stage needs with these build arguments.

        `shipped` means that the files of the folder are in the result unchanged. That applies to a base of the final
        stage and to what a runtime image copies. It does not apply to build-time dependencies.
        """
        final = self.stages[-1]
        copies = self.level == "runtime"
        todo = [(final.base, True), *((source, copies) for source in final.sources)]
        seen: set[tuple[str, bool]] = set()
        while todo:
            text, shipped = todo.pop()
            name = self._expand(text, arguments)
            if name == EMPTY or (name, shipped) in seen:
                continue
            seen.add((name, shipped))
            inner = self.stage(name)
            if not inner:
                yield name, shipped
                continue
            # The image ships the files that a stage builds, but not the base and the sources of that stage.
            todo.append((inner.base, shipped and not inner.builds))
            todo += [(source, False) for source in inner.sources]

    def composed_of(self, arguments: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
        """Yields (name, copied) for the base of the final stage, then for each of its copies, in order.

        A stage without instructions yields the name of its base, which can be "scratch". A stage that builds files
        yields its own name.
        """
        final = self.stages[-1]
        for text, copied in [(final.base, False), *((source, True) for source in final.sources)]:
            name = self._expand(text, arguments)
            while (inner := self.stage(name)) and not inner.builds:
                name = self._expand(inner.base, arguments)
            yield name, copied

    def _expand(self, text: str, arguments: Mapping[str, str]) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            found = arguments.get(name, self.arguments.get(name))
            if found is None:
                raise SparkImagesError(f"{self.folder}/Dockerfile: {text}: the argument {name} has no value")
            return found

        return _VARIABLE.sub(value, text)


@dataclass(frozen=True)
class Recipes:
    """All recipes under docker/, by name."""

    by_name: Mapping[str, Recipe]

    @cached_property
    def features(self) -> frozenset[str]:
        """The features that runtime images can switch on: x for each `ARG ENABLE_X`."""
        return frozenset(
            argument.removeprefix("ENABLE_").lower()
            for recipe in self.by_name.values()
            for argument in recipe.arguments
            if recipe.level == "runtime" and argument.startswith("ENABLE_")
        )


def parse(name: str, level: str, folder: Path, text: str) -> Recipe:
    """Parses a Dockerfile. Raises SparkImagesError, which names the file, if it is not valid."""
    try:
        commands = dockerfile.parse_string(text)
    except dockerfile.GoParseError as error:
        raise SparkImagesError(f"{folder}/Dockerfile: {error}") from None

    stages: list[Stage] = []
    arguments: dict[str, str | None] = {}
    for command in commands:
        if command.cmd == "ARG":
            for declared in command.value:
                argument, equals, default = declared.partition("=")
                if equals or argument not in arguments:
                    arguments[argument] = default.strip('"') if equals else None
        elif command.cmd == "FROM":
            base, *alias = command.value
            stages.append(Stage(alias[1] if alias else "", base, ()))
        elif not stages:
            raise SparkImagesError(
                f"{folder}/Dockerfile:{command.start_line}: {command.cmd} comes before the first FROM"
            )
        elif command.cmd in ("COPY", "ADD", "RUN"):
            sources = tuple(_sources(command.flags))
            stages[-1] = Stage(stages[-1].name, stages[-1].base, stages[-1].sources + sources, builds=True)
    if not stages:
        raise SparkImagesError(f"{folder}/Dockerfile: it has no FROM")
    return Recipe(name, level, folder, tuple(stages), arguments)


def _sources(flags: tuple[str, ...]) -> Iterator[str]:
    for flag in flags:
        option, _, value = flag.removeprefix("--").partition("=")
        if option == "from":
            yield value
        elif option == "mount":
            yield from (part.partition("=")[2] for part in value.split(",") if part.startswith("from="))


def read(root: Path = ROOT) -> Recipes:
    """Reads every Dockerfile under `root`/docker.

    Raises SparkImagesError if a Dockerfile is not valid, or if two folders have the same name.
    """
    recipes: dict[str, Recipe] = {}
    for level in FOLDERS:
        for file in sorted((root / "docker" / level).glob("*/Dockerfile")):
            folder = file.parent.relative_to(root)
            name = folder.name
            if name in recipes:
                raise SparkImagesError(f'{folder}: the name "{name}" is already used by {recipes[name].folder}')
            recipes[name] = parse(name, level, folder, file.read_text())
    return Recipes(recipes)
