from datetime import UTC, datetime
from pathlib import Path

import pytest

from spark_images.checks import records
from spark_images.engine import git

ID = f"sha256:{'0a' * 32}"
REPORT = """<testsuites><testsuite name="pytest" tests="5">
<testcase classname="tests.a" name="test_one[x]" />
<testcase classname="tests.a" name="test_two"><failure message="no" /></testcase>
<testcase classname="tests.b" name="test_three"><error message="no" /></testcase>
<testcase classname="tests.b" name="test_four"><skipped message="no device" /></testcase>
</testsuite></testsuites>"""


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(records, "FOLDER", tmp_path / "records")
    return tmp_path / "records"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    file = tmp_path / "report.xml"
    file.write_text(REPORT)
    return file


def test_a_record_has_the_names_of_the_tests_by_outcome(report: Path) -> None:
    record = records.write(ID, "9.0-lake", "test-9.0-lake -- --quick", "test-9.0-lake-quick", [report])
    assert record.passed == ("tests.a::test_one[x]",)
    assert record.failed == ("tests.a::test_two", "tests.b::test_three")
    assert record.skipped == ("tests.b::test_four",)
    assert records.of_image(ID) == [record]


def test_a_record_names_the_commit_and_the_time(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"rev-parse": "abc", "status": ""}
    monkeypatch.setattr(git, "ask", lambda command, *_: answers[command])
    now = datetime(2026, 11, 27, 22, 30, tzinfo=UTC)
    clean = records.write(ID, "9.0-lake", "test-9.0-lake", "test-9.0-lake", [report], now)
    assert (clean.commit, clean.finished) == ("abc", "2026-11-27T22:30:00Z")
    answers["status"] = " M tasks.py"
    assert records.write(ID, "9.0-lake", "test-9.0-lake", "test-9.0-lake", [report], now).commit == "abc-dirty"


def test_a_test_that_fails_in_one_of_two_reports_has_failed(report: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.xml"
    other.write_text('<testsuite><testcase classname="tests.a" name="test_two" /></testsuite>')
    record = records.write(ID, "9.0-lake", "s", "s", [report, other])
    assert "tests.a::test_two" in record.failed
    assert "tests.a::test_two" not in record.passed


def test_a_later_run_of_a_session_replaces_its_record(report: Path, tmp_path: Path) -> None:
    records.write(ID, "9.0-lake", "s", "s", [report])
    report.write_text("<testsuite />")
    again = records.write(ID, "9.0-lake", "s", "s", [report])
    other = records.write(ID, "9.0-lake", "t", "t", [report])
    assert records.of_image(ID) == [again, other]


def test_another_image_has_no_record(report: Path) -> None:
    records.write(ID, "9.0-lake", "s", "s", [report])
    assert records.of_image(ID.replace("0a", "0b")) == []


def test_a_broken_record_does_not_count(report: Path, folder: Path) -> None:
    records.write(ID, "9.0-lake", "s", "s", [report])
    (file,) = folder.rglob("*.json")
    file.write_text(file.read_text()[:-20])
    assert records.of_image(ID) == []
