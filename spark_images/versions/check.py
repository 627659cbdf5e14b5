"""Compares each version of the matrix with the newest one that exists."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from packaging.version import Version

from spark_images.engine import daemon
from spark_images.engine.host import Host
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import BASELINE, Cell, Matrix
from spark_images.matrix.tables import Held
from spark_images.versions import compare, debian
from spark_images.versions.indexes import Indexes

CURRENT, OUTDATED, HELD, UNKNOWN = "current", "outdated", "held", "unknown"

OUTDATED_CODE = 3
"""The exit code of the check if something is outdated. If nothing is, but something could not be compared, it is 1."""

SPARKS_OWN = ("org.apache.spark", "pyspark", "pyspark_client")
"""The group and the packages that the Spark project publishes with each Spark version."""

LINE_PARTS = 2
"""How many numbers of a Spark version name its line."""

TESTS = "tests"


@dataclass(frozen=True)
class Finding:
    """One row of the check: artefacts of one group, one Spark line, or one Debian package.

    `newest` is the newest version of the same series, and `newer_line` of a newer series, or "". `cells` are the keys
    of the images that the row concerns, and `concerns` are these cells in words. `reason` explains the states held and
    unknown.
    """

    what: str
    have: str
    newest: str
    newer_line: str
    state: str
    concerns: str
    cells: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Used:
    """An artefact that a line uses: `group:artifact` or the name of a Python package, its version, and its cells.

    Artefacts that only tests use have no cells.
    """

    name: str
    version: str
    line: str
    cells: tuple[Cell, ...]

    @property
    def parts(self) -> int:
        """How many numbers of the version make a series: two for Spark's own artefacts, one for others."""
        return LINE_PARTS if self.name.partition(":")[0] in SPARKS_OWN else 1


def used(matrix: Matrix, *, tests: bool = False) -> list[Used]:
    """Returns the artefacts of the images of the matrix. With `tests`, also the ones that only tests use.

    Omits Spark's distribution: `spark_lines` compares it.
    """
    found: dict[tuple[str, str, str], dict[str, Cell]] = {}
    for layer in matrix.all_layers:
        only_tests = matrix.is_for_tests(layer)
        if only_tests and not tests:
            continue
        for cell in matrix.cells_with(layer):
            for artefact in matrix.artefacts(layer, cell):
                name, version = _split(artefact.coordinate)
                if "==" in artefact.coordinate and version in matrix.spark:
                    continue
                cells = found.setdefault((name, version, cell.line), {})
                cells.update({} if only_tests else {cell.key: cell})
    return [Used(*key, tuple(cells.values())) for key, cells in found.items()]


def _split(coordinate: str) -> tuple[str, str]:
    if "==" in coordinate:
        name, _, version = coordinate.partition("==")
        return name, version
    group, artifact, version, *_ = coordinate.split(":")
    return f"{group}:{artifact}", version


def artefacts(matrix: Matrix, wanted: Iterable[Used], offered: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Returns a finding for each group of artefacts with the same versions. `offered` has the versions of each name."""
    alike: dict[tuple[str, ...], dict[str, Cell]] = {}
    for one in wanted:
        row = (one.name, *_compared(matrix, one, offered.get(one.name, ())))
        alike.setdefault(row, {}).update({cell.key: cell for cell in one.cells})
    rows: dict[tuple[Any, ...], list[str]] = {}
    for (name, *compared), cells in alike.items():
        rows.setdefault((name.partition(":")[0], *compared, tuple(cells)), []).append(name)
    every = {cell.key: cell for cell in matrix.buildable}
    return [
        Finding(
            what=names[0] if len(names) == 1 else f"{group}:* ({len(names)})",
            have=have,
            newest=newest,
            newer_line=line,
            state=state,
            concerns=concerns(matrix, [every[key] for key in keys]),
            cells=keys,
            reason=reason,
        )
        for (group, have, newest, line, state, reason, keys), names in rows.items()
    ]


def _compared(matrix: Matrix, one: Used, listed: Collection[str]) -> tuple[str, str, str, str, str]:
    """Returns the version in use, the newest one of its series and of a newer one, the state, and its reason."""
    if not listed:
        return one.version, "", "", UNKNOWN, "the index lists no versions of it"
    key: Callable[[str], Any] = compare.maven_key if ":" in one.name else compare.python_key
    newer = compare.newer(one.version, listed, key, one.parts)
    if one.parts == LINE_PARTS:
        # The artefacts of another Spark line belong to that line.
        newer = replace(newer, line="")
    later = [version for version in (newer.line, newer.patch) if version not in ("", one.version)]
    state, reason = (OUTDATED, "") if later else (CURRENT, "")
    for held in matrix.held if later else ():
        if _holds(held, one) and (not held.up_to or all(key(version) <= key(held.up_to) for version in later)):
            state, reason = HELD, held.reason
    return one.version, newer.patch, newer.line, state, reason


def _holds(held: Held, one: Used) -> bool:
    return held.line in ("", one.line) and any(fnmatchcase(one.name, pattern) for pattern in held.artefacts)


def spark_lines(matrix: Matrix, offered: Iterable[str]) -> Iterator[Finding]:
    """Yields a finding for each line of the matrix, and one for each newer line that it lacks.

    `offered` are the Spark versions that exist.
    """
    stable = [version for version in offered if compare.python_key(version)]
    newest = {line: max(versions, key=Version) for line, versions in _by_line(stable).items()}
    for line in matrix.lines:
        cells = [cell for cell in matrix.buildable if cell.line == line]
        if not cells:
            continue
        have = max((cell.spark for cell in cells), key=Version)
        found = max(have, newest.get(line, have), key=Version)
        yield Finding(
            what=f"Spark {line}",
            have=have,
            newest=found,
            newer_line="",
            state=CURRENT if found == have else OUTDATED,
            concerns=concerns(matrix, cells),
            cells=tuple(cell.key for cell in cells),
            reason="" if found == have else f"inv versions.add {found}",
        )
    for line in sorted(set(newest) - set(matrix.lines), key=Version):
        if Version(line) > max(map(Version, matrix.lines)):
            reason = f'a new line: images.toml has no [lines."{line}"]'
            yield Finding(f"Spark {line}", "", newest[line], newest[line], OUTDATED, "", reason=reason)


def _by_line(versions: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for version in versions:
        found.setdefault(".".join(compare.series(version, LINE_PARTS)), []).append(version)
    return found


def concerns(matrix: Matrix, cells: Collection[Cell]) -> str:
    """Returns a short description of some cells: `all`, `Spark 4.1`, `Spark 4.1 with iceberg`, or their keys."""
    if not cells:
        return TESTS
    chosen = {cell.key for cell in cells}
    lines = [line for line in matrix.lines if any(cell.line == line for cell in cells)]
    words = "all" if len(lines) == len(matrix.lines) else f"Spark {', '.join(lines)}"
    for feature in ("", *matrix.features):
        having = {
            cell.key for cell in matrix.buildable if cell.line in lines and (not feature or feature in cell.features)
        }
        if chosen == having:
            return f"{words} with {feature}" if feature else words
    return ", ".join(cell.key for cell in cells)


def stacks(matrix: Matrix) -> dict[tuple[str, str], list[Cell]]:
    """Returns the buildable cells of each pair of Debian release and Java version."""
    found: dict[tuple[str, str], list[Cell]] = {}
    for cell in matrix.buildable:
        found.setdefault((cell.values["debian"], cell.values["java"]), []).append(cell)
    return found


def packages(matrix: Matrix, here: Host) -> Iterator[Finding]:
    """Yields a finding for each Debian package of each stack that has an update, or one that says that there is none.

    It compares the packages of the newest baseline image of the stack. If the engine does not have that image, or apt
    fails, the finding has the state unknown.
    """
    for (suite, java), cells in stacks(matrix).items():
        newest = max((cell for cell in cells if cell.variant == BASELINE), key=lambda cell: Version(cell.spark))
        image = matrix.tag(newest.name)
        row = Finding(
            what=f"Debian {suite}",
            have="",
            newest="",
            newer_line="",
            state=CURRENT,
            concerns=concerns(matrix, cells),
            cells=tuple(cell.key for cell in cells),
        )
        try:
            if daemon.find(image) is None:
                advice = f"run `inv build.runtime --spark {newest.spark} --variant {newest.variant}` and repeat"
                raise SparkImagesError(f"the engine has no image {image}: {advice}")
            found = debian.updates(debian.ask(image, suite, java, here), java)
        except SparkImagesError as error:
            yield replace(row, state=UNKNOWN, reason=str(error))
            continue
        for update in found:
            reason = "a security update: rebuild with --no-cache" if update.security else "rebuild with --no-cache"
            what = f"{row.what}: {update.package}"
            yield replace(row, what=what, have=update.have, newest=update.newest, state=OUTDATED, reason=reason)
        if not found:
            yield replace(row, reason=f"the packages of {image}")


def check(matrix: Matrix, here: Host, *, tests: bool = False) -> list[Finding]:
    """Returns the findings for the whole matrix. With `tests`, also for the artefacts that only tests use.

    Raises SparkImagesError if an index does not answer, within half a minute if the machine has no network.
    """
    indexes = Indexes(here)
    sparks = indexes.spark()
    wanted = used(matrix, tests=tests)
    offered: dict[str, Sequence[str]] = dict(indexes.all_maven(one.name for one in wanted if ":" in one.name))
    offered |= {one.name: tuple(indexes.python(one.name)) for one in wanted if ":" not in one.name}
    return [*spark_lines(matrix, sparks), *artefacts(matrix, wanted, offered), *packages(matrix, here)]


def exit_code(findings: Iterable[Finding]) -> int:
    """Returns 3 if something is outdated, else 1 if something could not be compared, else 0."""
    states = {finding.state for finding in findings}
    if OUTDATED in states:
        return OUTDATED_CODE
    return 1 if UNKNOWN in states else 0


COLUMNS = ("artefact", "have", "newest", "newer line", "state", "concerns", "note")


def table(findings: Iterable[Finding], *, everything: bool = False) -> list[tuple[str, ...]]:
    """Returns the rows of the table. Without `everything`, it omits the current artefacts."""
    return [
        (f.what, f.have, f.newest, f.newer_line, f.state, f.concerns, f.reason)
        for f in findings
        if everything or f.state != CURRENT
    ]
