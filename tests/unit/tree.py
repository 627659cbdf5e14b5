"""A small project in a temporary folder, with one layer for each mechanism of the real project.

Tests that need two of everything use the project of full.py.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from spark_images.matrix import file
from spark_images.matrix.model import Matrix
from spark_images.matrix.tables import Stack
from spark_images.plan import bake
from spark_images.plan.project import Project, load_project
from spark_images.recipes import locks
from spark_images.recipes.locks import Entry, Lock
from tests.unit import full

TOML = """
[settings]
registry = ""
tag = "latest"
os-image = ""
source = ""
documentation = ""
vendor = ""
min-free-disk-gb = 10
class-archive = true

[stacks.old]
platform = "linux/amd64"
debian = "bookworm"
debian-number = "12"
java = "17"
python = "3.11"

[lines."9"]
stack = "old"
scala = "2.13"
hadoop = "3.4"
budget-mb = { app = 100 }
end-of-life = 2027-06-30
end-of-life-source = "https://spark.example/policy"

[spark."9.0"]
line = "9"
released = 2026-01-02

[spark."9.1"]
line = "9"
released = 2026-01-02

[images.app]
title = "App {spark}"
name = "app-{spark}{suffix}"
key = "{spark}-{variant}"

[budgets]
registry-ratio = 0.5
layer-mb = 300

[labels]
"version" = "{spark}{suffix}"
"source" = "{source}"
"revision" = "{revision}"

[layers.rootfs]
name = "rootfs-{debian}"

[layers.os]
name = "os-{debian}"

[layers.tools]
name = "tools-{debian}-java{java}"

[layers.jdk]
name = "jdk-{java}"

[layers.sealer]
any-stack = true

[layers.conf]
any-stack = true

[layers.core]
name = "core-{spark}"
artefacts = [{ coordinate = "group:core:{spark}", licence = "MIT", link = "core" }]

[features.lake]
title = "Lake {lake} for {scala}"
labels = { "lake" = "{lake}" }
size-mb = 20
layer-mb = { lake-jars = 500 }

[features.lake.lines."9"]
versions = { lake = "1.0" }

[features.lake.layers.lake-jars]
name = "lake-jars-{line}"
"""

DOCKERFILES = {
    "base/rootfs": "FROM scratch\nADD rootfs.tar /\n",
    "base/os": "FROM rootfs\n",
    "base/tools": "FROM os\nARG JAVA_VERSION\n",
    "base/sealer": "FROM os\n",
    "base/jdk": "FROM tools AS made\nARG JAVA_VERSION\nRUN jlink\nFROM scratch\nCOPY --from=made /layer /\n",
    "intermediate/core": "FROM tools AS files\nARG ARTEFACTS\nARG LINKS\nFROM scratch\nCOPY --from=files /layer /\n",
    "intermediate/conf": "FROM sealer AS files\nFROM scratch\nCOPY --from=files /layer /\n",
    "intermediate/lake-jars": "FROM scratch\nRUN --mount=type=bind,from=tools,target=/tools true\n",
    "runtime/app": """
ARG ENABLE_LAKE=false
FROM scratch AS lake-false
FROM lake-jars AS lake-true
FROM lake-${ENABLE_LAKE} AS lake
FROM tools AS settings
RUN --mount=type=bind,from=conf,target=/layers/conf merge
FROM os
COPY --link --from=jdk / /
COPY --link --from=core / /
COPY --link --from=conf / /
COPY --link --from=lake / /
COPY --link --from=settings /layer /
""",
}

LOCKS = {"core": {f"group:core:{version}": Entry(version.replace(".", "") * 32, 1) for version in ("9.0", "9.1")}}


@dataclass(frozen=True)
class Tree:
    """The working tree of a small project. Tests can change and load it."""

    root: Path

    def write(self) -> "Tree":
        return self._write(TOML, DOCKERFILES, LOCKS)

    def write_full(self) -> "Tree":
        """Writes the project of full.py with all of its locks."""
        self._write(full.TOML, full.DOCKERFILES, full.LOCKS)
        for folder, text in full.REQUIREMENTS.items():
            (self.root / folder / locks.REQUIREMENTS).write_text(text)
        project = self.load()
        for requirements in locks.requirement_sets(project.matrix, project.recipes, self.root):
            pins = full.PINS.get(requirements.source.parent.name, "tool==1.0")
            requirements.lock.write_text(f"{requirements.fingerprint}\n{pins}\n")
        return self

    def _write(self, toml: str, dockerfiles: Mapping[str, str], entries: Mapping[str, Lock]) -> "Tree":
        (self.root / "images.toml").write_text(toml)
        for folder, text in dockerfiles.items():
            self.dockerfile(folder, text)
        for layer, lock in entries.items():
            locks.write_lock(self.root / f"docker/intermediate/{layer}/artefacts.lock", lock)
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

    def lock(self, layer: str, version: str) -> "Tree":
        """Adds the artefact of another version to the lock of a layer."""
        entries = {**LOCKS[layer], f"group:{layer}:{version}": Entry("ab" * 32, 1)}
        locks.write_lock(self.root / f"docker/intermediate/{layer}/artefacts.lock", entries)
        return self

    def matrix(self, environment: Mapping[str, str] | None = None) -> Matrix:
        return file.load(self.root / "images.toml", environment)

    def load(self, environment: Mapping[str, str] | None = None, *, locked: bool = True) -> Project:
        return load_project(self.root, environment or {}, locked=locked)

    def bake(self, environment: Mapping[str, str] | None = None, kinds: tuple[str, ...] = ("runtime",)) -> Any:
        project = self.load(environment)
        graph = project.graph(project.matrix.buildable)
        return bake.definition(
            project.matrix,
            graph,
            graph.of_levels(kinds),
            bake.Stamp("abc", 7),
            bake.Output("type=image"),
            "rootfs/{}".format,
        )


def on_platform(matrix: Matrix, stack: str, platform: str) -> Matrix:
    """Returns the matrix with another platform in a stack. images.toml accepts only the one platform that exists."""
    values = {**asdict(matrix.stacks[stack]), "platform": platform}
    changed = Stack(**{name.replace("_", "-"): value for name, value in values.items()})
    return replace(matrix, stacks={**matrix.stacks, stack: changed})
