"""The image as the server of a JupyterHub user. A real Hub runs in another container of the image."""

import contextlib
import http.cookiejar
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

import pytest
from docker.models.containers import Container

from tests.integration.conftest import LOG_LIMIT, QUICK, Image, network, put
from tests.integration.jupyter.server import READY, Server, create, end

pytestmark = pytest.mark.shared

CONFIG = Path(__file__).parent / "jobs/jupyterhub_config.py"
CONFIG_IN_HUB = "/tmp/jupyterhub_config.py"
FRONT = "8000/tcp"

ROOT_DIR = "/opt/spark/work-dir/mine"
COMMANDS = {"default": (), "direct": ("jupyterhub-singleuser",), "script": ("start-singleuser.sh",)}
"""The command of each user's container, by the name of the user."""

UNREACHABLE = {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}


@dataclass(frozen=True)
class Hub:
    """A running Hub, used as a browser would: with cookies."""

    image: Image
    container: Container
    network: str
    browser: OpenerDirector
    cookies: http.cookiejar.CookieJar = field(repr=False)

    @property
    def front(self) -> str:
        self.container.reload()
        return f"127.0.0.1:{self.container.attrs['NetworkSettings']['Ports'][FRONT][0]['HostPort']}"

    def get(self, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Returns the status, the last URL and the text of a page. With a form, it posts the form."""
        data = urlencode(form).encode() if form else None
        try:
            with self.browser.open(f"http://{self.front}{path}", data, timeout=60) as answer:
                return answer.status, answer.url, answer.read().decode(errors="replace")
        except HTTPError as error:
            return error.code, error.url or "", error.read().decode(errors="replace")

    def log_in(self, user: str) -> None:
        """Logs in with the form of the Hub, which then asks its spawner for the user's server."""
        self.cookies.clear()
        self.get("/hub/login")
        xsrf = next(cookie.value or "" for cookie in self.cookies if cookie.name == "_xsrf")
        status, url, page = self.get("/hub/login", {"username": user, "password": "any", "_xsrf": xsrf})
        assert (status, url.partition("/hub/")[2]) == (200, f"spawn-pending/{user}"), page

    def asked(self, user: str) -> dict[str, str]:
        """Returns the environment that the Hub gives to the user's container."""
        deadline = time.monotonic() + READY
        while time.monotonic() < deadline:
            found: Any = self.container.exec_run(["cat", f"/tmp/{user}.json"])
            if found.exit_code == 0:
                environment: dict[str, str] = json.loads(found.output)
                return environment
            time.sleep(0.2)
        pytest.fail(f"the Hub did not start a server for {user}")

    @contextlib.contextmanager
    def serve(self, user: str) -> Iterator[Server]:
        """Logs in, starts the container that the Hub asks for, and opens JupyterLab with the login of the Hub."""
        self.log_in(user)
        # The Hub's administrator sets the other variables in the spawner. The token must open nothing.
        environment = self.asked(user) | {"JUPYTERHUB_ROOT_DIR": ROOT_DIR, "JUPYTER_TOKEN": "other"} | UNREACHABLE
        environment["NO_PROXY"] = environment["no_proxy"] = self.container.name or ""
        container = self.image.client.containers.create(
            self.image.reference,
            list(COMMANDS[user]),
            name=f"{self.container.name}-{user}",
            network=self.network,
            environment={**QUICK, **environment},
        )
        try:
            container.start()
            page = self.open_lab(user, container)
            yield Server(container, token_in(page), f"{self.front}/user/{user}")
        finally:
            print(container.logs(tail=LOG_LIMIT).decode(errors="replace"))
            container.remove(force=True, v=True)

    def open_lab(self, user: str, container: Container) -> str:
        """Returns the page of JupyterLab. The browser goes to the Hub's login and back."""
        deadline = time.monotonic() + READY
        status, url, page = 0, "", ""
        while time.monotonic() < deadline:
            status, url, page = self.get(f"/user/{user}/lab")
            if (status, url) == (200, f"http://{self.front}/user/{user}/lab"):
                return page
            time.sleep(0.5)
        log = container.logs(tail=LOG_LIMIT).decode(errors="replace")
        pytest.fail(f"{url} answered {status}: {page[-2000:]}\nIts log:\n{log}")


def token_in(page: str) -> str:
    """Returns the token of the user's session, which the Hub's login writes into the page of JupyterLab."""
    data = page.partition('<script id="jupyter-config-data" type="application/json">')[2].partition("</script>")[0]
    settings = json.loads(data)
    assert settings["hubPrefix"] == "/hub/"
    return str(settings["token"])


@pytest.fixture(scope="module")
def hub(image: Image) -> Iterator[Hub]:
    """Yields a Hub in a container of the image, because the image contains JupyterHub."""
    with network() as name, _hub_in(name, image) as running:
        yield running


@contextlib.contextmanager
def _hub_in(name: str, image: Image) -> Iterator[Hub]:
    """Yields a Hub in the network `name`. Its container has the same name."""
    ports: dict[str, Any] = {FRONT: ("127.0.0.1", None)}
    container = image.client.containers.create(
        image.reference,
        ["jupyterhub", "--config", CONFIG_IN_HUB],
        name=name,
        network=name,
        ports=ports,
        environment={"HUB_NAME": name},
    )
    cookies = http.cookiejar.CookieJar()
    running = Hub(image, container, name, build_opener(HTTPCookieProcessor(cookies)), cookies)
    try:
        put(container, {CONFIG_IN_HUB: CONFIG}, {})
        container.start()
        wait_for(running)
        yield running
    finally:
        print(container.logs(tail=LOG_LIMIT).decode(errors="replace"))
        container.remove(force=True, v=True)


def wait_for(hub: Hub) -> None:
    """Waits until the Hub answers."""
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline:
        hub.container.reload()
        if hub.container.status == "exited":
            break
        with contextlib.suppress(OSError, IndexError, KeyError):
            if hub.get("/hub/health")[0] == 200:
                return
        time.sleep(0.2)
    pytest.fail(f"the Hub does not answer; its log:\n{hub.container.logs(tail=LOG_LIMIT).decode(errors='replace')}")


@pytest.mark.parametrize("user", COMMANDS)
def test_hub_user_runs_spark(hub: Hub, image: Image, user: str) -> None:
    """Login, start, kernel and Spark UI go through the Hub's own front door."""
    with hub.serve(user) as running:
        for token in ("", "other"):
            assert running.request("/api/kernelspecs", token=token)[0] == 403
        with running.kernel() as kernel:
            kernel.run("from pyspark.sql import SparkSession; spark = SparkSession.builder.getOrCreate()")
            assert kernel.run("print(spark.range(5).count())").text.split()[-1] == "5"
            link = kernel.run("spark").html.partition('href="')[2].partition('"')[0]
            assert link == f"/user/{user}/spark-4040/jobs/"
            status, page = running.request(link.removeprefix(f"/user/{user}"))
            assert (status, "Spark Jobs" in page) == (200, True)
            directory = kernel.run("import os; print(os.getcwd())").text.split()[-1]
        assert directory == ROOT_DIR
        assert running.inside("ls", f"{ROOT_DIR}/starters")[1].split()[0] == "1-dataframes-and-sql.ipynb"
        health = image.attributes["Config"]["Healthcheck"]["Test"][1:]
        assert running.inside(*health) == (0, "")


@pytest.mark.parametrize(
    ("command", "environment", "message"),
    [
        (
            "notebook",
            {"JUPYTERHUB_API_TOKEN": "a"},
            "notebook: JUPYTERHUB_API_URL is not set: JUPYTERHUB_API_TOKEN is set, so let a JupyterHub start this "
            "container, or remove JUPYTERHUB_API_TOKEN",
        ),
        (
            "notebook",
            {"JUPYTERHUB_API_TOKEN": "a", "JUPYTERHUB_API_URL": "http://hub:8081/hub/api"},
            "notebook: JUPYTERHUB_SERVICE_URL is not set: JUPYTERHUB_API_TOKEN is set",
        ),
        (
            "jupyterhub-singleuser",
            {},
            "jupyterhub-singleuser: JUPYTERHUB_API_TOKEN is not set: let a JupyterHub start this container, or use the "
            "mode notebook to start a server without a Hub",
        ),
    ],
    ids=["token-only", "no-service-url", "no-hub"],
)
def test_hub_token_without_a_hub_is_refused(
    image: Image, command: str, environment: dict[str, str], message: str
) -> None:
    result = image.run(command, environment=environment)
    assert result.exit_code == 2
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1


def test_jupyterhub_singleuser_prints_its_version_without_a_hub(image: Image) -> None:
    """Administrators compare this version with that of their Hub."""
    result = image.run("jupyterhub-singleuser", "--version")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (
        result.stdout.strip()
        == image.run("python", "-c", "import jupyterhub as j; print(j.__version__)").stdout.strip()
    )


def test_root_under_a_hub_is_refused(image: Image) -> None:
    hub = {
        "JUPYTERHUB_API_TOKEN": "a",
        "JUPYTERHUB_API_URL": "http://hub/hub/api",
        "JUPYTERHUB_SERVICE_URL": "http://:8",
    }
    with create(image, environment=hub, user="0:0") as container:
        code, log = end(container)
    assert code == 2
    assert "running as root is refused" in log
