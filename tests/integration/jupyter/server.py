"""Starts a notebook server in a container, and uses it as a browser would: pages, kernels, notebooks."""

import contextlib
import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pytest
import websocket
from docker.models.containers import Container

from tests.integration.conftest import LOG_LIMIT, QUICK, SPARK_UID, Image, put, wait

PORT = "8888/tcp"
READY = 60
"""Seconds that a server has to answer. It takes about 2 s on an idle machine."""

CELL = 120
"""Seconds that one notebook cell may take."""


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass
class Output:
    """The output of one notebook cell: printed text, displayed data by MIME type, and the error that ended it."""

    text: str = ""
    displayed: list[Mapping[str, str]] = field(default_factory=list)
    error: str = ""

    def mime(self, kind: str) -> list[str]:
        """Returns the displayed data of this MIME type."""
        return [data[kind] for data in self.displayed if kind in data]

    @property
    def html(self) -> str:
        """Everything that was displayed as HTML, including progress bars."""
        return "\n".join(self.mime("text/html"))

    @property
    def everything(self) -> str:
        return "\n".join([self.text, self.error, *(str(data) for data in self.displayed)])


@dataclass(frozen=True)
class Server:
    """A running notebook server."""

    container: Container
    token: str
    address: str

    @property
    def log(self) -> str:
        return self.container.logs(tail=LOG_LIMIT).decode(errors="replace")

    def inside(self, *command: str) -> tuple[int, str]:
        """Runs a command in the server's container. Returns its exit code and output."""
        done = self.container.exec_run(list(command))
        assert isinstance(done.output, bytes)
        return int(done.exit_code or 0), done.output.decode(errors="replace")

    def request(self, path: str, method: str = "GET", body: Any = None, token: str | None = None) -> tuple[int, str]:
        """Returns the status and text of a response, without following redirects. `token` replaces the right one."""
        token = self.token if token is None else token
        request = Request(f"http://{self.address}{path}", method=method)
        if token:
            request.add_header("Authorization", f"token {token}")
        data = None if body is None else json.dumps(body).encode()
        try:
            with build_opener(_NoRedirect).open(request, data, timeout=60) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def json(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Returns the JSON of a response. Fails the test if its status is 300 or higher."""
        status, text = self.request(path, method, body)
        assert status < 300, f"{method} {path}: {status}: {text[:2000]}"
        return json.loads(text) if text else None

    @contextlib.contextmanager
    def kernel(self, path: str = "test.ipynb", name: str = "pyspark") -> Iterator["Kernel"]:
        """Starts a kernel for the notebook at this path, as JupyterLab would, and yields it."""
        body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": name}}
        session = self.json("/api/sessions", "POST", body)
        channels = f"ws://{self.address}/api/kernels/{session['kernel']['id']}/channels?token={self.token}"
        # Browsers send this header. Without it, a server under a Hub does not read the token in the URL.
        header = ["Sec-Fetch-Mode: websocket"]
        connection = websocket.create_connection(channels, timeout=CELL, header=header)
        try:
            yield Kernel(connection)
        finally:
            connection.close()
            with contextlib.suppress(URLError):  # the test may have stopped the server
                self.request(f"/api/sessions/{session['id']}", "DELETE")

    def execute(self, path: str) -> list[Output]:
        """Runs all cells of a notebook on the server. Returns their outputs. Fails the test at the first error."""
        notebook = self.json(f"/api/contents/{path}")["content"]
        outputs = []
        with self.kernel(path, notebook["metadata"]["kernelspec"]["name"]) as kernel:
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code":
                    outputs.append(kernel.run(cell["source"]))
                    assert not outputs[-1].error, f"{path}:\n{cell['source']}\n{outputs[-1].everything}"
        return outputs


@dataclass(frozen=True)
class Kernel:
    """A running kernel, reached through its websocket."""

    connection: websocket.WebSocket

    def run(self, source: str) -> Output:
        """Runs one cell and returns its output."""
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": "execute_request", "session": "test", "username": "", "version": "5.3"}
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self.connection.send(json.dumps(message))
        output, replied, idle = Output(), False, False
        while not (replied and idle):
            answer = json.loads(self.connection.recv())
            if answer["parent_header"].get("msg_id") != number:
                continue
            replied = replied or answer["msg_type"] == "execute_reply"
            idle = idle or (answer["msg_type"], answer["content"].get("execution_state")) == ("status", "idle")
            _note(output, answer["msg_type"], answer["content"])
        print(f"In: {source}", f"Out: {output.everything[-4000:]}", sep="\n")
        return output


def _note(output: Output, kind: str, content: Mapping[str, Any]) -> None:
    if kind == "stream":
        output.text += content["text"]
    elif kind in ("display_data", "execute_result", "update_display_data"):
        output.displayed.append(content["data"])
    elif kind == "error":
        output.error = f"{content['ename']}: {content['evalue']}"


@contextlib.contextmanager
def create(
    image: Image, arguments: Sequence[str] = (), user: str = SPARK_UID, name: str = "notebook", **options: Any
) -> Iterator[Container]:
    """Creates a container, but does not start it. Its command is `name` with the arguments.

    Without a name and arguments, it is the image's own command.
    """
    command = [name, *arguments] if arguments or name != "notebook" else None
    environment = {**QUICK, **options.pop("environment", {})}
    container = image.client.containers.create(image.reference, command, user=user, environment=environment, **options)
    try:
        yield container
    finally:
        print(container.logs(tail=LOG_LIMIT).decode(errors="replace"))
        container.remove(force=True, v=True)


@contextlib.contextmanager
def serve(
    image: Image,
    token: str | None = "secret-of-the-test",  # noqa: S107
    arguments: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[Server]:
    """Starts a server, waits until it answers, and yields it. If `token` is None, the server makes and prints one."""
    settings = dict(environment or {})
    if token and "JUPYTER_TOKEN_FILE" not in settings:
        settings["JUPYTER_TOKEN"] = token
    ports = {PORT: ("127.0.0.1", None)}
    with create(image, arguments, environment=settings, ports=ports, **options) as container:
        if files:
            put(container, files, {})
        container.start()
        yield _ready(container, token)


def _ready(container: Container, token: str | None) -> Server:
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline:
        container.reload()
        bindings = container.attrs["NetworkSettings"]["Ports"].get(PORT)
        if container.status == "exited":
            break
        if bindings:
            server = Server(container, token or "", f"127.0.0.1:{bindings[0]['HostPort']}")
            with contextlib.suppress(OSError):
                if server.request("/api", token="")[0] == 200:
                    return server if token else Server(container, printed(server.log), server.address)
        time.sleep(0.1)
    pytest.fail(
        f"the server does not answer, or has ended; its log:\n{container.logs(tail=LOG_LIMIT).decode(errors='replace')}"
    )


def printed(log: str) -> str:
    """Returns the token from the server's log. Fails the test unless exactly one line shows it."""
    lines = [line for line in log.splitlines() if "/lab?token=" in line and not line.endswith("token=...")]
    assert len(lines) == 1, log
    return lines[0].partition("token=")[2]


def end(container: Container, timeout: float = 60) -> tuple[int, str]:
    """Starts a container and waits until it ends by itself. Returns its exit code and log."""
    container.start()
    return wait(container, timeout), container.logs().decode(errors="replace")
