"""Compares versions: which of the versions of an index is newer than the one in use, and of the same kind."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from packaging.version import InvalidVersion, Version
from univers.versions import MavenVersion

_PRE_RELEASE = re.compile(
    r"(?<![a-z])(alpha|beta|rc|cr|m|milestone|preview|snapshot|ea|dev|pre|test|incubating)(?![a-z])"
)
_DATE = re.compile(r"(19|20)\d{6}\b")


@dataclass(frozen=True)
class Newer:
    """The newest versions of an artefact.

    `patch` is the newest version of the series of the version in use, which can be that version itself. `line` is the
    newest version of a newer series, or "" if there is none.
    """

    patch: str
    line: str


def is_stable(version: str) -> bool:
    """Returns whether a version is a release: no alpha, beta, milestone, preview or snapshot, and no bare date.

    Some old artefacts have a date as their version, which would be newer than each later release.
    """
    return not _PRE_RELEASE.search(version.lower()) and not _DATE.match(version)


def flavour(version: str) -> tuple[str, ...]:
    """Returns the words in a version, which say what it is built for: `jre11` in 13.6.2.jre11, `jre` in 33.5.0-jre."""
    return tuple(re.findall(r"[a-z]+\d*", version.lower()))


def series(version: str, parts: int) -> tuple[str, ...]:
    """Returns the first `parts` numbers of a version: `("3", "5")` for two parts of 3.5.8."""
    return tuple(re.findall(r"\d+", version)[:parts])


def python_key(version: str) -> Version | None:
    """Returns the sort key of a version on a Python index, or None if it is a pre-release or not valid."""
    try:
        key = Version(version)
    except InvalidVersion:
        return None
    return None if key.is_prerelease else key


def maven_key(version: str) -> MavenVersion | None:
    """Returns the sort key of a version in a Maven repository, or None if it is a pre-release."""
    return MavenVersion(version) if is_stable(version) else None


def newer(have: str, offered: Iterable[str], key: Callable[[str], Any], parts: int) -> Newer:
    """Returns the newest of the `offered` versions, in the series of the version in use and in a newer series.

    A series is the first `parts` numbers of a version. `key` returns the sort key of a version, or None if the
    version does not count. Versions of another flavour do not count. A pre-release in use is older than each of them.
    """
    keys = {version: found for version in offered if flavour(version) == flavour(have) and (found := key(version))}
    own = key(have)
    later = [version for version in keys if own is None or keys[version] > own]
    same = [version for version in later if series(version, parts) == series(have, parts)]
    others = [version for version in later if series(version, parts) != series(have, parts)]
    return Newer(max(same, key=keys.__getitem__, default=have), max(others, key=keys.__getitem__, default=""))
