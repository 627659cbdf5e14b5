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


def test_the_newest_baseline_where_nothing_is_said(project: Project) -> None:
    assert run.chosen(project, "", "").key == f"{list(project.matrix.spark)[-1]}-baseline"
    assert run.chosen(project, "3.5.8", "iceberg", "jupyter").key == "jupyter-3.5.8-iceberg"


@pytest.mark.parametrize(
    ("spark", "variant", "image", "said"),
    [
        ("3.5.9", "baseline", "spark", 'no Spark version "3.5.9"'),
        ("3.5.8", "icberg", "spark", 'the nearest is "iceberg"'),
        ("3.5.8", "gpu-iceberg", "jupyter", "not built: jupyter-3.5.8-gpu-iceberg: RAPIDS for Spark 3.5 does not read"),
    ],
)
def test_a_cell_that_is_not_there(project: Project, spark: str, variant: str, image: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        run.chosen(project, spark, variant, image)


def test_a_port_in_use_is_named(project: Project, taken: int) -> None:
    with pytest.raises(SparkImagesError, match=f"port {taken} is in use"):
        run.run(project, run.chosen(project, "", ""), ["connect"], ports=[taken])
    with pytest.raises(SparkImagesError, match=rf"port {taken} is in use .*: name another one with --port"):
        notebook.serve(project, "3.5.8", "baseline", taken, "")


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


def test_a_job_that_is_not_there(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no file: name the job"):
        run.submit(project, run.chosen(project, "", ""), str(tmp_path / "job.py"), [])


def test_a_cluster_without_workers(project: Project) -> None:
    with pytest.raises(UsageError, match="needs one at least"):
        run.cluster(project, run.chosen(project, "", ""), 0)


def test_the_exit_code_of_a_command_is_ours(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "find", lambda _: "held")
    monkeypatch.setattr(run, "command", lambda *_, **__: ["bash", "-c", "exit 7"])
    with pytest.raises(CommandError) as raised:
        run.run(project, run.chosen(project, "", ""), ["spark-submit"])
    assert raised.value.exit_code == 7
