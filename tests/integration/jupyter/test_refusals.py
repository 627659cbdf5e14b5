"""Settings that cannot work give an error with advice, and an exit code other than 0."""

import pytest

from tests.integration.conftest import Image
from tests.integration.jupyter.server import create, end, serve

pytestmark = pytest.mark.shared


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"JUPYTER_TOKEN": ""}, "notebook: JUPYTER_TOKEN is empty: anyone who reaches the port could run code"),
        ({"JUPYTER_TOKEN_FILE": "/nowhere"}, "notebook: JUPYTER_TOKEN_FILE: /nowhere cannot be read"),
        ({"JUPYTER_TOKEN_FILE": "/dev/null"}, "notebook: JUPYTER_TOKEN_FILE: /dev/null is empty"),
        ({"JUPYTER_TOKEN": "a", "JUPYTER_TOKEN_FILE": "/b"}, "JUPYTER_TOKEN and JUPYTER_TOKEN_FILE are both set"),
        ({"NOTEBOOK_ARGS": "--a='b"}, 'notebook: NOTEBOOK_ARGS is "--a=\'b", which has a quote without its other half'),
        ({"SPARK_REMOTE": "sc://a", "SPARK_MASTER": "spark://b"}, "SPARK_REMOTE and SPARK_MASTER are both set"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_invalid_setting_is_refused(image: Image, environment: dict[str, str], message: str) -> None:
    with create(image, environment=environment) as container:
        code, log = end(container)
    assert code == 2
    assert message in log


def test_unwritable_notebook_directory_is_refused(image: Image) -> None:
    with create(image, environment={"NOTEBOOK_DIR": "/usr/notebooks"}) as container:
        code, log = end(container)
    assert code == 1
    assert "notebook: /usr/notebooks cannot be written by UID 185, group 0: give group 0 the right" in log


def test_empty_token_flag_is_refused(image: Image) -> None:
    with create(image, ["--IdentityProvider.token="], environment={"JUPYTER_TOKEN": "a"}) as container:
        code, log = end(container)
    assert code == 2
    assert "the token is empty" in log


def test_root_is_refused(image: Image) -> None:
    with create(image, ["--allow-root"], user="0:0") as container:
        code, log = end(container)
    assert code == 2
    assert "notebook: running as root is refused: leave out --user" in log


def test_unwritable_mounted_directory_is_refused(image: Image) -> None:
    with create(image, user="4711:4711", tmpfs={"/opt/spark/work-dir": ""}) as container:
        code, log = end(container)
    assert code == 1
    assert "/opt/spark/work-dir cannot be written by UID 4711, group 4711: give group 0 the right" in log


def test_port_in_use_is_an_error(image: Image) -> None:
    """The server must not move to another port, where users would not find it."""
    with serve(image) as first:
        network = f"container:{first.container.id}"
        with create(image, environment={"JUPYTER_TOKEN": "a"}, network_mode=network) as second:
            code, log = end(second)
    assert code != 0
    assert "port 8888" in log


def test_missing_spark_connect_server_is_an_error(image: Image) -> None:
    with serve(image, environment={"SPARK_REMOTE": "sc://127.0.0.1:15002"}) as running, running.kernel() as kernel:
        kernel.run("from pyspark.sql import SparkSession")
        error = kernel.run("SparkSession.builder.getOrCreate()").error
    assert error.startswith("ConnectionError: no Spark Connect server answers at 127.0.0.1:15002")
    assert "start that server" in error


REMOTE_QUERY = """
import os, pathlib
os.environ["SPARK_HOME"] = "/tmp/with-rapids"
pathlib.Path("/tmp/with-rapids/conf").mkdir(parents=True)
pathlib.Path("/tmp/with-rapids/conf/rapids.conf").write_text("spark.rapids.sql.enabled true")
from spark_notebook import gpu_plan
gpu_plan(object())
"""


def test_gpu_plan_of_a_remote_query_says_to_start_the_container_without_spark_remote(image: Image) -> None:
    """Only the environment of the container decides: a restarted kernel has the same SPARK_REMOTE."""
    result = image.run("python", "-c", REMOTE_QUERY, environment={"SPARK_REMOTE": "sc://127.0.0.1:15002"})
    assert result.exit_code == 1
    assert "If the container has SPARK_REMOTE, start it without that variable" in result.stderr
