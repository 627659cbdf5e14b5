"""A user's mistake gives a one-line error and an exit code other than 0."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from spark_images.matrix.model import Cell
from spark_images.plan.project import Project
from tests.integration.conformance.conftest import EXECUTOR_POD
from tests.integration.conftest import HARDENED, RANDOM_UID, SPARK_UID, Image

USAGE = 2


@pytest.mark.shared
@pytest.mark.parametrize(
    ("command", "environment", "exit_code", "message"),
    [
        (["drivr"], {}, 127, '"drivr" is neither a mode nor a command of this image; did you mean "driver"?'),
        (["no-such-thing"], {}, 127, "the modes: connect, driver, executor, help, history, master"),
        ([], {"SPARK_MODE": "wroker"}, USAGE, 'SPARK_MODE is "wroker", which is not a mode; did you mean "worker"?'),
        ([], {"SPARK_MODE": "../decom.sh"}, USAGE, "which is not a mode"),
        (["driver"], {}, USAGE, "driver: SPARK_DRIVER_BIND_ADDRESS is not set"),
        (["executor"], {}, USAGE, "executor: SPARK_DRIVER_URL is not set"),
        (["worker"], {}, USAGE, "worker: no master: set SPARK_MASTER_URL"),
        (["worker"], {"SPARK_MASTER_URL": "http://m"}, USAGE, "expected spark://host:port"),
        (["worker"], {"SPARK_MASTER_URL": "spark://m"}, USAGE, 'SPARK_MASTER_URL is "spark://m": expected'),
        (["master"], {"SPARK_RPC_AUTHENTICATION_ENABLED": "on"}, USAGE, "expected yes or no"),
        (["master"], {"SPARK_RPC_AUTHENTICATION_ENABLED": "yes"}, USAGE, "SPARK_RPC_AUTHENTICATION_SECRET is not set"),
        (["worker"], {"SPARK_RPC_AUTHENTICATION_SECRET": "x"}, USAGE, "set SPARK_RPC_AUTHENTICATION_ENABLED to yes"),
        (["master"], {"SPARK_RPC_ENCRYPTION_ENABLED": "yes"}, USAGE, "Spark encrypts only with a secret"),
        (["master"], {"SPARK_SSL_ENABLED": "yes"}, USAGE, "SPARK_SSL_KEYSTORE_FILE is not set"),
        (["master"], {"SPARK_SSL_KEYSTORE_FILE": "/x.jks"}, USAGE, "set SPARK_SSL_ENABLED to yes"),
        (
            ["master"],
            {"SPARK_SSL_ENABLED": "yes", "SPARK_SSL_KEYSTORE_FILE": "/x.jks", "SPARK_SSL_KEYSTORE_PASSWORD": "x"},
            USAGE,
            "SPARK_SSL_KEYSTORE_FILE is /x.jks, which cannot be read as 1000660000:0",
        ),
        (["connect"], {"HADOOP_HOME": "/opt/spark"}, USAGE, "which is not a Hadoop installation"),
        (["executor"], {**EXECUTOR_POD, "HADOOP_HOME": "/nope"}, USAGE, "HADOOP_HOME is /nope"),
        (["master"], {"SPARK_LOG_FORMAT": "xml"}, USAGE, 'SPARK_LOG_FORMAT is "xml": expected plain or json'),
        (["master"], {"SPARK_CONF_DIR": "/nope"}, 1, "master: SPARK_CONF_DIR is /nope, which is not a directory"),
        (["history"], {"SPARK_HISTORY_LOG_DIR": "/nope"}, 1, "history: SPARK_HISTORY_LOG_DIR is /nope"),
        (["/opt/decom.sh"], {}, 1, "decom: no executor runs here"),
    ],
)
def test_mistake_gives_one_line_and_an_exit_code(
    image: Image, command: list[str], environment: Mapping[str, str], exit_code: int, message: str
) -> None:
    result = image.run(*command, environment=environment, user=RANDOM_UID, **HARDENED)
    assert result.exit_code == exit_code
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.shared
def test_unreadable_configuration_is_an_error(image: Image) -> None:
    conf = "/opt/spark/conf/spark-defaults.conf"
    result = image.run("connect", files={conf: "spark.a b"}, modes={conf: 0o600}, user=RANDOM_UID)
    assert result.exit_code == 1
    assert f"connect: {conf} (SPARK_CONF_DIR) cannot be read as 1000660000:0" in result.stderr


@pytest.mark.shared
def test_container_without_a_writable_directory_is_an_error(image: Image) -> None:
    options = {**HARDENED, "tmpfs": {}}
    result = image.run("master", user=RANDOM_UID, **options)
    assert result.exit_code == 1
    assert result.stderr == (
        "master: neither /opt/spark/work-dir nor /tmp can be written: "
        "mount an emptyDir at /tmp, or set SPARK_LOCAL_DIRS\n"
    )


@pytest.mark.shared
def test_spark_mode_selects_the_mode(image: Image) -> None:
    result = image.run(environment={"SPARK_MODE": "help"})
    assert result.exit_code == 0
    assert result.stdout.startswith("usage: docker run IMAGE")


@pytest.mark.shared
def test_container_without_a_command_starts_a_shell(image: Image) -> None:
    result = image.run(stdin_open=False)
    assert (result.exit_code, result.output) == (0, "")


def test_help_describes_every_mode(image: Image, cell: Cell, project: Project) -> None:
    listed = image.run("ls", "/opt/entrypoint.d").stdout.split()
    text = image.run("help").stdout
    for mode in listed:
        assert f"\n  {mode}\n    " in text
    for variable in ("SPARK_DRIVER_BIND_ADDRESS", "SPARK_EXECUTOR_POD_NAME", "SPARK_MASTER_URL", "SPARK_LOG_FORMAT"):
        assert variable in text
    coordinates = [artefact.coordinate for artefact in project.matrix.artefacts("spark-distribution", cell)]
    connect = [c.rpartition(":")[2] for c in coordinates if ":spark-connect_" in c]
    notes = [f"    The server in this image is of Spark {version}." for version in connect if version != cell.spark]
    assert [line for line in text.splitlines() if "is of Spark" in line] == notes
    cycle = project.matrix.life_cycle(cell.spark)
    newer = f" Spark {cycle.superseded_by} supersedes it." if cycle.superseded_by else ""
    ends = "reaches" if cycle.days_left(date.today()) >= 0 else "reached"
    assert text.splitlines()[-1] == (
        f"This is Spark {cell.spark}, released on {cycle.released}.{newer} "
        f"Spark {cell.line} {ends} its end of life on {cycle.end_of_life}."
    )


@pytest.mark.shared
def test_master_ignores_the_variable_of_a_service_called_spark_master(image: Image) -> None:
    """If a service is called spark-master, Kubernetes sets SPARK_MASTER_PORT=tcp://<address> in every pod."""
    environment = {"SPARK_MASTER_PORT": "tcp://10.0.0.1:7077"}
    with image.start("master", environment=environment, **HARDENED) as master:
        master.wait_for("Successfully started service 'MasterUI'")
        assert "Starting Spark master at" in master.log


LISTEN = """
python3 -c 'import socket, sys, time; server = socket.create_server(("", int(sys.argv[1]))); time.sleep(99)' "$1" &
until (exec 3<> /dev/tcp/localhost/$1) 2> /dev/null; do sleep 0.1; done
exec /opt/entrypoint.sh "$2"
"""


@pytest.mark.shared
@pytest.mark.parametrize(
    ("port", "mode", "message"),
    [
        (7077, "master", "Service 'sparkMaster' failed after 0 retries (starting from 7077)"),
        (18080, "history", "Service 'HistoryServerUI' failed after 0 retries (starting from 18080)"),
        (15002, "connect", "15002"),
        (10000, "thriftserver", "Could not create ServerSocket on address 0.0.0.0/0.0.0.0:10000"),
    ],
)
def test_port_in_use_is_an_error(image: Image, port: int, mode: str, message: str) -> None:
    options: dict[str, Any] = {**HARDENED, "entrypoint": []}
    environment = {"SPARK_HISTORY_LOG_DIR": "/tmp"}
    command = ("bash", "-c", LISTEN, "bash", str(port), mode)
    result = image.run(*command, user=SPARK_UID, environment=environment, **options)
    assert result.exit_code not in (0, 137, 143)
    assert message in result.output
    assert "in use" in result.output or "Failed to bind" in result.output


ADDED_MODE = r"""
cp -r /opt/entrypoint.d /tmp/modes
printf '#!/bin/bash\n# The description.\n# Its second line.\n\n# A later comment.\n' > /tmp/modes/added
/tmp/modes/help
"""


@pytest.mark.shared
def test_help_prints_only_the_first_comment_of_a_mode(image: Image) -> None:
    text = image.run("bash", "-c", ADDED_MODE).stdout
    assert "\n  added\n    The description.\n    Its second line.\n\n" in text
    assert "A later comment" not in text
