"""Maven fetches through a proxy that requires a password, and bypasses it for hosts in no_proxy."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from spark_images.engine import build, daemon, host
from spark_images.plan.project import Project
from tests.integration.conftest import Image, local_image
from tests.integration.network.proxy import Proxy

USER, PASSWORD = "us er", 'p@s:s/"<&>%'


@pytest.fixture(scope="module")
def toolchain(project: Project) -> Image:
    return local_image(build.layer(project, "toolchain"))


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    gateway = daemon.client().networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    proxy = Proxy(gateway, USER, PASSWORD)
    with proxy.running():
        yield proxy


def fetch(toolchain: Image, proxy: Proxy, project: Project, user: str, no_proxy: str) -> int:
    """Fetches the artefacts of one lock and checks their hashes. Returns the exit code."""
    entries = project.locks["jmx-exporter"]
    artefacts = [f"{coordinate}@sha256:{entry.sha256}" for coordinate, entry in entries.items()]
    address = f"http://{user}@{proxy.host}:{proxy.port}"
    environment = {"https_proxy": address, "http_proxy": address, "no_proxy": no_proxy}
    secrets = host.read().secrets(project.matrix.buildable[0].values["debian"])
    files: dict[str, str | Path | bytes] = {f"/run/secrets/{name}": content for name, content in secrets.items()}
    command = ("fetch-artefacts", "/tmp/jars", *artefacts)
    return toolchain.run(*command, user="0:0", files=files, environment=environment).exit_code


def test_fetch_sends_the_password_to_the_proxy(toolchain: Image, proxy: Proxy, project: Project) -> None:
    user = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}"
    assert fetch(toolchain, proxy, project, user, no_proxy=".corp") == 0
    assert proxy.seen


def test_fetch_fails_with_a_wrong_password(toolchain: Image, proxy: Proxy, project: Project) -> None:
    assert fetch(toolchain, proxy, project, "someone:else", no_proxy=".corp") == 1
    assert proxy.seen == []
    assert proxy.refused


def test_no_proxy_bypasses_the_proxy(toolchain: Image, proxy: Proxy, project: Project) -> None:
    """no_proxy names the domain of Maven's repository, with the leading dot that curl and pip accept."""
    assert fetch(toolchain, proxy, project, "someone:else", no_proxy=".corp") == 1
    (repository,) = set(proxy.refused)
    proxy.refused.clear()
    assert fetch(toolchain, proxy, project, "someone:else", no_proxy="." + repository.partition(".")[2]) == 0
    assert proxy.refused == []
