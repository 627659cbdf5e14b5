import json
from pathlib import Path

import pytest

from spark_images.checks import results
from spark_images.checks.results import Counts, Outcome, Status


@pytest.fixture(autouse=True)
def _results_of_the_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)


def write_junit(key: str, part: str = "", *, tests: int, failures: int = 0, errors: int = 0, skipped: int = 0) -> None:
    results.junit(key, part).write_text(
        f'<testsuites><testsuite name="pytest" errors="{errors}" failures="{failures}" skipped="{skipped}" '
        f'tests="{tests}" time="1.0"></testsuite></testsuites>'
    )


def write_report(key: str, result: str, reason: str | None = None) -> None:
    session = {"name": key, "result": result, "reason": reason, "duration": 1.0}
    results.report(key).write_text(json.dumps({"result": 1, "sessions": [session]}))


def test_counts_add_all_junit_files_of_a_session() -> None:
    write_junit("test-9.0", tests=10, failures=1, errors=2, skipped=3)
    write_junit("test-9.0", "cluster", tests=5)
    write_junit("test-9.0-quick", tests=100)
    assert results.counts_of("test-9.0") == Counts(9, 3, 3)


def test_clear_removes_only_the_results_of_the_session() -> None:
    write_junit("a", tests=1)
    write_report("a", "success")
    write_junit("a-quick", tests=1)
    results.clear("a")
    assert [file.name for file in results.RESULTS.iterdir()] == ["a-quick.xml"]


@pytest.mark.parametrize(
    ("result", "status"), [("success", Status.PASSED), ("skipped", Status.SKIPPED), ("failed", Status.FAILED)]
)
def test_an_outcome_has_the_status_of_noxs_report(result: str, status: Status) -> None:
    write_report("a", result, "because")
    assert results.outcome("a", "a", 0, 1.0) == Outcome("a", status, 1.0, "because")


@pytest.mark.parametrize("exit_code", [1, 2, 130, -9, -15])
def test_every_exit_code_except_0_is_a_failure(exit_code: int) -> None:
    """A signal gives a negative exit code."""
    write_report("a", "success")
    found = results.outcome("a", "a", exit_code, 1.0)
    assert found.status is Status.FAILED
    assert found.counts.failed == 1
    assert found.reason == (f"ended by signal {-exit_code}" if exit_code < 0 else "")


def test_a_missing_report_is_a_failure() -> None:
    assert results.outcome("a", "a", 0, 1.0).status is Status.FAILED


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (Outcome("a", Status.PASSED, 1, tests=Counts(3, 0, 1)), Counts(3, 0, 1)),
        (Outcome("a", Status.FAILED, 1, tests=Counts(3, 2, 1)), Counts(3, 2, 1)),
        (Outcome("a", Status.FAILED, 1, tests=Counts(3, 0, 1)), Counts(3, 1, 1)),
        (Outcome("lint", Status.PASSED, 1), Counts(1, 0, 0)),
        (Outcome("lint", Status.FAILED, 1), Counts(0, 1, 0)),
        (Outcome("a", Status.SKIPPED, 1, "no device"), Counts(0, 0, 1)),
    ],
)
def test_a_session_counts_its_tests_or_itself(outcome: Outcome, counts: Counts) -> None:
    assert outcome.counts == counts


def test_the_table_is_sorted_by_time() -> None:
    outcomes = [
        Outcome("lint", Status.PASSED, 3),
        Outcome("test-a", Status.FAILED, 100, "tests failed", Counts(7, 1, 0)),
        Outcome("test-b", Status.SKIPPED, 1, "no device"),
        Outcome("unit", Status.PASSED, 61, tests=Counts(500, 0, 2)),
    ]
    assert results.table(outcomes).splitlines() == [
        "   1:40  test-a: failed (7 passed, 1 failed, 0 skipped): tests failed",
        "   1:01  unit: 500 passed, 0 failed, 2 skipped",
        "   0:03  lint: passed",
        "   0:01  test-b: skipped: no device",
    ]
    assert results.last_line(outcomes) == "508 passed, 1 failed, 3 skipped"
