"""The progress line of a notebook cell, with a status tracker that reports as late as Spark's."""

import importlib
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from spark_images import ROOT


class Tracker:
    """Reports one job of three tasks. The job has ended, but its end is reported only after `late` more questions."""

    def __init__(self, late: int, last: str = "SUCCEEDED") -> None:
        self.late, self.last = late, last

    def getActiveJobsIds(self) -> list[int]:  # noqa: N802 - the name in PySpark
        return [7]

    def getJobInfo(self, _job: int) -> Any:  # noqa: N802
        self.late -= 1
        return SimpleNamespace(stageIds=[1, 2], status="RUNNING" if self.late >= 0 else self.last)

    def getStageInfo(self, stage: int) -> Any:  # noqa: N802
        if stage == 2:  # skipped
            return SimpleNamespace(numTasks=9, numCompletedTasks=0, numActiveTasks=0, numFailedTasks=0)
        done = 1 if self.late >= 0 else 3
        return SimpleNamespace(numTasks=3, numCompletedTasks=done, numActiveTasks=3 - done, numFailedTasks=0)


class Shown(list[str]):
    """The texts that a cell has shown."""

    def update(self, data: dict[str, str], **_: Any) -> None:
        self.append(data["text/plain"])


@pytest.fixture
def progress(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "docker/intermediate/notebook"))
    for name in ("IPython", "IPython.display"):  # only the images contain IPython
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(display=None))
    module = importlib.import_module("spark_notebook.progress")
    monkeypatch.setattr(module, "PATIENCE", 0.3)
    return module


def last_line(progress: Any, tracker: Tracker, *, done: bool = True) -> str:
    cell = progress.Cell()
    cell.output = Shown()
    cell.show(SimpleNamespace(statusTracker=lambda: tracker, uiWebUrl=None), done=done)
    return str(cell.output[-1])


def test_running_cell_shows_the_tasks_that_are_done(progress: Any) -> None:
    assert last_line(progress, Tracker(late=9), done=False) == "1 of 12 tasks, 0 s"


def test_finished_cell_waits_until_spark_reports_its_last_task(progress: Any) -> None:
    assert last_line(progress, Tracker(late=2)) == "Finished in 0 s: 3 tasks"


def test_finished_cell_names_a_failed_job(progress: Any) -> None:
    assert last_line(progress, Tracker(late=2, last="FAILED")) == "Finished in 0 s: 3 tasks, failed jobs: 1"


def test_finished_cell_does_not_wait_for_a_job_in_the_background(progress: Any) -> None:
    assert last_line(progress, Tracker(late=1000)) == "Finished in 0 s: 1 task, jobs still running: 1"
