"""The entrypoint: process tree, exit codes, unknown commands, missing variables, image defaults."""

import pytest

from tests.integration.conftest import Image

pytestmark = pytest.mark.smoke


def test_tini_is_pid_1_and_the_parent_of_the_command(image: Image) -> None:
    result = image.run("bash", "-c", "cat /proc/1/comm; ps -o ppid= -p $$")
    assert result.stdout.split() == ["tini", "1"]


def test_container_has_the_exit_code_of_its_command(image: Image) -> None:
    assert image.run("bash", "-c", "exit 42").exit_code == 42


def test_unknown_command_exits_with_127(image: Image) -> None:
    result = image.run("no-such-command")
    assert result.exit_code == 127
    assert "no-such-command" in result.output


def test_container_has_the_exit_code_of_a_failed_job(image: Image) -> None:
    job = "/opt/spark/work-dir/fails.py"
    assert image.run("spark-submit", job, files={job: "raise SystemExit(3)"}).exit_code == 3


@pytest.mark.parametrize(
    ("mode", "variable"), [("driver", "SPARK_DRIVER_BIND_ADDRESS"), ("executor", "SPARK_DRIVER_URL")]
)
def test_mode_names_the_variable_that_is_missing(image: Image, mode: str, variable: str) -> None:
    result = image.run(mode)
    assert result.exit_code != 0
    assert f"{mode}: {variable} is not set" in result.stderr


def test_image_runs_as_user_185_in_the_work_directory(image: Image) -> None:
    config = image.attributes["Config"]
    assert config["User"] == "185:0"
    assert config["WorkingDir"] == "/opt/spark/work-dir"
    assert "SPARK_HOME=/opt/spark" in config["Env"]
