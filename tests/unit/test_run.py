import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

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


def runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Runs no container, as if the engine held every image; returns the list of the command lines, which grows."""
    lines: list[list[str]] = []

    def record(line: list[str], **_: Any) -> Any:
        lines.append(line)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(daemon, "find", lambda _: "held")
    monkeypatch.setattr(subprocess, "run", record)
    return lines


def served(small: Project, monkeypatch: pytest.MonkeyPatch, port: int, folder: str) -> list[list[str]]:
    """Returns the command lines with which a notebook is served; no container runs."""
    lines: list[list[str]] = []
    real = subprocess.Popen

    def record(line: list[str], **options: Any) -> Any:
        lines.append(line)
        return real(["true"], **options)

    monkeypatch.setattr(daemon, "find", lambda _: "held")
    monkeypatch.setattr(run, "check_port", lambda _: None)
    monkeypatch.setattr(subprocess, "Popen", record)
    notebook.serve(small, "9.0", "baseline", port, folder)
    return lines


def test_the_newest_baseline_where_nothing_is_said(small: Project) -> None:
    assert run.chosen(small, "", "").key == "10.0-baseline"
    assert run.chosen(small, "9.0", "lake", "jupyter").key == "jupyter-9.0-lake"


@pytest.mark.parametrize(
    ("spark", "variant", "image", "said"),
    [
        ("9.2", "baseline", "spark", 'unknown Spark version "9.2"'),
        ("9.0", "laek", "spark", 'did you mean "lake"'),
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
    line = run.command("image", ["connect"], ports={9999: 15002})
    assert line == ["docker", "run", "--rm", "--publish", "127.0.0.1:9999:15002", "image", "connect"]


@pytest.mark.parametrize(
    ("mount", "option"),
    [
        (run.Mount(Path("/a"), "/b"), "type=bind,source=/a,target=/b"),
        (run.Mount(Path("/a"), "/b", read_only=True), "type=bind,source=/a,target=/b,readonly"),
        (run.Mount(Path("/a:b c"), "/b:c"), "type=bind,source=/a:b c,target=/b:c"),
        (run.Mount(Path("/a,b"), "/b"), 'type=bind,"source=/a,b",target=/b'),
        (run.Mount(Path('/a",readonly'), "/b"), 'type=bind,"source=/a"",readonly",target=/b'),
    ],
)
def test_a_mount_takes_every_path(mount: run.Mount, option: str) -> None:
    assert run.command("image", [], mount=mount)[3:] == ["--mount", option, "image"]


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
        run.submit(small, run.chosen(small, "", ""), str(tmp_path / "job.py"), "")


def test_a_job_cannot_be_changed_by_its_container(
    small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = tmp_path / "a:b,c.py"
    job.touch()
    monkeypatch.chdir(tmp_path)
    lines = runs(monkeypatch)
    run.submit(small, run.chosen(small, "", ""), job.name, "--name 'two words'")
    (line,) = lines
    assert line[line.index("--mount") + 1] == (
        f'type=bind,"source={job}","target=/opt/spark/work-dir/a:b,c.py",readonly'
    )
    assert line[-4:] == ["spark-submit", "/opt/spark/work-dir/a:b,c.py", "--name", "two words"]


def test_arguments_that_do_not_end(small: Project, tmp_path: Path) -> None:
    job = tmp_path / "job.py"
    job.touch()
    with pytest.raises(UsageError) as raised:
        run.submit(small, run.chosen(small, "", ""), str(job), "it's")
    assert str(raised.value) == (
        """--arguments is "it's": no closing quotation: quote as in a shell, """
        """for example --arguments "--title 'two words'\""""
    )


@pytest.mark.parametrize("given", ["notebooks", "./notebooks", "a,b:c"])
def test_notebooks_lie_in_the_folder_of_this_machine(
    small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    (tmp_path / given).mkdir()
    monkeypatch.chdir(tmp_path)
    (line,) = served(small, monkeypatch, 9999, given)
    mount = run.Mount(tmp_path / given, "/opt/spark/work-dir")
    assert line[line.index("--mount") + 1] == mount.option
    assert "readonly" not in mount.option


def test_a_folder_that_is_not_there(small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=f"^--folder: there is no {re.escape(str(tmp_path))}/notebooks: create it"):
        notebook.serve(small, "9.0", "baseline", 9999, "notebooks")
    with pytest.raises(UsageError, match=f"^--folder: {re.escape(str(tmp_path))}/file is no folder: name one"):
        notebook.serve(small, "9.0", "baseline", 9999, "file")
    assert not (tmp_path / "notebooks").exists()


def test_a_notebook_server_is_at_the_port_that_is_named(small: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = served(small, monkeypatch, 9999, "")
    assert line[line.index("--publish") + 1] == "127.0.0.1:9999:8888"
    assert "--mount" not in line


def test_a_cluster_without_workers(small: Project) -> None:
    with pytest.raises(UsageError, match="needs one at least"):
        run.cluster(small, run.chosen(small, "", ""), 0)


def test_the_exit_code_of_a_command_is_ours(small: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "find", lambda _: "held")
    monkeypatch.setattr(run, "command", lambda *_, **__: ["bash", "-c", "exit 7"])
    with pytest.raises(CommandError) as raised:
        run.run(small, run.chosen(small, "", ""), ["spark-submit"])
    assert raised.value.exit_code == 7
