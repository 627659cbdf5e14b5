from contextlib import ExitStack
from pathlib import Path

import pytest

from spark_images.checks import cluster, results, sessions
from spark_images.checks.results import Counts, Outcome, Status
from spark_images.checks.sessions import Call, Skipped
from spark_images.checks.tiers import Tier
from spark_images.engine import gpu
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Cell
from tests.unit.test_suites import cell


@pytest.fixture(autouse=True)
def _nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without a device and without a cluster, and a temporary folder for results."""
    monkeypatch.setattr(gpu, "reason_to_skip", lambda: "no CUDA device")
    monkeypatch.setattr(cluster, "reason_to_skip", lambda: "no cluster")
    monkeypatch.setattr(results, "RESULTS", tmp_path)


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    """The outcomes that the test records."""
    found: list[Outcome] = []
    monkeypatch.setattr(sessions, "NOTED", found)
    return found


def test_a_gpu_image_is_skipped_without_a_device_and_names_alternatives() -> None:
    reason = sessions.reason_to_skip(cell(variant="gpu"), Tier.FULL)
    assert reason == "no CUDA device: run `-- --quick`, or `-- --no-device` for all tests without a device"


@pytest.mark.parametrize("tier", [Tier.QUICK, Tier.NO_DEVICE, Tier.CONFORMANCE])
def test_a_tier_that_needs_no_device_runs_anywhere(tier: Tier) -> None:
    assert sessions.reason_to_skip(cell(variant="gpu"), tier) == ""


def test_a_gpu_image_is_tested_in_full_with_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "reason_to_skip", lambda: "")
    assert sessions.reason_to_skip(cell(variant="gpu"), Tier.FULL) == ""


def test_the_kubernetes_tier_is_skipped_without_a_cluster_and_the_full_tier_is_not() -> None:
    assert sessions.reason_to_skip(cell(), Tier.KUBERNETES) == "no cluster"
    assert sessions.reason_to_skip(cell(), Tier.FULL) == ""
    assert [(call.part, call.reason) for call in sessions.calls(cell(), [cell()], Tier.FULL, "i")] == [
        ("", ""),
        ("cluster", "no cluster"),
    ]


@pytest.mark.parametrize("other", [cell(variant="gpu"), cell("jupyter")])
def test_an_image_without_tests_on_a_cluster_is_skipped_with_the_reason(
    other: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "reason_to_skip", lambda: "")
    assert "has no tests on a cluster" in sessions.reason_to_skip(other, Tier.KUBERNETES)


@pytest.mark.parametrize(
    ("tier", "parts"), [(Tier.QUICK, [""]), (Tier.CONFORMANCE, [""]), (Tier.KUBERNETES, ["cluster"])]
)
def test_each_other_tier_has_one_call(tier: Tier, parts: list[str]) -> None:
    assert [call.part for call in sessions.calls(cell(), [cell()], tier, "i")] == parts


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Replaces the lock of the cluster with a lock of the test."""
    alone = cluster.alone
    monkeypatch.setattr(cluster, "alone", lambda wait=True: alone(wait=wait, lock=tmp_path / "lock"))


CALLS = [Call("", ["a"]), Call("cluster", ["b"])]


@pytest.mark.usefixtures("lock")
def test_calls_on_a_free_cluster_run_first() -> None:
    ran: list[str] = []

    def run(call: Call) -> None:
        ran.append(call.part)
        with cluster.alone(wait=False) as free:
            assert free == (call.part != "cluster")

    sessions.in_turn(CALLS, run)
    assert ran == ["cluster", ""]


@pytest.mark.usefixtures("lock")
def test_calls_on_a_locked_cluster_run_last() -> None:
    ran: list[str] = []
    other = ExitStack()
    other.enter_context(cluster.alone())

    def run(call: Call) -> None:
        ran.append(call.part)
        other.close()

    sessions.in_turn(CALLS, run)
    assert ran == ["", "cluster"]


@pytest.mark.usefixtures("lock")
def test_a_call_that_cannot_run_does_not_wait_for_the_cluster() -> None:
    ran: list[str] = []
    with cluster.alone():
        sessions.in_turn([CALLS[0], Call("cluster", ["b"], "no cluster")], lambda call: ran.append(call.part))
    assert ran == ["", "cluster"]


def test_a_passed_session_is_recorded_with_its_tests(noted: list[Outcome]) -> None:
    with sessions.noted("a", "a"):
        results.junit("a").write_text('<testsuites><testsuite tests="3" skipped="1" /></testsuites>')
    (found,) = noted
    assert (found.status, found.tests) == (Status.PASSED, Counts(2, 0, 1))


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Skipped("no device"), Status.SKIPPED, "no device"),
        (SparkImagesError("it broke"), Status.FAILED, "it broke"),
        (KeyboardInterrupt(), Status.FAILED, ""),
    ],
)
def test_a_skipped_or_failed_session_is_recorded_with_its_reason(
    noted: list[Outcome], error: BaseException, status: Status, reason: str
) -> None:
    with pytest.raises(type(error)), sessions.noted("a", "a"):
        raise error
    assert [(found.status, found.reason) for found in noted] == [(status, reason)]


def test_a_run_ends_with_the_counts() -> None:
    one = Outcome("a", Status.PASSED, 1, tests=Counts(2, 0, 1))
    assert sessions.closing([one]) == "2 passed, 0 failed, 1 skipped"
    assert sessions.closing([one, Outcome("b", Status.FAILED, 3)]).splitlines() == [
        "   0:03  b: failed",
        "   0:01  a: 2 passed, 0 failed, 1 skipped",
        "2 passed, 1 failed, 1 skipped",
    ]
