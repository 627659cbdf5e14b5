"""The test results of an image as a predicate."""

from dataclasses import replace
from typing import Any

import pytest

from spark_images.attest import predicates, test_results
from spark_images.attest.test_results import Session
from spark_images.errors import SparkImagesError

COMMIT = "c" * 40
QUICK = Session("test-9.0-lake", "quick", COMMIT, "2026-11-27T12:00:00+02:00", ("b", "a"))
LAYERS = Session("layers", "", COMMIT, "2026-11-27T11:00:00Z", ("files",))


def predicate(*sessions: Session, source: str = "spark-images") -> Any:
    return test_results.predicate(sessions, source)


@pytest.mark.parametrize(
    ("outcomes", "result"),
    [
        ({"passed": ("a",)}, "PASSED"),
        ({"passed": ("a",), "skipped": ("b",)}, "WARNED"),
        ({"passed": (), "skipped": ("b",)}, "WARNED"),
        ({"passed": ("a",), "skipped": ("b",), "failed": ("c",)}, "FAILED"),
        ({"passed": ()}, "FAILED"),
    ],
)
def test_the_worst_outcome_of_all_sessions_is_the_result(outcomes: Any, result: str) -> None:
    for sessions in ((replace(QUICK, **outcomes), LAYERS), (LAYERS, replace(QUICK, **outcomes))):
        assert predicate(*sessions)["result"] == result


def test_each_test_is_listed_once_by_its_outcome_with_its_session() -> None:
    found = predicate(replace(QUICK, failed=("d",), skipped=("e", "c")), LAYERS)
    assert found["passedTests"] == ["layers: files", "test-9.0-lake (quick): a", "test-9.0-lake (quick): b"]
    assert found["warnedTests"] == ["test-9.0-lake (quick): c", "test-9.0-lake (quick): e"]
    assert found["failedTests"] == ["test-9.0-lake (quick): d"]


def test_the_configuration_has_the_commit_tier_time_and_counts_of_each_session() -> None:
    found = predicate(replace(QUICK, skipped=("c",)), LAYERS)
    assert [each["name"] for each in found["configuration"]] == ["layers", "test-9.0-lake"]
    assert found["configuration"][1] == {
        "name": "test-9.0-lake",
        "digest": {"gitCommit": COMMIT},
        "annotations": {
            "tier": "quick",
            "commit": COMMIT,
            "finished": "2026-11-27T10:00:00Z",
            "passed": 2,
            "failed": 0,
            "skipped": 1,
        },
    }
    (of_url,) = predicate(LAYERS, source="https://code.example/spark")["configuration"]
    assert of_url["uri"] == f"git+https://code.example/spark@{COMMIT}"


@pytest.mark.parametrize("commit", [f"{COMMIT}-dirty", ""])
def test_tests_of_a_changed_working_tree_claim_no_commit(commit: str) -> None:
    (found,) = predicate(replace(LAYERS, commit=commit))["configuration"]
    assert "digest" not in found
    assert found["uri"] == f"urn:spark-images:revision:{commit or 'unknown'}"


def test_fields_are_those_of_the_specification_without_a_url() -> None:
    assert test_results.TYPE == "https://in-toto.io/attestation/test-result/v0.1"
    assert predicate(QUICK).keys() == {"result", "configuration", "passedTests", "warnedTests", "failedTests"}


def test_the_order_of_sessions_and_tests_does_not_matter() -> None:
    one = predicate(QUICK, LAYERS)
    other = predicate(LAYERS, replace(QUICK, passed=QUICK.passed[::-1]))
    assert predicates.text(one) == predicates.text(other)


def test_two_tiers_of_one_session_are_two_results() -> None:
    assert len(predicate(QUICK, replace(QUICK, tier="full"))["configuration"]) == 2


@pytest.mark.parametrize(
    ("sessions", "message"),
    [
        ((), "there is no test result to attest"),
        ((QUICK, replace(QUICK, passed=("z",))), r"two test results of the session test-9\.0-lake \(quick\)"),
        ((replace(QUICK, finished="yesterday"),), 'has the time "yesterday": expected a time'),
        ((replace(QUICK, finished="2026-11-27T12:00:00"),), "expected a time in the format of RFC 3339"),
    ],
)
def test_a_claim_without_proof_is_an_error(sessions: Any, message: str) -> None:
    with pytest.raises(SparkImagesError, match=message):
        predicate(*sessions)
