"""The entrypoint: modes, other commands, signals and exit codes."""

import pytest

from tests.integration.conftest import Image

pytestmark = pytest.mark.smoke


def test_tini_is_pid_1_and_nothing_stands_between(image: Image) -> None:
    result = image.run("bash", "-c", "cat /proc/1/comm; ps -o ppid= -p $$")
    assert result.stdout.split() == ["tini", "1"]


def test_an_exit_code_arrives(image: Image) -> None:
    assert image.run("bash", "-c", "exit 42").exit_code == 42


def test_an_unknown_command_is_not_found(image: Image) -> None:
    result = image.run("no-such-command")
    assert result.exit_code == 127
    assert "no-such-command" in result.output


def test_a_failing_job_fails_the_container(image: Image) -> None:
    job = "/opt/spark/work-dir/fails.py"
    assert image.run("spark-submit", job, files={job: "raise SystemExit(3)"}).exit_code == 3


@pytest.mark.parametrize(
    ("mode", "variable"), [("driver", "SPARK_DRIVER_BIND_ADDRESS"), ("executor", "SPARK_DRIVER_URL")]
)
def test_a_mode_says_which_variable_it_misses(image: Image, mode: str, variable: str) -> None:
    result = image.run(mode)
    assert result.exit_code != 0
    assert f"{mode}: {variable} is not set" in result.stderr


def test_the_image_runs_as_spark_by_default(image: Image) -> None:
    config = image.attributes["Config"]
    assert config["User"] == "185:0"
    assert config["WorkingDir"] == "/opt/spark/work-dir"
    assert "SPARK_HOME=/opt/spark" in config["Env"]
