"""Adds a Spark version: its table in images.toml, and everything that is written from it.

If a step fails, every file has the content that it had before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import tomlkit
from packaging.version import Version
from tomlkit.items import Comment, Table, Whitespace

from spark_images import ROOT, files
from spark_images.engine.host import Host
from spark_images.errors import UsageError
from spark_images.locks import update as locks_update
from spark_images.matrix.model import Matrix
from spark_images.plan.project import Project, load_project
from spark_images.recipes.locks import ARTEFACTS, requirement_sets
from spark_images.reports import catalogue, drawing, overview
from spark_images.versions import compare
from spark_images.versions.check import LINE_PARTS
from spark_images.versions.indexes import Indexes

TOML = "images.toml"


@dataclass(frozen=True)
class Added:
    """A Spark version that can be added: its line, and the day of its release."""

    version: str
    line: str
    released: date


def chosen(matrix: Matrix, version: str, offered: Mapping[str, date | None], released: date | None = None) -> Added:
    """Returns the version to add, with its line and the day of its release.

    `offered` has the Spark versions that exist, with the day of their release. `released` overrides that day. Raises
    UsageError for a version that images.toml has, that does not exist, or whose line images.toml lacks, and if the day
    is unknown.
    """
    new = [v for v in offered if compare.python_key(v) and v not in matrix.spark]
    known = sorted((v for v in new if _line_of(matrix, v)), key=Version)
    if version in matrix.spark:
        raise UsageError(f"Spark {version} is already in {TOML}{_instead(version, known)}")
    if version not in offered or not compare.python_key(version):
        what = "is a pre-release" if version in offered else "is not on the Python index"
        raise UsageError(f"Spark {version} {what}{_instead(version, known)}")
    if not (line := _line_of(matrix, version)):
        number = ".".join(compare.series(version, LINE_PARTS))
        raise UsageError(
            f"Spark {version} is of a line that {TOML} does not have. Write these tables by hand first: "
            f'[lines."{number}"] with stack, scala, hadoop, budget-mb, versions, end-of-life and end-of-life-source, '
            f'and [features.<feature>.lines."{number}"] for each feature that works there. Artefacts with the key line '
            f'need an entry for "{number}" too. See CONTRIBUTING.md'
        )
    day = released or offered[version]
    if day is None:
        raise UsageError(
            f"the Python index does not say when Spark {version} was released: add --released, such as "
            f"--released {date.today()}"
        )
    return Added(version, line, day)


def day(given: str) -> date | None:
    """Returns a day from a command line, or None for "". Raises UsageError if it is not a date like 2026-07-16."""
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise UsageError(f'--released is "{given}": expected a date such as 2026-07-16') from None


def _line_of(matrix: Matrix, version: str) -> str:
    """Returns the line of a version, or "" if images.toml does not have it."""
    number = ".".join(compare.series(version, LINE_PARTS))
    return number if number in matrix.lines else ""


def _instead(version: str, known: Iterable[str]) -> str:
    """Returns ` (did you mean "…"?)` with the newest version that can be added, of the same line if it has one."""
    versions = list(known)
    same = [v for v in versions if compare.series(v, LINE_PARTS) == compare.series(version, LINE_PARTS)]
    found = (same or versions)[-1:]
    return f' (did you mean "{found[0]}"?)' if found else ""


def with_spark(text: str, added: Added) -> str:
    """Returns the text of images.toml with a table for a Spark version. Nothing else changes, also no comment.

    The table follows the last table with an older version.
    """
    document = tomlkit.parse(text)
    tables = document["spark"]
    assert isinstance(tables, Table)
    later = [version for version in tables if Version(version) > Version(added.version)]
    before = [version for version in tables if version not in later]
    table = tomlkit.table()
    table.add("line", added.line)
    table.add("released", tomlkit.item(added.released))
    for trivia in _trailing(tables[before[-1]]) if before else [tomlkit.nl()]:
        table.add(trivia)
    if before:
        tables[before[-1]].add(tomlkit.nl())
    # tomlkit has no method that inserts a table at a place. So the later tables move behind the new one.
    moved = {version: tables.pop(version) for version in later}
    for version, item in {added.version: table, **moved}.items():
        indent = item.trivia.indent
        tables.append(version, item)
        # append adds a blank line after a comment.
        item.trivia.indent = indent
    return tomlkit.dumps(document)


def missing_bridges(matrix: Matrix, added: Added) -> dict[str, str]:
    """Returns the shim that each feature with shims uses for a new Spark version, by feature.

    Omits a feature that the line does not offer, that has a shim for the version, or that has a bridge already.
    """
    of_line = {
        name: feature.lines[added.line].shims
        for name, feature in matrix.features.items()
        if added.line in feature.lines
    }
    return {
        name: shims.nearest(added.version)
        for name, shims in of_line.items()
        if shims and shims.native and added.version not in {*shims.native, *shims.bridges}
    }


def with_bridges(text: str, added: Added, bridges: Mapping[str, str]) -> str:
    """Returns the text of images.toml with a bridge for a Spark version in the shims of each feature in `bridges`.

    `bridges` is what `missing_bridges` returns. Nothing else changes, also no comment.
    """
    document: Any = tomlkit.parse(text)
    for feature, shim in bridges.items():
        shims = document["features"][feature]["lines"][added.line]["shims"]
        after = _trailing(shims)
        shims.add(tomlkit.key(["bridges", added.version]), tomlkit.value(f'{{ shim = "{shim}" }}'))
        for trivia in after:
            shims.add(trivia)
    return tomlkit.dumps(document)


def _trailing(table: Any) -> list[Whitespace | Comment]:
    """Takes the blank lines and comments after the last key out of a table. They belong to what follows it."""
    body = table.value.body
    kept = next(number for number in range(len(body), 0, -1) if body[number - 1][0] is not None)
    taken = [item for _, item in body[kept:]]
    del body[kept:]
    return taken


@contextmanager
def restored(paths: Iterable[Path]) -> Iterator[None]:
    """Restores the content of these files if the block fails or is interrupted. It deletes files that are new."""
    before = {path: path.read_text() if path.exists() else None for path in paths}
    try:
        yield
    except BaseException:
        for path, text in before.items():
            if text is None:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_text() != text:
                files.write(path, text)
        raise


def written(project: Project, root: Path = ROOT) -> list[Path]:
    """Returns every file that adding a Spark version can change."""
    locks = [root / recipe.folder / ARTEFACTS for recipe in project.recipes.by_name.values()]
    packages = [requirements.lock for requirements in requirement_sets(project.matrix, project.recipes, root)]
    pages = [overview.PAGE, catalogue.PAGE, catalogue.SIZES, catalogue.LAYERS, drawing.DRAWING, drawing.PAGE]
    return [root / TOML, *locks, *packages, *pages]


def refresh(root: Path = ROOT) -> None:
    """Updates the locks, the catalogue and the drawings to images.toml. It needs the engine.

    Raises SparkImagesError if an artefact cannot be fetched or a set of Python packages cannot be resolved.
    """
    locks_update.update(load_project(root, locked=False))
    project = load_project(root)
    catalogue.write(project)
    drawing.write(project)


def add(
    version: str,
    here: Host,
    released: date | None = None,
    *,
    root: Path = ROOT,
    refreshing: Callable[[Path], None] = refresh,
) -> list[str]:
    """Adds a Spark version to images.toml, and refreshes what is written from it. Returns what to print.

    Raises UsageError as `chosen` does. If anything fails, no file changes.
    """
    project = load_project(root)
    added = chosen(project.matrix, version, Indexes(here).spark(), released)
    file = root / TOML
    with restored(written(project, root)):
        bridges = missing_bridges(project.matrix, added)
        files.write(file, with_bridges(with_spark(file.read_text(), added), added, bridges))
        refreshing(root)
        return summary(load_project(root).matrix, added, bridges)


def summary(matrix: Matrix, added: Added, bridges: Mapping[str, str]) -> list[str]:
    """Returns the lines to print: the added version and its bridges, its cells that are not built, and the commands
    that build and test it.
    """
    cells = [cell for cell in matrix.cells if cell.spark == added.version]
    refused: dict[str, list[str]] = {}
    for cell in cells:
        if cell.refusal:
            refused.setdefault(cell.refusal, []).append(cell.key)
    return [
        f"added Spark {added.version} of {added.released} to {TOML}, the locks, the catalogue and the drawings",
        *(
            f"the feature {feature} uses the shim for Spark {shim}. If its tests fail, remove "
            f'bridges."{added.version}" from {TOML}: no image with {feature} is built then'
            for feature, shim in bridges.items()
        ),
        *(f"not built: {', '.join(keys)}: {reason}" for reason, keys in refused.items()),
        "prove it:",
        f"  inv build.runtime --spark {added.version}",
        f"  nox -t {added.version} -- --quick",
        f"  nox -t {added.version}",
    ]
