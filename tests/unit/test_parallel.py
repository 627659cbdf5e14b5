import threading
import time
from pathlib import Path

import pytest

from spark_images.checks import parallel
from spark_images.checks.parallel import Outcome
from spark_images.errors import SparkImagesError


def outcome(folder: Path, session: str, exit_code: int = 0, text: str = "=== 3 passed in 1.00s ===\n") -> Outcome:
    log = folder / f"{session}.log"
    log.write_text(text)
    return Outcome(session, exit_code, 1.0, log)


def test_a_queue_waits_and_the_others_go_on(tmp_path: Path) -> None:
    running: set[str] = set()
    together: list[set[str]] = []
    lock = threading.Lock()

    def session(name: str) -> Outcome:
        with lock:
            running.add(name)
            together.append(set(running))
        time.sleep(0.05)
        with lock:
            running.remove(name)
        return outcome(tmp_path, name)

    said: list[str] = []
    parallel.run([["a1", "a2"], ["b"], ["c"]], said.append, session=session)
    assert sorted(said) == [f"{name}: 3 passed in 1.00s" for name in ("a1", "a2", "b", "c")]
    assert max(map(len, together)) == 2
    assert not any({"a1", "a2"} <= names for names in together)


def test_all_have_ended_before_the_failed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "ROOT", tmp_path)
    said: list[str] = []

    def session(name: str) -> Outcome:
        return outcome(tmp_path, name, int(name in ("b", "d")), f"why {name}\n")

    with pytest.raises(SparkImagesError, match=r"^failed: b, d$"):
        parallel.run([["a"], ["b", "c"], ["d"]], said.append, session=session)
    assert {line.splitlines()[0] for line in said} == {"a: passed", "c: passed", "why b", "why d"}
    assert any(line.endswith("b: FAILED after 1 s; the whole log: b.log") for line in said)


def test_a_skipped_session_says_why(tmp_path: Path) -> None:
    text = "nox > Session k8s-a skipped: no cluster: KUBECONFIG is not set.\n"
    assert outcome(tmp_path, "k8s-a", text=text).line == "k8s-a: skipped: no cluster: KUBECONFIG is not set."
