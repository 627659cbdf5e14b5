"""Reads known.toml: the facts that neither a lock nor the bytes of a package give."""

from collections.abc import Mapping
from dataclasses import field
from functools import cache
from pathlib import Path

import tomli
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from spark_images import ROOT

FILE = Path(__file__).with_name("known.toml")
PLACE = FILE.relative_to(ROOT)


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, alias_generator=lambda n: n.replace("_", "-")))
class Known:
    """The tables of known.toml. Each has lists by an SPDX expression, and `groups` has them by a Maven group."""

    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    jar_licences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group_licences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    package_licences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def group(self, artifact: str) -> str:
        """Returns the group of an artifact, or ""."""
        return _by_member(self.groups, artifact)

    def of_jar(self, artifact: str) -> str:
        """Returns the licence of an artifact, or ""."""
        return _by_member(self.jar_licences, artifact)

    def of_group(self, group: str, version: str) -> str:
        """Returns the licence of the jars of a group, or of the nearest group above it, or ""."""
        major = version.partition(".")[0]
        while group:
            for name in (f"{group}@{major}", group):
                if found := _by_member(self.group_licences, name):
                    return found
            group = group.rpartition(".")[0]
        return ""

    def of_package(self, name: str) -> str:
        """Returns the licence of a Python package, or ""."""
        return _by_member(self.package_licences, name)


def _by_member(table: Mapping[str, tuple[str, ...]], member: str) -> str:
    return next((key for key, members in table.items() if member in members), "")


@cache
def load(file: Path = FILE) -> Known:
    """Returns the tables of known.toml."""
    return TypeAdapter(Known).validate_python(tomli.loads(file.read_text()), strict=False)
