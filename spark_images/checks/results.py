"""Reads and summarizes the results of sessions in .build/results: Nox writes JSON reports, pytest writes JUnit XML.

The files of a session begin with its name and its tier: `test-3.5.8-iceberg-quick.xml`.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree

from spark_images import BUILD

RESULTS = BUILD / "results"


class Status(StrEnum):
    """How a session ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Counts:
    """The numbers of tests that passed, failed and were skipped."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


NONE = Counts()
ONE = {Status.PASSED: Counts(passed=1), Status.FAILED: Counts(failed=1), Status.SKIPPED: Counts(skipped=1)}


@dataclass(frozen=True)
class Outcome:
    """The outcome of a session: its status, its time in seconds, the reason for the status, and its test counts."""

    name: str
    status: Status
    seconds: float
    reason: str = ""
    tests: Counts = NONE

    @property
    def counts(self) -> Counts:
        """The counts that the session adds to a run: its tests, or 1 for the session itself if it has no tests.

        A failed session without a failed test adds 1 to the failures.
        """
        if self.tests == NONE or (self.status is Status.FAILED and not self.tests.failed):
            return self.tests + ONE[self.status]
        return self.tests

    def __str__(self) -> str:
        said = str(self.tests) if self.tests != NONE and self.status is Status.PASSED else self.status.value
        if self.status is Status.FAILED and self.tests != NONE:
            said = f"failed ({self.tests})"
        return f"{self.name}: {said}{f': {self.reason}' if self.reason else ''}"


def key(session: str, option: str = "") -> str:
    """Returns the prefix of the names of a session's files. `option` is the option of its tier."""
    return f"{session}{option.removeprefix('-')}"


def clear(key: str) -> None:
    """Removes the results of earlier runs of the session, so that they do not count as results of this run."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for file in (report(key), *reports(key)):
        file.unlink(missing_ok=True)


def report(key: str) -> Path:
    """Returns the file for Nox's report of a session."""
    return RESULTS / f"{key}.json"


def junit(key: str, part: str = "") -> Path:
    """Returns the file for pytest's results. `part` is the name of one of several calls of a session."""
    return RESULTS / (f"{key}.{part}.xml" if part else f"{key}.xml")


def reports(key: str) -> Sequence[Path]:
    """Returns pytest's result files of a session."""
    return sorted(RESULTS.glob(f"{key}.*xml"))


def counts_of(key: str) -> Counts:
    """Returns the sum of the test counts in all JUnit files of a session."""
    return sum((_counts(file) for file in reports(key)), NONE)


def _counts(file: Path) -> Counts:
    found = NONE
    for suite in ElementTree.parse(file).getroot().iter("testsuite"):  # noqa: S314 -- pytest wrote the file
        whole, failures, errors, skipped = (
            int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
        )
        found += Counts(whole - failures - errors - skipped, failures + errors, skipped)
    return found


def outcome(name: str, key: str, exit_code: int, seconds: float) -> Outcome:
    """Returns the outcome of a session that ran in a separate Nox process, from its exit code, report and tests.

    Every exit code except 0 is a failure. A signal gives a negative exit code. A missing report is also a failure.
    """
    reason, status = "", Status.FAILED
    if report(key).exists():
        (session,) = json.loads(report(key).read_text())["sessions"]
        reason = session["reason"] or ""
        if exit_code == 0:
            status = {"success": Status.PASSED, "skipped": Status.SKIPPED}.get(session["result"], Status.FAILED)
    if exit_code < 0:
        reason = f"ended by signal {-exit_code}"
    return Outcome(name, status, seconds, reason, counts_of(key))


def table(outcomes: Iterable[Outcome]) -> str:
    """Returns a line for each session with its time and its outcome, the longest session first."""
    ordered = sorted(outcomes, key=lambda outcome: -outcome.seconds)
    return "\n".join(f"{_clock(outcome.seconds):>7}  {outcome}" for outcome in ordered)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def last_line(outcomes: Iterable[Outcome]) -> str:
    """Returns the last line of a run: `N passed, M failed, K skipped`."""
    return str(sum((outcome.counts for outcome in outcomes), NONE))
