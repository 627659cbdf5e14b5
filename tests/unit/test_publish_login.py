"""The login against a small HTTP server that is a registry and its token server."""

import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from spark_images.publish.login import Login

PASSWORD = "not-a-secret"


class Server(ThreadingHTTPServer):
    """A registry whose challenge is `challenge`. `/token` gives tokens that name the scope that was asked for."""

    basic = f"Basic {b64encode(f'tester:{PASSWORD}'.encode()).decode()}"

    def __init__(self) -> None:
        self.challenge = 'Basic realm="tests"'
        self.tokens: list[dict[str, list[str]]] = []
        self.received: list[bytes] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(parse_qs(urlsplit(self.path).query))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.answer(parse_qs(body))

            def do_PUT(self) -> None:
                server.received.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.answer({})

            def answer(self, asked: dict[str, list[str]]) -> None:
                given = self.headers.get("Authorization", "")
                if self.path.startswith("/token"):
                    server.tokens.append(asked)
                    known = given == server.basic or asked.get("refresh_token") == ["known"]
                    self.say(200 if known else 401, json.dumps({"token": f"for-{asked['scope'][0]}"}))
                else:
                    wanted = server.basic if server.challenge.startswith("Basic") else f"Bearer for-{self.path[1:]}"
                    self.say(200 if given == wanted else 401, "answer")

            def say(self, code: int, text: str) -> None:
                self.send_response(code)
                if code == 401:
                    self.send_header("WWW-Authenticate", server.challenge.replace("PATH", self.path[1:]))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    def with_tokens(self, realm: str = "") -> None:
        self.challenge = f'Bearer realm="{realm or f"http://{self.host}/token"}",service="tests",scope="PATH"'


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def session(server: Server) -> requests.Session:
    found = requests.Session()
    found.auth = Login(server.host, f"http://{server.host}/", 10)
    return found


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return tmp_path / "config.json"


def known(config: Path, server: Server, **more: str) -> None:
    entry = {"auth": b64encode(f"tester:{PASSWORD}".encode()).decode(), **more}
    config.write_text(json.dumps({"auths": {server.host: entry}}))


def get(session: requests.Session, server: Server, path: str = "pull") -> int:
    return session.get(f"http://{server.host}/{path}", timeout=10).status_code


def test_a_password_of_docker_login_is_used(server: Server, session: requests.Session, config: Path) -> None:
    assert get(session, server) == 401
    known(config, server)
    assert get(session, server) == 200


def test_a_password_is_sent_only_after_a_challenge(server: Server, session: requests.Session, config: Path) -> None:
    known(config, server)
    answer = session.get(f"http://{server.host}/pull", timeout=10)
    assert "Authorization" not in answer.history[0].request.headers
    assert not session.get(f"http://{server.host}/pull", timeout=10).history


def test_a_token_is_fetched_again_if_a_request_needs_more_rights(
    server: Server, session: requests.Session, config: Path
) -> None:
    server.with_tokens()
    known(config, server)
    assert [get(session, server, path) for path in ("pull", "pull", "push")] == [200, 200, 200]
    assert [asked["scope"] for asked in server.tokens] == [["pull"], ["push"]]
    assert {asked["service"][0] for asked in server.tokens} == {"tests"}


def test_a_wrong_password_is_refused(server: Server, session: requests.Session, config: Path) -> None:
    server.with_tokens()
    config.write_text(json.dumps({"auths": {server.host: {"auth": b64encode(b"tester:wrong").decode()}}}))
    assert get(session, server) == 401


def test_an_identity_token_is_exchanged(server: Server, session: requests.Session, config: Path) -> None:
    server.with_tokens()
    known(config, server, identitytoken="known")
    assert get(session, server) == 200
    assert server.tokens[0]["grant_type"] == ["refresh_token"]


def test_a_password_is_not_sent_to_a_server_without_tls(
    server: Server, session: requests.Session, config: Path
) -> None:
    server.with_tokens("http://token.example/token")
    known(config, server)
    assert get(session, server) == 401


def test_a_request_with_two_scopes_names_each(server: Server, session: requests.Session, config: Path) -> None:
    server.with_tokens()
    server.challenge = server.challenge.replace("PATH", "PATH other")
    known(config, server)
    assert get(session, server) == 200
    assert server.tokens[0]["scope"] == ["pull", "other"]


@pytest.mark.parametrize("challenge", ["Bearer", 'Bearer service="tests"', "Negotiate", ""])
def test_a_challenge_that_nobody_can_answer_is_a_refusal(
    server: Server, session: requests.Session, config: Path, challenge: str
) -> None:
    server.challenge = challenge
    known(config, server)
    assert get(session, server) == 401


def test_another_server_gets_no_credentials(server: Server, config: Path) -> None:
    # The test's server is the storage that the registry r.example names.
    session = requests.Session()
    session.auth = login = Login(server.host, "https://r.example/v2/", 10)
    known(config, server)
    assert get(session, server) == 401
    login._header = server.basic
    assert get(session, server) == 401


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("https://r.example/v2/x", True),
        ("https://R.example:443/v2/x", True),
        ("http://r.example/v2/x", False),
        ("https://r.example:444/v2/x", False),
        ("https://r.example.evil.example/v2/x", False),
        ("https://r.example@evil.example/v2/x", False),
        ("", False),
    ],
)
def test_only_the_scheme_host_and_port_of_the_registry_are_its_own(address: str, own: bool) -> None:
    assert Login("r.example", "https://r.example/v2/", 10)._is_own(address) is own


def test_a_file_is_sent_again_from_its_beginning(
    server: Server, session: requests.Session, config: Path, tmp_path: Path
) -> None:
    known(config, server)
    file = tmp_path / "blob"
    file.write_bytes(b"content")
    with file.open("rb") as content:
        assert session.put(f"http://{server.host}/push", data=content, timeout=10).status_code == 200
    assert server.received == [b"content", b"content"]
