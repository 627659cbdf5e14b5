import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from spark_images import engine, notebook, run
from spark_images.errors import CommandError, FactoryError, UsageError
from spark_images.house import Factory


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_the_newest_baseline_where_nothing_is_said(factory: Factory) -> None:
    assert run.chosen(factory, "", "").key == f"{list(factory.catalog.spark)[-1]}-baseline"
    assert run.chosen(factory, "3.5.8", "iceberg", "jupyter").key == "jupyter-3.5.8-iceberg"


@pytest.mark.parametrize(
    ("spark", "variant", "image", "said"),
    [
        ("3.5.9", "baseline", "spark", 'no Spark version "3.5.9"'),
        ("3.5.8", "icberg", "spark", 'the nearest is "iceberg"'),
        ("3.5.8", "gpu-iceberg", "jupyter", "not built: jupyter-3.5.8-gpu-iceberg: RAPIDS for Spark 3.5 does not read"),
    ],
)
def test_a_cell_that_is_not_there(factory: Factory, spark: str, variant: str, image: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        run.chosen(factory, spark, variant, image)


def test_a_port_in_use_is_named(factory: Factory, taken: int) -> None:
    with pytest.raises(FactoryError, match=f"port {taken} is in use"):
        run.run(factory, run.chosen(factory, "", ""), ["connect"], ports=[taken])
    with pytest.raises(FactoryError, match=rf"port {taken} is in use .*: name another one with --port"):
        notebook.serve(factory, "3.5.8", "baseline", taken, "")


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


def test_a_job_that_is_not_there(factory: Factory, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no file: name the job"):
        run.submit(factory, run.chosen(factory, "", ""), str(tmp_path / "job.py"), [])


def test_a_cluster_without_workers(factory: Factory) -> None:
    with pytest.raises(UsageError, match="needs one at least"):
        run.cluster(factory, run.chosen(factory, "", ""), 0)


def test_the_exit_code_of_a_command_is_ours(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find", lambda _: "held")
    monkeypatch.setattr(run, "command", lambda *_, **__: ["bash", "-c", "exit 7"])
    with pytest.raises(CommandError) as raised:
        run.run(factory, run.chosen(factory, "", ""), ["spark-submit"])
    assert raised.value.exit_code == 7
