"""Runs Nox sessions in parallel, because the tests of a cell mostly wait for containers.

Nox's own `--parallel` gives every session the same arguments. Here, each session has its own tier.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from pathlib import Path

from spark_images import BUILD, ROOT
from spark_images.checks import cluster, results
from spark_images.checks.default_run import Job
from spark_images.checks.results import Outcome, Status
from spark_images.errors import SparkImagesError

AT_ONCE = 3
"""More than the two cores of a small machine, because sessions often wait: for servers, and for pods on a cluster."""

SHOWN = 60
"""How many lines of a failed session's log are printed."""

GRACE = 30
"""Seconds for a session to remove its containers after an interrupt."""


def key(job: Job) -> str:
    """Returns the prefix of the names of a job's files in .build/logs and .build/results."""
    return results.key(job.session, job.tier.option)


def log_of(job: Job) -> Path:
    """Returns the log file of a job."""
    return BUILD / "logs" / f"nox-{key(job)}.log"


def nox(job: Job) -> list[str]:
    """Returns the command that runs a job in a separate Nox process. That process writes a report."""
    command = [sys.executable, "-m", "nox", "--session", job.session, "--report", str(results.report(key(job)))]
    return [*command, "--", job.tier.option] if job.tier.option else command


class Children:
    """The running processes, each in its own process group."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    @contextmanager
    def started(self, command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Starts a process with its output in `log`. Raises KeyboardInterrupt if `end` was called before."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            with self._lock:
                if self._ended:
                    raise KeyboardInterrupt
                process = subprocess.Popen(
                    command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
                )
                self._running.add(process)
            try:
                yield process
            finally:
                with self._lock:
                    self._running.discard(process)

    def end(self, grace: float = GRACE) -> None:
        """Interrupts every process group, and kills those that still run after `grace` seconds."""
        with self._lock:
            self._ended = True
            running = list(self._running)
        deadline = time.monotonic() + grace
        try:
            for process in running:
                _signal(process, signal.SIGINT)
            for process in running:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(0, deadline - time.monotonic()))
        finally:
            for process in running:
                _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Lets SIGINT and SIGTERM interrupt a run.

    A shell that starts a run in the background makes it and its children ignore SIGINT. This undoes that.
    """
    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in earlier:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


class Countdown:
    """Calls `end` when the last of `jobs` is done."""

    def __init__(self, jobs: Iterable[Job], end: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._left = set(jobs)
        self._end = end

    def done(self, job: Job) -> None:
        """Notes that a job is done. Another job than those counted changes nothing."""
        with self._lock:
            is_last = self._left == {job}
            self._left.discard(job)
        if is_last:
            self._end()


def run(
    jobs: Sequence[Job],
    say: Callable[[str], None],
    at_once: int = AT_ONCE,
    command: Callable[[Job], Sequence[str]] = nox,
) -> list[Outcome]:
    """Runs jobs in their order, `at_once` in parallel. Prints each outcome with `say`, and returns all outcomes.

    Stops the cluster after the last job that uses it. Call it in the main thread. On an interrupt, it starts no further
    job, ends the running jobs and raises KeyboardInterrupt.
    """
    children = Children()

    def stop_cluster() -> None:
        try:
            cluster.stop()
        except SparkImagesError as error:
            # The cluster only takes CPU time. The other jobs need it no longer.
            say(str(error))

    on_the_cluster = Countdown((job for job in jobs if job.on_the_cluster), stop_cluster)

    def through(job: Job) -> Outcome:
        results.clear(key(job))
        begun = time.monotonic()
        with children.started(command(job), log_of(job)) as process:
            exit_code = process.wait()
        outcome = results.outcome(job.name, key(job), exit_code, time.monotonic() - begun)
        say(said(outcome, log_of(job)))
        on_the_cluster.done(job)
        return outcome

    with _interruptible(), ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(through, job) for job in jobs]
        try:
            return [future.result() for future in as_completed(futures)]
        except BaseException:
            children.end()
            raise


def said(outcome: Outcome, log: Path) -> str:
    """Returns the message about a finished session. For a failed session, it includes the end of the log."""
    line = f"{outcome} ({outcome.seconds:.0f} s)"
    if outcome.status is not Status.FAILED:
        return line
    end = "\n".join(log.read_text(errors="replace").splitlines()[-SHOWN:])
    shown = log.relative_to(ROOT) if log.is_relative_to(ROOT) else log
    return f"{end}\n{line}; full log: {shown}"
