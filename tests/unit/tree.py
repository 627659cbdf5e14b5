"""A small project in a folder of its own: a layer for each thing that a real one can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spark_images.matrix import file
from spark_images.matrix.model import Matrix
from spark_images.plan import bake
from spark_images.plan.project import Project, load_project
from spark_images.recipes import locks
from spark_images.recipes.locks import Entry

TOML = """
[settings]
registry = ""
tag = "latest"
os-image = ""
source = ""
min-free-disk-gb = 10

[versions]
debian = "bookworm"

[lines."9"]
scala = "2.13"

[spark."9.0"]
line = "9"

[spark."9.1"]
line = "9"

[features.lake]
title = "Lake for {scala}"
labels = { "lake" = "{scala}" }

[variants]
baseline = []
lake = ["lake"]

[images.app]
title = "App {spark}"
name = "app-{spark}{suffix}"
key = "{spark}-{variant}"

[budgets]
registry-ratio = 0.5
layer-mb = 300
layers = { "os-bookworm" = 500 }
sizes = [{ variant = "baseline", mb = 100 }, { image = "app", line = "9", mb = 200 }]

[labels]
"version" = "{spark}{suffix}"
"source" = "{source}"
"revision" = "{revision}"

[layers.os]
name = "os-{debian}"

[layers.core]
name = "core-{spark}"
artefacts = [{ coordinate = "group:core:{spark}", licence = "MIT", link = "core" }]

[layers.lake-jars]
name = "lake-jars-{line}"
"""

DOCKERFILES = {
    "base/rootfs": "FROM scratch\nADD rootfs.tar /\n",
    "base/os": "FROM rootfs\n",
    "base/tools": "FROM os\n",
    "intermediate/core": "FROM tools AS files\nARG ARTEFACTS\nARG LINKS\nFROM scratch\nCOPY --from=files /layer /\n",
    "intermediate/lake-jars": "FROM scratch\nRUN --mount=type=bind,from=tools,target=/tools true\n",
    "runtime/app": """
ARG ENABLE_LAKE=false
FROM scratch AS lake-false
FROM lake-jars AS lake-true
FROM lake-${ENABLE_LAKE} AS lake
FROM os
COPY --link --from=core / /
COPY --link --from=lake / /
""",
}

LOCKS = {"core": {f"group:core:{version}": Entry(version.replace(".", "") * 32, 1) for version in ("9.0", "9.1")}}


@dataclass(frozen=True)
class Tree:
    """The working tree of the small project, to be changed and loaded."""

    root: Path

    def write(self) -> "Tree":
        (self.root / "images.toml").write_text(TOML)
        for folder, text in DOCKERFILES.items():
            self.dockerfile(folder, text)
        for layer, entries in LOCKS.items():
            locks.write_lock(self.root / f"docker/intermediate/{layer}/artefacts.lock", entries)
        return self

    def toml(self, old: str, new: str) -> "Tree":
        file = self.root / "images.toml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new, 1))
        return self

    def dockerfile(self, folder: str, text: str) -> "Tree":
        file = self.root / "docker" / folder / "Dockerfile"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return self

    def matrix(self, environment: Mapping[str, str] | None = None) -> Matrix:
        return file.load(self.root / "images.toml", environment)

    def load(self, environment: Mapping[str, str] | None = None, *, locked: bool = True) -> Project:
        return load_project(self.root, environment or {}, locked=locked)

    def bake(self, environment: Mapping[str, str] | None = None, kinds: tuple[str, ...] = ("runtime",)) -> Any:
        project = self.load(environment)
        graph = project.graph(project.matrix.buildable)
        return bake.definition(
            project.matrix, graph, graph.of_levels(kinds), bake.Stamp("abc", 7), bake.Output("type=image"), "rootfs/dir"
        )
