"""The notebook server: its token, its health check, and its end on SIGTERM."""

import time

import pytest

from tests.integration.conftest import GRACE, HARDENED, RANDOM_UID, Image
from tests.integration.jupyter.server import Server, serve


@pytest.mark.smoke
@pytest.mark.parametrize("token", ["", "wrong"])
@pytest.mark.parametrize("path", ["/api/kernelspecs", "/api/contents", "/api/terminals"])
def test_api_refuses_requests_without_the_token(server: Server, path: str, token: str) -> None:
    assert server.request(path, token=token)[0] == 403


@pytest.mark.smoke
@pytest.mark.parametrize("path", ["/lab", "/proxy/4040/jobs/", "/files/starters/1-dataframes-and-sql.ipynb"])
def test_page_redirects_requests_without_the_token(server: Server, path: str) -> None:
    status, _ = server.request(path, token="")
    assert status == 302


@pytest.mark.smoke
def test_page_opens_with_the_token(server: Server) -> None:
    status, page = server.request("/lab")
    assert status == 200
    assert "JupyterLab" in page


@pytest.mark.smoke
def test_kernel_name_contains_the_spark_version(server: Server, image: Image) -> None:
    found = server.json("/api/kernelspecs")
    names = {name: kernel["spec"]["display_name"] for name, kernel in found["kernelspecs"].items()}
    assert names == {found["default"]: f"PySpark {image.labels['spark-images.spark']}"}


@pytest.mark.smoke
def test_server_allows_no_other_origin(server: Server) -> None:
    code = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8888/api').headers)"
    _, headers = server.inside("python", "-c", code)
    assert "Content-Type" in headers
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.smoke
def test_given_token_is_not_printed(server: Server) -> None:
    assert server.token not in server.log


@pytest.mark.shared
def test_token_can_come_from_a_file(image: Image) -> None:
    path = "/opt/spark/work-dir/token"
    given = {"JUPYTER_TOKEN_FILE": path}
    with serve(image, token="from-a-file", files={path: "from-a-file\n"}, environment=given) as running:
        assert running.request("/api/kernelspecs")[0] == 200
        assert running.request("/api/kernelspecs", token="other")[0] == 403


@pytest.mark.shared
def test_health_check_detects_a_hanging_server(image: Image) -> None:
    """The check fails if the server hangs."""
    with serve(image) as running:
        check = image.attributes["Config"]["Healthcheck"]
        command = check["Test"][1:]
        assert running.inside(*command)[0] == 0
        assert running.inside("pkill", "-STOP", "-f", "jupyter-lab")[0] == 0
        code, output = running.inside(*command)
        assert code == 1
        assert "does not answer" in output
        assert check["Timeout"] == 5e9


@pytest.mark.shared
def test_health_check_uses_no_proxy(image: Image) -> None:
    """A proxy could not reach the loopback address of the container."""
    proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"), "http://127.0.0.1:9")
    with serve(image, environment=proxy) as running:
        assert running.inside(*image.attributes["Config"]["Healthcheck"]["Test"][1:]) == (0, "")


@pytest.mark.shared
@pytest.mark.parametrize("name", ["start-notebook.sh", "start-notebook.py"])
def test_commands_of_the_docker_stacks_start_the_server(image: Image, name: str) -> None:
    """Users of the Jupyter Docker Stacks call these commands, with arguments and NOTEBOOK_ARGS."""
    directory = "/opt/spark/work-dir/two words"
    given = {"NOTEBOOK_ARGS": "--ServerApp.port=8888 '--ServerApp.custom_display_url=http://a b/'"}
    arguments = [f"--ServerApp.root_dir={directory}", "--LabApp.default_url=/lab/tree/starters"]
    with serve(image, arguments=arguments, name=name, environment=given) as running:
        starters = [entry["name"] for entry in running.json("/api/contents/starters")["content"]]
        assert "1-dataframes-and-sql.ipynb" in starters
        assert running.inside("ls", directory) == (0, "starters\n")
        assert "http://a b/" in running.log


@pytest.mark.shared
@pytest.mark.parametrize("flag", ["--ServerApp.root_dir={}", "--notebook-dir={}", "--ServerApp.root_dir {}"])
def test_directory_argument_replaces_notebook_dir(image: Image, flag: str) -> None:
    directory = "/opt/spark/work-dir/other"
    given = {"NOTEBOOK_DIR": "/opt/spark/work-dir/first"}
    with serve(image, arguments=flag.format(directory).split(), environment=given) as running:
        assert running.json("/api/contents")["content"][0]["name"] == "starters"
        assert running.inside("ls", directory) == (0, "starters\n")
        assert running.inside("ls", given["NOTEBOOK_DIR"])[0] != 0


def test_server_runs_under_any_uid_on_a_read_only_root(image: Image) -> None:
    """The server prints its own token once, runs and saves notebooks, and stops Spark and itself on SIGTERM."""
    with serve(image, token=None, user=RANDOM_UID, **HARDENED) as running:
        assert running.request("/api/kernelspecs")[0] == 200
        assert len(running.token) >= 32
        with running.kernel() as kernel:
            kernel.run("from pyspark.sql import SparkSession; spark = SparkSession.builder.getOrCreate()")
            found = kernel.run("import os; spark.range(100).write.json('numbers'); print(os.getuid(), os.getcwd())")
            assert found.text.split()[-2:] == [RANDOM_UID.partition(":")[0], "/tmp/home"]
            assert "cannot be written: notebooks are in /tmp/home" in running.log
            notebook = {"type": "notebook", "format": "json"}
            notebook |= {"content": running.json("/api/contents/starters/1-dataframes-and-sql.ipynb")["content"]}
            running.json("/api/contents/mine.ipynb", "PUT", notebook)
            began = time.monotonic()
            running.container.stop(timeout=3 * GRACE)
            assert time.monotonic() - began < GRACE
        running.container.reload()
        assert running.container.attrs["State"]["ExitCode"] == 0
