"""The client against a small HTTP server, which answers what a test wants."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from spark_images.errors import SparkImagesError
from spark_images.publish import references, registry
from spark_images.publish.registry import Manifest, Repository

TEXT = '{"mediaType": "application/vnd.oci.image.manifest.v1+json"}'
Answer = tuple[int, str | bytes]


class Server(ThreadingHTTPServer):
    """Gives each request the next of its answers, and the last one from then on."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.location = ""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                server.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                server.requests.append(f"{self.command} {self.path}")
                code, text = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
                self.send_response(code)
                self.send_header("Content-Length", str(len(text)))
                if server.location:
                    self.send_header("Location", server.location)
                if code == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="tests"')
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(text.encode() if isinstance(text, str) else text)

            do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815 -- http.server calls these names

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    monkeypatch.setattr(registry, "PAUSES", (0, 0, 0))
    monkeypatch.setattr(registry, "_has_tls", lambda _: False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def repository(server: Server) -> Repository:
    return Repository(references.parse(f"127.0.0.1:{server.server_port}/team/spark:4.1"))


def test_a_manifest_has_the_digest_of_its_text(server: Server, repository: Repository) -> None:
    server.answers = [(200, TEXT)]
    found = repository.manifest("4.1")
    assert found == Manifest(TEXT)
    assert found.digest == f"sha256:{hashlib.sha256(TEXT.encode()).hexdigest()}"


def test_a_missing_manifest_and_a_missing_blob_are_no_error(server: Server, repository: Repository) -> None:
    server.answers = [(404, "")]
    assert repository.manifest("4.1") is None
    assert not repository.has(Manifest(TEXT).digest)


def test_another_manifest_than_the_digest_says_is_an_error(server: Server, repository: Repository) -> None:
    server.answers = [(200, TEXT + " ")]
    with pytest.raises(SparkImagesError, match="the registry serves another manifest"):
        repository.manifest(Manifest(TEXT).digest)


@pytest.mark.parametrize("code", [500, 503, 429])
def test_an_error_that_can_pass_is_tried_again(server: Server, repository: Repository, code: int) -> None:
    server.answers = [(code, ""), (code, ""), (200, TEXT)]
    assert repository.manifest("4.1") == Manifest(TEXT)
    assert len(server.requests) == 3


def test_an_error_that_stays_ends_after_a_few_attempts(server: Server, repository: Repository) -> None:
    said = json.dumps(
        {"errors": [{"code": "UNKNOWN", "message": "unknown error", "detail": "no space left on device"}]}
    )
    server.answers = [(500, said)]
    with pytest.raises(SparkImagesError) as raised:
        repository.manifest("4.1")
    assert str(raised.value).endswith(
        "the manifest 4.1 cannot be read: the registry answers 500: unknown error: no space left on device"
    )
    assert len(server.requests) == 1 + len(registry.PAUSES)


@pytest.mark.parametrize("code", [401, 403])
def test_a_refused_login_is_not_tried_again_and_names_docker_login(
    server: Server, repository: Repository, code: int
) -> None:
    server.answers = [(code, "")]
    with pytest.raises(SparkImagesError) as raised:
        repository.manifest("4.1")
    assert f"run `docker login 127.0.0.1:{server.server_port}` with an account that may use" in str(raised.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("content", ["<html>", "[]", "", b"\xff"])
def test_an_answer_that_is_no_manifest_is_an_error(
    server: Server, repository: Repository, content: str | bytes
) -> None:
    server.answers = [(200, content)]
    with pytest.raises(SparkImagesError, match=r"the answer of 127.0.0.1:\d+ is not a manifest: correct the name"):
        repository.manifest("4.1")


def test_an_upload_follows_the_address_of_the_registry(server: Server, repository: Repository, tmp_path: Path) -> None:
    file = tmp_path / "blob"
    file.write_bytes(b"content")
    digest = f"sha256:{hashlib.sha256(b'content').hexdigest()}"
    # A proxy that ends TLS makes a registry give addresses with another scheme.
    server.location = f"https://127.0.0.1:{server.server_port}/v2/team/spark/blobs/uploads/1?_state=a%3D"
    server.answers = [(404, ""), (202, ""), (201, "")]
    repository.upload(file, digest)
    assert server.requests[-1].startswith("PUT /v2/team/spark/blobs/uploads/1?_state=a%3D&digest=sha256%3A")
    assert server.bodies[-1] == b"content"


def test_an_interrupted_upload_is_begun_again(server: Server, repository: Repository, tmp_path: Path) -> None:
    file = tmp_path / "blob"
    file.write_bytes(b"content")
    server.location = "/v2/team/spark/blobs/uploads/1"
    server.answers = [(404, ""), (202, ""), (503, ""), (202, ""), (201, "")]
    repository.upload(file, f"sha256:{hashlib.sha256(b'content').hexdigest()}")
    assert server.bodies[-1] == b"content"


def test_docker_s_own_registry_has_another_host() -> None:
    assert Repository(references.parse("docker.io/team/spark"))._root == "https://registry-1.docker.io/v2/team/spark/"


def test_the_bundle_of_the_user_is_preferred(
    server: Server, repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/other.pem")
    used = []

    def send(_: Any, **options: Any) -> Any:
        used.append(options["verify"])
        raise requests.ConnectionError

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", lambda _, request, **options: send(request, **options))
    with pytest.raises(SparkImagesError):
        Repository(references.parse("r.example/team/spark")).manifest("4.1")
    assert set(used) == {str(ca)}


def test_a_registry_that_does_not_answer_is_an_error(server: Server) -> None:
    gone = Repository(references.parse("127.0.0.1:1/team/spark:4.1"))
    with pytest.raises(SparkImagesError, match=r"^127.0.0.1:1/team/spark: .*the registry 127.0.0.1:1 does not answer"):
        gone.manifest("4.1")


def test_a_blob_with_other_content_is_an_error(server: Server, repository: Repository) -> None:
    server.answers = [(200, "other")]
    with pytest.raises(SparkImagesError, match="was changed: its digest is sha256:"):
        list(repository.blob(Manifest(TEXT).digest))


def test_a_registry_that_does_not_mount_starts_an_upload_instead(server: Server, repository: Repository) -> None:
    server.answers = [(202, "")]
    assert not repository.mount(Manifest(TEXT).digest, repository)
    server.answers = [(201, "")]
    assert repository.mount(Manifest(TEXT).digest, repository)


def test_a_tag_is_set_with_the_media_type_of_the_manifest(server: Server, repository: Repository) -> None:
    server.answers = [(201, "")]
    repository.set_manifest("4.1", Manifest(TEXT))
    assert server.requests == ["PUT /v2/team/spark/manifests/4.1"]
