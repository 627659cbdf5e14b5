"""Nox sessions side by side: the tests of a cell wait for containers more than they compute."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from spark_images import BUILD, ROOT
from spark_images.errors import SparkImagesError

LANES = 2
SHOWN = 60
"""Lines of a failed session's log that are shown."""


@dataclass(frozen=True)
class Outcome:
    """How a session ended: its exit code, its seconds, and its log."""

    session: str
    exit_code: int
    seconds: float
    log: Path

    @property
    def line(self) -> str:
        """What is said of it: passed, skipped with the reason, or failed with the end of the log."""
        text = self.log.read_text(errors="replace")
        if self.exit_code:
            end = "\n".join(text.splitlines()[-SHOWN:])
            return (
                f"{end}\n{self.session}: FAILED after {self.seconds:.0f} s; the whole log: {self.log.relative_to(ROOT)}"
            )
        skips = [line for line in text.splitlines() if f"Session {self.session} skipped" in line]
        if skips:
            return f"{self.session}: {skips[-1].partition(f'Session {self.session} ')[2]}"
        tests = [line.strip("= ") for line in text.splitlines() if line.startswith("=") and " in " in line]
        return f"{self.session}: {tests[-1] if tests else 'passed'}"


def nox(session: str) -> Outcome:
    """Runs one session in a Nox of its own; its output goes to .build/logs."""
    log = BUILD / "logs" / f"nox-{session}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    begun = time.monotonic()
    with log.open("w") as output:
        command = [sys.executable, "-m", "nox", "--session", session]
        done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, check=False)
    return Outcome(session, done.returncode, time.monotonic() - begun, log)


def run(
    queues: Sequence[Sequence[str]],
    say: Callable[[str], None],
    lanes: int = LANES,
    session: Callable[[str], Outcome] = nox,
) -> None:
    """Runs sessions, `lanes` at a time, and says how each ended; those of one queue never at the same time.

    Raises SparkImagesError, when all have ended, with the names of those that failed.
    """
    failed = []
    with ThreadPoolExecutor(lanes) as pool:

        def through(queue: Sequence[str]) -> list[str]:
            bad = []
            for name in queue:
                outcome = session(name)
                say(outcome.line)
                if outcome.exit_code:
                    bad.append(name)
            return bad

        for done in as_completed([pool.submit(through, queue) for queue in queues]):
            failed += done.result()
    if failed:
        raise SparkImagesError(f"failed: {', '.join(sorted(failed))}")
