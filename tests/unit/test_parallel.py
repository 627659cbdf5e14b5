"""Runs jobs in parallel, with small processes in place of Nox."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from spark_images import ROOT
from spark_images.checks import cluster, parallel, results
from spark_images.checks.default_run import Job
from spark_images.checks.results import Outcome, Status
from spark_images.checks.tiers import Tier

LIMIT = 20
"""Seconds that an interrupted run may take to end."""


@pytest.fixture(autouse=True)
def _results_of_the_test(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(parallel, "BUILD", tmp_path)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")


def test_a_job_is_a_nox_command_with_its_tier_and_a_report() -> None:
    command = parallel.nox(Job("test-9.0", Tier.QUICK))
    assert command[1:] == [
        *("-m", "nox", "--session", "test-9.0", "--report", str(results.RESULTS / "test-9.0-quick.json")),
        *("--", "--quick"),
    ]
    assert "--" not in parallel.nox(Job("network"))


def test_at_most_at_once_jobs_run_together(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    script = f"touch {marks}/$0; ls {marks} | wc -l > {tmp_path}/$0; sleep 0.2; rm {marks}/$0"
    jobs = [Job(name) for name in "abcdef"]
    outcomes = parallel.run(jobs, lambda _: None, command=lambda job: ["sh", "-c", script, job.session])
    assert sorted(outcome.name for outcome in outcomes) == list("abcdef")
    together = [int((tmp_path / job.session).read_text()) for job in jobs]
    assert max(together) == parallel.AT_ONCE


def test_the_cluster_stops_after_the_last_job_on_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = tmp_path / "done"
    monkeypatch.setenv(cluster.STOPPER, f"cp {done} {tmp_path}/stopped")
    jobs = [Job("a", on_the_cluster=True), Job("b"), Job("c", on_the_cluster=True), Job("d")]
    parallel.run(jobs, lambda _: None, 1, lambda job: ["sh", "-c", f"echo {job.session} >> {done}"])
    assert (tmp_path / "stopped").read_text().split() == ["a", "b", "c"]


def test_a_cluster_that_does_not_stop_ends_no_other_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cluster.STOPPER, "ls /nowhere")
    said: list[str] = []
    jobs = [Job("a", on_the_cluster=True), Job("b")]
    outcomes = parallel.run(jobs, said.append, 1, lambda _: ["true"])
    assert [outcome.name for outcome in outcomes] == ["a", "b"]
    assert any("KUBE_STOP (ls /nowhere) could not stop the cluster" in line for line in said)


@pytest.mark.parametrize("ending", ["exit 1", "exit 5", "kill -TERM $$", "kill -KILL $$"])
def test_a_failed_or_killed_job_shows_its_log(ending: str) -> None:
    said: list[str] = []
    (outcome,) = parallel.run([Job("a")], said.append, command=lambda _: ["sh", "-c", f"echo why; {ending}"])
    assert outcome.status is Status.FAILED
    assert said[0].startswith("why\na: failed")
    assert said[0].endswith(f"; full log: {parallel.log_of(Job('a'))}")


def test_a_failed_job_does_not_stop_the_others() -> None:
    def command(job: Job) -> Sequence[str]:
        return ["sh", "-c", f"exit {int(job.session == 'a')}"]

    outcomes = parallel.run([Job(name) for name in "abc"], lambda _: None, at_once=1, command=command)
    assert len(outcomes) == 3


def test_a_skipped_job_shows_its_reason_and_time(tmp_path: Path) -> None:
    skipped = Outcome("test-9.0-gpu", Status.SKIPPED, 1.2, "no CUDA device")
    assert parallel.said(skipped, tmp_path / "log") == "test-9.0-gpu: skipped: no CUDA device (1 s)"


INTERRUPTED = """
import sys
from pathlib import Path
from spark_images.checks import parallel, results
from spark_images.checks.default_run import Job

parallel.BUILD = results.RESULTS = Path(sys.argv[1])
script = f"sleep 60 & echo $! >> {sys.argv[1]}/grandchildren; echo $$ >> {sys.argv[1]}/begun; wait"
parallel.run([Job(str(n)) for n in range(40)], print, command=lambda job: ["sh", "-c", script])
"""


def alive(number: int) -> bool:
    stat = Path(f"/proc/{number}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


IN_THE_BACKGROUND = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")
"""Starts a command with SIGINT ignored, as a shell does in the background."""


@pytest.mark.parametrize("start", [(), IN_THE_BACKGROUND], ids=["foreground", "background"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_the_running_jobs_and_starts_no_other(
    tmp_path: Path, start: Sequence[str], number: int
) -> None:
    command = [*start, sys.executable, "-c", textwrap.dedent(INTERRUPTED), str(tmp_path)]
    begun = tmp_path / "begun"
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + LIMIT
            while not begun.exists() or len(begun.read_text().split()) < parallel.AT_ONCE:
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(number)
            _, errors = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
            for group in begun.read_text().split():
                if alive(int(group)):
                    os.killpg(int(group), signal.SIGKILL)
    assert "KeyboardInterrupt" in errors
    numbers = [*begun.read_text().split(), *(tmp_path / "grandchildren").read_text().split()]
    assert len(numbers) == 2 * parallel.AT_ONCE, "a job started after the interrupt"
    assert [each for each in numbers if alive(int(each))] == []
