import re
import socket
from collections.abc import Iterator

import pytest

from spark_images import engine, notebook
from spark_images.errors import FactoryError, UsageError
from spark_images.house import Factory


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that something listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_the_cell_is_the_notebooks(factory: Factory) -> None:
    assert notebook.choose(factory.catalog, "4.1.1", "iceberg").key == "jupyter-4.1.1-iceberg"


@pytest.mark.parametrize(
    ("spark", "variant", "said"),
    [
        ("3.5.9", "baseline", 'no Spark version "3.5.9"'),
        ("3.5.8", "icberg", 'the nearest is "iceberg"'),
        ("3.5.8", "gpu-iceberg", "not built: jupyter-3.5.8-gpu-iceberg: RAPIDS for Spark 3.5 does not read"),
    ],
)
def test_a_cell_that_is_not_there(factory: Factory, spark: str, variant: str, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        notebook.run(factory.catalog, spark, variant, 8888, "")


def test_a_port_in_use_is_named(factory: Factory, taken: int) -> None:
    with pytest.raises(FactoryError, match=rf"port {taken} is in use .*: name another one with --port"):
        notebook.run(factory.catalog, "3.5.8", "baseline", taken, "")


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port(port: int) -> None:
    with pytest.raises(UsageError, match="a number from 1 to 65535"):
        notebook.check_port(port)


def test_an_image_that_is_not_built(factory: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "check_port", lambda _: None)
    monkeypatch.setattr(engine, "find", lambda _: None)
    with pytest.raises(FactoryError, match=r"inv build\.runtime --image jupyter --spark 3\.5\.8"):
        notebook.run(factory.catalog, "3.5.8", "iceberg", 8888, "")


def test_the_server_is_reached_from_this_machine_only(factory: Factory) -> None:
    cell = notebook.choose(factory.catalog, "3.5.8", "baseline")
    command = notebook.command(factory.catalog, cell, 9999, "/data")
    assert "127.0.0.1:9999:8888" in command
    assert "/data:/opt/spark/work-dir" in command
    assert command[-1] == "spark-k8s-jupyter-3.5.8:latest"


def test_the_url_has_this_machines_port() -> None:
    said = ["notebook: open http://127.0.0.1:8888/lab?token=abc\n", "http://127.0.0.1:8888/lab?token=...\n"]
    assert list(notebook.shown(iter(said), 9999)) == ["notebook: open http://127.0.0.1:9999/lab?token=abc\n", said[1]]
