import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_images.engine import daemon
from spark_images.errors import CommandError, SparkImagesError, UsageError
from spark_images.plan.project import Project
from spark_images.running import notebook, run


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_the_newest_baseline_where_nothing_is_said(small: Project) -> None:
    assert run.chosen(small, "", "").key == "10.0-baseline"
    assert run.chosen(small, "9.0", "lake", "jupyter").key == "jupyter-9.0-lake"


@pytest.mark.parametrize(
    ("spark", "variant", "image", "said"),
    [
        ("9.2", "baseline", "spark", 'no Spark version "9.2"'),
        ("9.0", "laek", "spark", 'the nearest is "lake"'),
        ("9.0", "gpu-lake", "jupyter", "not built: jupyter-9.0-gpu-lake: the accelerator of line 9 reads no lake"),
    ],
)
def test_a_cell_that_is_not_there(small: Project, spark: str, variant: str, image: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        run.chosen(small, spark, variant, image)


def test_a_port_in_use_is_named(small: Project, taken: int) -> None:
    with pytest.raises(SparkImagesError, match=f"port {taken} is in use"):
        run.run(small, run.chosen(small, "", ""), ["connect"], ports=[taken])
    with pytest.raises(SparkImagesError, match=rf"port {taken} is in use .*: name another one with --port"):
        notebook.serve(small, "9.0", "baseline", taken, "")


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port(port: int) -> None:
    with pytest.raises(UsageError, match="a number from 1 to 65535"):
        run.check_port(port)


def test_ports_are_open_to_this_machine_only() -> None:
    line = run.command("image", ["connect"], ports={9999: 15002}, volume="/a:/b:ro")
    assert line == [
        "docker",
        "run",
        "--rm",
        "--publish",
        "127.0.0.1:9999:15002",
        "--volume",
        "/a:/b:ro",
        "image",
        "connect",
    ]


def test_a_terminal_and_a_device_where_they_are() -> None:
    assert run.command("image", [], terminal=True, device=True)[3:] == [
        "--interactive",
        "--tty",
        "--gpus",
        "all",
        "image",
    ]


def test_a_job_that_is_not_there(small: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no file: name the job"):
        run.submit(small, run.chosen(small, "", ""), str(tmp_path / "job.py"), [])


def test_a_cluster_without_workers(small: Project) -> None:
    with pytest.raises(UsageError, match="needs one at least"):
        run.cluster(small, run.chosen(small, "", ""), 0)


def test_the_exit_code_of_a_command_is_ours(small: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "find", lambda _: "held")
    monkeypatch.setattr(run, "command", lambda *_, **__: ["bash", "-c", "exit 7"])
    with pytest.raises(CommandError) as raised:
        run.run(small, run.chosen(small, "", ""), ["spark-submit"])
    assert raised.value.exit_code == 7
