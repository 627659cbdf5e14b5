import hashlib
import json
import subprocess
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

import pytest
import requests

from spark_images.engine import build, daemon, host
from spark_images.engine.host import Apt, Host
from spark_images.errors import SparkImagesError, UsageError
from spark_images.locks import update
from spark_images.recipes import locks
from spark_images.recipes.locks import Entry, Requirements, requirement_sets
from tests.unit.tree import Tree

NEW = "f" * 64
CORE = "docker/intermediate/core/artefacts.lock"


@pytest.fixture
def place(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """The small project as the repository. Every fetched artefact has the hash NEW."""
    monkeypatch.setattr(update, "ROOT", tree.root)
    monkeypatch.setattr(update, "_hashes", lambda _, coordinates: {c: Entry(NEW, 2) for c in coordinates})
    return tree


def test_an_unknown_kind_of_lock_is_an_error_with_the_nearest_kind(place: Tree) -> None:
    with pytest.raises(
        UsageError, match=r'unknown kind of lock "pyton"; expected one of artefacts, python \(did you mean "python"'
    ):
        update.update(place.load(), ["pyton"])


def test_up_to_date_locks_do_not_change(place: Tree) -> None:
    assert update.update(place.load(), ["artefacts"]) == []


def test_a_locked_artefact_keeps_its_hash(place: Tree) -> None:
    before = json.loads((place.root / CORE).read_text())
    place.toml('[spark."9.1"]', '[spark."9.2"]')
    assert update.update(place.load(locked=False), ["artefacts"]) == [place.root / CORE]
    assert json.loads((place.root / CORE).read_text()) == {
        "group:core:9.0": before["group:core:9.0"],
        "group:core:9.2": {"sha256": NEW, "size": 2},
    }


def test_an_unused_artefact_is_removed_without_an_engine(place: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(update, "_hashes")
    place.toml('[spark."9.1"]\nline = "9"\nreleased = 2026-01-02\n', "")
    update.update(place.load(locked=False), ["artefacts"])
    assert list(json.loads((place.root / CORE).read_text())) == ["group:core:9.0"]


@pytest.fixture
def requirements(place: Tree, monkeypatch: pytest.MonkeyPatch) -> Requirements:
    """A set for Python 3.13 that extends one lock and shares images with another."""
    (place.root / "below.lock").write_text("numpy==1.26.4\n")
    (place.root / "beside.lock").write_text("six==1.17.0\n")
    (place.root / "requirements.in").write_text("pandas=={version}\n")
    mirror = Host(Path("/host/ca.pem"), Apt(), {"index-url": "https://pip.example"}, None, {})
    monkeypatch.setattr(host, "read", lambda: mirror)
    return Requirements(
        place.root / "requirements.in",
        place.root / "requirements-3.13.lock",
        "3.13",
        "linux/amd64",
        {"version": "2.3.3"},
        extends=(place.root / "below.lock",),
        beside=(place.root / "beside.lock",),
    )


def compiles(
    monkeypatch: pytest.MonkeyPatch, code: int = 0, text: str = "# old fingerprint\npandas==2.3.3\n"
) -> dict[str, Any]:
    seen: dict[str, Any] = {}

    def run(command: list[str], *, cwd: Path, env: dict[str, str], **how: Any) -> Any:
        output = cwd / command[command.index("--output-file") + 1]
        seen.update(
            command=command, env=env, input=how["input"], before=output.read_text() if output.exists() else None
        )
        output.write_text(text)
        return SimpleNamespace(returncode=code, stderr="no such package\n")

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def test_a_python_lock_starts_with_the_fingerprint_of_its_requirements(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiles(monkeypatch)
    assert update._compile(requirements, upgrade=False)
    assert requirements.lock.read_text() == f"{requirements.fingerprint}\npandas==2.3.3\n"
    assert not update._compile(requirements, upgrade=False)


def test_a_python_lock_keeps_its_versions(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = compiles(monkeypatch)
    update._compile(requirements, upgrade=False)
    assert seen["before"] is None
    update._compile(requirements, upgrade=False)
    assert seen["before"] == requirements.lock.read_text()


def test_a_python_lock_that_cannot_be_compiled_does_not_change(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements.lock.write_text("before")
    compiles(monkeypatch, code=1, text="half of")
    with pytest.raises(SparkImagesError):
        update._compile(requirements, upgrade=False)
    assert requirements.lock.read_text() == "before"


def host_has(monkeypatch: pytest.MonkeyPatch, **pip: str) -> None:
    found = Host(None, Apt(), {name.replace("_", "-"): value for name, value in pip.items()}, None, {})
    monkeypatch.setattr(host, "read", lambda: found)


def test_a_python_lock_uses_pips_extra_indexes_and_trusted_hosts(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    host_has(monkeypatch, extra_index_url="https://a.example https://b.example", trusted_host="a.example b.example:8")
    seen = compiles(monkeypatch)
    update._compile(requirements, upgrade=False)
    command = " ".join(seen["command"])
    assert " --index https://a.example --index https://b.example " in command
    assert " --allow-insecure-host a.example --allow-insecure-host b.example:8 " in command
    assert "--default-index" not in command


def test_a_python_lock_uses_pips_proxy(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    host_has(monkeypatch, proxy="http://pip.example:3128")
    monkeypatch.setenv("https_proxy", "http://other.example:3128")
    seen = compiles(monkeypatch)
    update._compile(requirements, upgrade=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        assert seen["env"][name] == "http://pip.example:3128"


def index(folder: Path, version: str) -> None:
    """Makes a package index with one version of one package."""
    wheel = folder / f"demo/demo-{version}-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    with ZipFile(wheel, "w") as archive:
        archive.writestr(
            f"demo-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: demo\nVersion: {version}\n"
        )
        archive.writestr(
            f"demo-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"demo-{version}.dist-info/RECORD", "")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "demo/index.html").write_text(f'<a href="{wheel.name}#sha256={digest}">{wheel.name}</a>')


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """Serves the folder `web` of tmp_path over HTTP, and yields its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web")))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("first", "further"), [("1.0", "2.0"), ("2.0", "1.0")])
def test_the_newest_version_of_all_indexes_is_locked(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch, web: str, first: str, further: str
) -> None:
    index(place.root / "web/first", first)
    index(place.root / "web/further", further)
    requirements.source.write_text("demo\n")
    host_has(monkeypatch, index_url=f"{web}/first", extra_index_url=f"{web}/further")
    monkeypatch.setenv("UV_CACHE_DIR", str(place.root / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    update._compile(requirements, upgrade=False)
    assert locks.package_versions(requirements.lock) == [("demo", "2.0")]


def test_artefacts_are_fetched_with_the_hosts_proxies_and_secrets(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    tree.dockerfile("base/toolchain", "FROM scratch\n")
    seen: dict[str, Any] = {}

    def fetch(image: str, command: list[str], *, volumes: Any, environment: Any, **_: Any) -> bytes:
        ((folder, mount),) = volumes.items()
        secrets = {file.name: file.read_text() for file in Path(folder).iterdir()}
        seen.update(image=image, command=command, mount=mount, secrets=secrets, environment=environment)
        return json.dumps({"group:a:1": {"sha256": NEW, "size": 2}}).encode()

    proxies = {"https_proxy": "http://proxy.example:3128"}
    found = Host(None, Apt(), {"index-url": "https://pip.example"}, None, proxies)
    monkeypatch.setattr(host, "read", lambda: found)
    monkeypatch.setattr(build, "build", lambda *_: None)
    monkeypatch.setattr(daemon, "client", lambda: SimpleNamespace(containers=SimpleNamespace(run=fetch)))
    assert update._hashes(tree.load(), ["group:a:1"]) == {"group:a:1": Entry(NEW, 2)}
    assert seen["image"] == "spark-k8s-toolchain:latest"
    assert seen["command"][-1] == "group:a:1"
    assert seen["environment"] == proxies
    assert seen["mount"] == {"bind": "/run/secrets", "mode": "ro"}
    assert "https://pip.example" in seen["secrets"]["pip-conf"]


def test_an_engine_that_dies_while_artefacts_are_fetched_is_an_error(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any, **__: Any) -> bytes:
        raise requests.ConnectionError("refused")

    tree.dockerfile("base/toolchain", "FROM scratch\n")
    monkeypatch.setattr(host, "read", lambda: Host(None, Apt(), {}, None, {}))
    monkeypatch.setattr(build, "build", lambda *_: None)
    monkeypatch.setattr(daemon, "client", lambda: SimpleNamespace(containers=SimpleNamespace(run=dies)))
    with pytest.raises(
        SparkImagesError, match=r"^could not fetch group:a:1: the container engine no longer answers \(refused\)"
    ):
        update._hashes(tree.load(), ["group:a:1"])


def test_a_python_lock_uses_the_hosts_index_and_ca_and_has_hashes(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = compiles(monkeypatch)
    update._compile(requirements, upgrade=True)
    command = " ".join(seen["command"])
    assert "--generate-hashes" in command
    assert "--only-binary :all:" in command
    assert "--default-index https://pip.example" in command
    assert "--upgrade" in command
    assert seen["env"]["SSL_CERT_FILE"] == "/host/ca.pem"


def test_packages_of_an_extended_set_are_omitted(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = compiles(monkeypatch)
    update._compile(requirements, upgrade=False)
    command = " ".join(seen["command"])
    assert f"--constraint {place.root / 'below.lock'}" in command
    assert f"--constraint {place.root / 'beside.lock'}" in command
    assert "--no-emit-package numpy" in command
    assert "--no-emit-package six" not in command
    assert "--upgrade" not in command


def test_requirements_that_cannot_be_resolved_are_an_error(
    place: Tree, requirements: Requirements, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiles(monkeypatch, code=1)
    with pytest.raises(SparkImagesError, match=r"^requirements\.in cannot be resolved:\nno such package$"):
        update._compile(requirements, upgrade=False)


def test_every_set_of_every_python_version_is_compiled(full: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(update, "ROOT", full.root)
    monkeypatch.setattr(update, "requirement_sets", partial(requirement_sets, root=full.root))
    monkeypatch.setattr(host, "read", lambda: Host(None, Apt(), {}, None, {}))
    compiles(monkeypatch)
    (full.root / "docker/intermediate/lake-deps/requirements-3.13.lock").unlink()
    changed = update.update(full.load(), ["python"])
    assert full.root / "docker/intermediate/lake-deps/requirements-3.13.lock" in changed
    assert len(changed) == 7
    assert update.update(full.load(), ["python"]) == []
