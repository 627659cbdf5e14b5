"""The progress of the Spark jobs that a cell starts: a bar below the cell, updated while the cell runs."""

import contextvars
import threading
import time
from typing import Any

from spark_notebook.render import ui_link
from spark_notebook.session import running

INTERVAL = 0.5
"""Seconds between two updates. A cell that ends before the first update shows nothing."""


PATIENCE = 1.0
"""Seconds that the end of a cell waits for Spark to report the end of its jobs. Spark reports it with a delay."""


class Cell:
    """One run of a cell: the jobs seen so far, and the output that shows them."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.context = contextvars.copy_context()  # connects the output to the cell
        self.jobs: set[int] = set()
        self.output: Any = None

    def show(self, spark: Any, *, done: bool) -> None:
        """Updates the output from Spark's status tracker. `done` says that the cell has ended."""
        seconds = time.monotonic() - self.started
        tracker = spark.statusTracker()
        self.jobs.update(tracker.getActiveJobsIds())
        if not self.jobs:
            return
        jobs = self._ended(tracker) if done else self._known(tracker)
        stages = [stage for job in jobs for stage in map(tracker.getStageInfo, job.stageIds) if stage]
        finished, total = (sum(getattr(s, name) for s in stages) for name in ("numCompletedTasks", "numTasks"))
        if done:
            # Spark skips a stage whose result it already has, so the number of all tasks would be wrong.
            bar, text = "", f"Finished in {seconds:.0f} s: {finished} task{'s' * (finished != 1)}"
            for status, words in (("FAILED", "failed jobs"), ("RUNNING", "jobs still running")):
                if number := sum(job.status == status for job in jobs):
                    text += f", {words}: {number}"
        else:
            bar = f'<progress max="{total or 1}" value="{finished}"></progress> '
            text = f"{finished} of {total} tasks, {seconds:.0f} s"
        self.context.run(
            self._publish, {"text/html": f"<small>{bar}{text} · {ui_link(spark)}</small>", "text/plain": text}
        )

    def _known(self, tracker: Any) -> list[Any]:
        return [job for job in map(tracker.getJobInfo, self.jobs) if job]

    def _ended(self, tracker: Any) -> list[Any]:
        """Returns the jobs as soon as none of them runs. A job in the background can run longer than PATIENCE."""
        deadline = time.monotonic() + PATIENCE
        jobs = self._known(tracker)
        while any(job.status == "RUNNING" for job in jobs) and time.monotonic() < deadline:
            time.sleep(0.05)
            jobs = self._known(tracker)
        return jobs

    def _publish(self, data: dict[str, str]) -> None:
        from IPython.display import display

        if self.output is None:
            self.output = display(data, raw=True, display_id=True)
        else:
            self.output.update(data, raw=True)


class Progress:
    """Watches the cells of a kernel. One thread watches all cells, because each thread costs Spark a connection."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.lock = threading.Lock()
        self.cell: Cell | None = None
        self.running = threading.Event()

    def register(self) -> None:
        """Starts to watch."""
        self.shell.events.register("pre_run_cell", self._begin)
        self.shell.events.register("post_run_cell", self._end)
        threading.Thread(target=self._watch, name="spark-progress", daemon=True).start()

    def _begin(self, _info: Any) -> None:
        with self.lock:
            self.cell = Cell()
        self.running.set()

    def _end(self, _result: Any) -> None:
        self.running.clear()
        with self.lock:
            cell, self.cell = self.cell, None
        if cell and cell.output is not None:
            self._look(cell, done=True)

    def _watch(self) -> None:
        while self.running.wait():
            time.sleep(INTERVAL)
            with self.lock:
                if self.cell and time.monotonic() - self.cell.started >= INTERVAL:
                    self._look(self.cell, done=False)

    def _look(self, cell: Cell, *, done: bool) -> None:
        spark = running()
        if spark is None:
            return
        from py4j.protocol import Py4JError

        try:
            cell.show(spark, done=done)
        except (Py4JError, OSError):
            cell.jobs.clear()  # Spark has stopped, and the cell itself says so
