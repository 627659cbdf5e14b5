"""Nox sessions side by side: the tests of a cell wait for containers more than they compute.

Nox's own `--parallel` gives every session the same arguments; here each session has a tier of its own.
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
from spark_images.checks import results
from spark_images.checks.default_run import Job
from spark_images.checks.results import Outcome, Status

AT_ONCE = 2
SHOWN = 60
"""Lines of a failed session's log that are shown."""

GRACE = 30
"""Seconds that a session has to remove its containers when the run is interrupted."""


def key(job: Job) -> str:
    """Returns what the names of a job's files begin with, under .build/logs and .build/results."""
    return results.key(job.session, job.tier.option)


def log_of(job: Job) -> Path:
    """Returns the file that holds what a job wrote."""
    return BUILD / "logs" / f"nox-{key(job)}.log"


def nox(job: Job) -> list[str]:
    """Returns the command that runs a job in a Nox of its own, which writes a report."""
    command = [sys.executable, "-m", "nox", "--session", job.session, "--report", str(results.report(key(job)))]
    return [*command, "--", job.tier.option] if job.tier.option else command


class Children:
    """The processes that run right now, each in a process group of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    @contextmanager
    def started(self, command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """Starts a process whose output goes to `log`. Raises KeyboardInterrupt once `end` was called."""
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
        """Interrupts every process and all that it started, and kills what is left of them after `grace` seconds."""
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
    """Lets both SIGINT and SIGTERM interrupt a run; also where a shell that started it in the background has SIGINT
    ignored, for it and for all that it starts.
    """
    earlier = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in earlier:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def run(
    jobs: Iterable[Job],
    say: Callable[[str], None],
    at_once: int = AT_ONCE,
    command: Callable[[Job], Sequence[str]] = nox,
) -> list[Outcome]:
    """Runs jobs, `at_once` at a time, in their order; says how each ended, and returns it. For the main thread.

    Raises KeyboardInterrupt when the run is interrupted: no further job begins, and those that run are ended.
    """
    children = Children()

    def through(job: Job) -> Outcome:
        results.clear(key(job))
        begun = time.monotonic()
        with children.started(command(job), log_of(job)) as process:
            exit_code = process.wait()
        outcome = results.outcome(job.name, key(job), exit_code, time.monotonic() - begun)
        say(said(outcome, log_of(job)))
        return outcome

    with _interruptible(), ThreadPoolExecutor(at_once) as pool:
        futures = [pool.submit(through, job) for job in jobs]
        try:
            return [future.result() for future in as_completed(futures)]
        except BaseException:
            children.end()
            raise


def said(outcome: Outcome, log: Path) -> str:
    """Returns what is said of a session that ended; of one that failed, with the end of its log."""
    line = f"{outcome} ({outcome.seconds:.0f} s)"
    if outcome.status is not Status.FAILED:
        return line
    end = "\n".join(log.read_text(errors="replace").splitlines()[-SHOWN:])
    shown = log.relative_to(ROOT) if log.is_relative_to(ROOT) else log
    return f"{end}\n{line}; full log: {shown}"
