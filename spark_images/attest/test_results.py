"""The test results of an image, in the format of in-toto's test-result, version 0.1."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from spark_images.attest import predicates
from spark_images.attest.predicates import Predicate
from spark_images.errors import SparkImagesError

TYPE = "https://in-toto.io/attestation/test-result/v0.1"
"""The predicate type."""


@dataclass(frozen=True)
class Session:
    """One run of a Nox session on an image: its name, its tier, and the names of its tests by outcome.

    `commit` is the commit of the tests. `finished` is a time in the format of RFC 3339. A skipped test did not run. A
    session that failed outside a test has its own name in `failed`.
    """

    name: str
    tier: str
    commit: str
    finished: str
    passed: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def predicate(sessions: Sequence[Session], source: str) -> Predicate:
    """Returns the test results of an image. `source` is the setting of images.toml.

    The result is FAILED if a test failed, or if a session has no tests. It is WARNED if a test was skipped, and PASSED
    if every test passed. The names of tests begin with their session.

    Raises SparkImagesError without a session, for a session that occurs twice, and for a time that is not in the format
    of RFC 3339.
    """
    if not sessions:
        raise SparkImagesError("there is no test result to attest: no session has run on this image")
    ordered = sorted(sessions, key=_key)
    for one, other in pairwise(ordered):
        if _key(one) == _key(other):
            raise SparkImagesError(f"there are two test results of the session {_label(one)}: keep the newer one")
    return {
        "result": _result(sessions),
        "configuration": [_configuration(session, source) for session in ordered],
        "passedTests": _names(ordered, "passed"),
        "warnedTests": _names(ordered, "skipped"),
        "failedTests": _names(ordered, "failed"),
    }


def _key(session: Session) -> tuple[str, str]:
    return session.name, session.tier


def _label(session: Session) -> str:
    return f"{session.name} ({session.tier})" if session.tier else session.name


def _result(sessions: Sequence[Session]) -> str:
    if any(session.failed or not (session.passed or session.skipped) for session in sessions):
        return "FAILED"
    return "WARNED" if any(session.skipped for session in sessions) else "PASSED"


def _configuration(session: Session, source: str) -> Predicate:
    """Returns the descriptor of a session: the commit of its tests, its tier, its time and its counts."""
    commit = predicates.commit(source, session.commit)
    return {
        # A descriptor needs a URI or a digest. A working tree with changes has no digest.
        **(commit or {"uri": f"urn:spark-images:revision:{session.commit or 'unknown'}"}),
        "name": session.name,
        "annotations": {
            "tier": session.tier,
            "commit": session.commit,
            "finished": predicates.time(_time(session)),
            "passed": len(session.passed),
            "failed": len(session.failed),
            "skipped": len(session.skipped),
        },
    }


def _time(session: Session) -> datetime:
    try:
        at = datetime.fromisoformat(session.finished)
    except ValueError:
        at = None
    # A time without a zone would get the zone of this machine.
    if at is None or at.tzinfo is None:
        raise SparkImagesError(
            f'the test result of the session {_label(session)} has the time "{session.finished}": expected a time in '
            'the format of RFC 3339, such as "2026-11-27T10:00:00Z"'
        )
    return at


def _names(sessions: Sequence[Session], outcome: str) -> list[str]:
    """Returns the names of the tests with an outcome. A test can run in several sessions, so each name has one."""
    return [f"{_label(session)}: {test}" for session in sessions for test in sorted(getattr(session, outcome))]
