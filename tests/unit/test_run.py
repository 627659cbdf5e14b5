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
    """A port that is in use."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def runs(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Replaces docker, with every image built. Returns the list to which each command line is added."""
    lines: list[list[str]] = []

    def record(line: list[str], **_: Any) -> Any:
        lines.append(line)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(daemon, "find", lambda _: "held")
    monkeypatch.setattr(subprocess, "run", record)
    return lines


def served(small: Project, monkeypatch: pytest.MonkeyPatch, port: int, folder: str) -> list[list[str]]:
    """Serves a notebook without a container. Returns the command lines that would run."""
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


def test_the_default_cell_is_the_newest_baseline(small: Project) -> None:
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
def test_an_unknown_or_refused_cell_is_an_error(
    small: Project, spark: str, variant: str, image: str, said: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        run.chosen(small, spark, variant, image)


def test_a_port_in_use_is_an_error_that_names_it(small: Project, taken: int) -> None:
    with pytest.raises(SparkImagesError, match=f"port {taken} is in use"):
        run.run(small, run.chosen(small, "", ""), ["connect"], ports=[taken])
    with pytest.raises(SparkImagesError, match=rf"port {taken} is in use .*: name another port with --port"):
        notebook.serve(small, "9.0", "baseline", taken, "")


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_number_outside_the_port_range_is_an_error(port: int) -> None:
    with pytest.raises(UsageError, match="a number from 1 to 65535"):
        run.check_port(port)


def test_published_ports_are_open_to_this_machine_only() -> None:
    line = run.command("image", ["connect"], ports={9999: 15002})
    assert line == ["docker", "run", "--rm", "--interactive", "--publish", "127.0.0.1:9999:15002", "image", "connect"]


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
def test_a_mount_accepts_special_characters_in_paths(mount: run.Mount, option: str) -> None:
    assert run.command("image", [], mount=mount)[4:] == ["--mount", option, "image"]


def test_a_shell_reads_a_pipe_without_a_terminal() -> None:
    assert run.command("image", ["pyspark"]) == ["docker", "run", "--rm", "--interactive", "image", "pyspark"]


def test_a_terminal_and_a_device_are_passed_to_docker_run() -> None:
    assert run.command("image", [], terminal=True, device=True)[3:] == [
        "--interactive",
        "--tty",
        "--gpus",
        "all",
        "image",
    ]


def test_a_missing_job_file_is_an_error(small: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a file: name a job"):
        run.submit(small, run.chosen(small, "", ""), str(tmp_path / "job.py"), "")


def test_a_job_is_mounted_read_only(small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_an_unclosed_quotation_in_arguments_is_an_error(small: Project, tmp_path: Path) -> None:
    job = tmp_path / "job.py"
    job.touch()
    with pytest.raises(UsageError) as raised:
        run.submit(small, run.chosen(small, "", ""), str(job), "it's")
    assert str(raised.value) == (
        """--arguments is "it's": no closing quotation: quote the words as in a shell, """
        """for example --arguments "--title 'two words'\""""
    )


@pytest.mark.parametrize("given", ["notebooks", "./notebooks", "a,b:c"])
def test_the_folder_for_notebooks_is_mounted_writable(
    small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    (tmp_path / given).mkdir()
    monkeypatch.chdir(tmp_path)
    (line,) = served(small, monkeypatch, 9999, given)
    mount = run.Mount(tmp_path / given, "/opt/spark/work-dir")
    assert line[line.index("--mount") + 1] == mount.option
    assert "readonly" not in mount.option


def test_a_missing_folder_for_notebooks_is_an_error(
    small: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=f"^--folder: {re.escape(str(tmp_path))}/notebooks does not exist: create it"):
        notebook.serve(small, "9.0", "baseline", 9999, "notebooks")
    with pytest.raises(UsageError, match=f"^--folder: {re.escape(str(tmp_path))}/file is not a folder: name a folder"):
        notebook.serve(small, "9.0", "baseline", 9999, "file")
    assert not (tmp_path / "notebooks").exists()


def test_a_notebook_server_is_published_at_the_given_port(small: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = served(small, monkeypatch, 9999, "")
    assert line[line.index("--publish") + 1] == "127.0.0.1:9999:8888"
    assert "--mount" not in line


def test_a_cluster_without_workers_is_an_error(small: Project) -> None:
    with pytest.raises(UsageError, match="needs at least 1"):
        run.cluster(small, run.chosen(small, "", ""), 0)


@pytest.mark.parametrize(("lost", "end"), [("", ""), ("the engine died", ": the engine died")])
def test_run_passes_on_the_exit_code_of_the_command(
    small: Project, monkeypatch: pytest.MonkeyPatch, lost: str, end: str
) -> None:
    monkeypatch.setattr(daemon, "find", lambda _: "held")
    monkeypatch.setattr(daemon, "lost", lambda: lost)
    monkeypatch.setattr(run, "command", lambda *_, **__: ["bash", "-c", "exit 7"])
    with pytest.raises(CommandError) as raised:
        run.run(small, run.chosen(small, "", ""), ["spark-submit"])
    assert raised.value.exit_code == 7
    assert str(raised.value) == f"spark-10.0: spark-submit ended with exit code 7{end}"


@pytest.mark.parametrize(("lost", "end"), [("", ": see its output above"), ("the engine died", ": the engine died")])
def test_a_notebook_server_that_fails_is_an_error_with_its_exit_code(
    small: Project, monkeypatch: pytest.MonkeyPatch, lost: str, end: str
) -> None:
    monkeypatch.setattr(daemon, "find", lambda _: "held")
    monkeypatch.setattr(daemon, "lost", lambda: lost)
    monkeypatch.setattr(run, "check_port", lambda _: None)
    monkeypatch.setattr(run, "command", lambda *_, **__: ["bash", "-c", "exit 7"])
    with pytest.raises(CommandError) as raised:
        notebook.serve(small, "9.0", "baseline", 9999, "")
    assert raised.value.exit_code == 7
    assert str(raised.value) == f"the notebook server ended with exit code 7{end}"
