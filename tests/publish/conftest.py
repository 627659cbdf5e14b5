"""Fixtures of the tests of `inv publish` and `inv verify`: registries, keys, and images that are published once."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spark_images import ROOT
from spark_images.checks import records
from spark_images.engine import build
from spark_images.matrix.model import Cell
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project, load_project
from spark_images.publish import cosign, publish, references, upload
from spark_images.publish.cosign import Signer
from spark_images.publish.publish import Published
from spark_images.publish.registry import Repository
from tests.integration.conftest import Image, Result, Service, local_image

PASSWORD = "not-a-secret"
BLOBS = "/tmp/registry/docker/registry/v2"
"""Where the registry of the tests keeps its files, in its container."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cell", action="append", default=[], help="a cell to publish; repeat for several")


@dataclass(frozen=True)
class Registry:
    """A running registry: its container, and its host with the port on this machine."""

    service: Service
    host: str

    def wait(self) -> None:
        """Waits up to 30 s until the registry listens. Docker accepts connections to its port before that."""
        for _ in range(150):
            if self.service.run("bash", "-c", "exec 3<> /dev/tcp/127.0.0.1/5000").exit_code == 0:
                return
            time.sleep(0.2)
        pytest.fail(f"the registry does not listen; its log:\n{self.service.log}")

    def files(self, pattern: str) -> list[str]:
        """Returns the paths of its files that match a regular expression, sorted."""
        found = self.service.run("find", BLOBS, "-type", "f").stdout.splitlines()
        return sorted(path for path in found if re.search(pattern, path))

    @property
    def tags(self) -> list[str]:
        """Its tags, as `repository:tag`, without the tags that cosign sets."""
        links = self.files(r"/_manifests/tags/[^/]+/current/link$")
        named = (re.search(r"/repositories/(.+)/_manifests/tags/([^/]+)/", link) for link in links)
        found = [f"{match[1]}:{match[2]}" for match in named if match]
        return [tag for tag in found if not re.search(r":sha256-\w+\.(sig|att)$", tag)]

    def blob(self, digest: str) -> str:
        """Returns the file of a blob or a manifest."""
        name = digest.removeprefix("sha256:")
        return f"{BLOBS}/blobs/sha256/{name[:2]}/{name}/data"

    @contextmanager
    def changed(self, digest: str) -> Iterator[None]:
        """Changes one byte of a blob or a manifest while the block runs."""
        file = self.blob(digest)
        script = f"cp -p {file} /tmp/kept && printf X | dd of={file} bs=1 seek=40 conv=notrunc status=none"
        assert self.service.run("sh", "-c", script).exit_code == 0
        try:
            yield
        finally:
            assert self.service.run("mv", "/tmp/kept", file).exit_code == 0


@contextmanager
def running(image: Image, environment: Mapping[str, str] | None = None, **options: Any) -> Iterator[Registry]:
    """Starts a registry on a free port of the loopback address."""
    ports = {"5000/tcp": ("127.0.0.1", None)}
    with image.start(environment=environment, ports=ports, **options) as service:
        service.container.reload()
        bound = service.container.ports["5000/tcp"]
        assert bound
        found = Registry(service, f"127.0.0.1:{bound[0]['HostPort']}")
        found.wait()
        yield found


def inv(*arguments: str, **environment: str) -> Result:
    """Runs an Invoke task as a user would. Its variables are those of the tests, and `environment`."""
    command = [sys.executable, "-m", "invoke", *arguments]
    variables = {**os.environ, cosign.PASSWORD: PASSWORD, **environment}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600, env=variables)
    print(f"$ inv {' '.join(arguments)}   (exit code {done.returncode})", done.stdout, done.stderr, sep="\n")
    return Result(done.returncode, done.stdout, done.stderr)


def verified(reference: str, key: Path) -> dict[str, str]:
    """Returns what `inv verify` finds, by check. A failed check begins with `FAILED: `. Checks the exit code."""
    result = inv("verify", reference, "--key", str(key), "--json")
    found = json.loads(result.stdout)["checks"]
    assert result.exit_code == (0 if all(check["passed"] for check in found) else 1)
    return {check["name"]: check["found"] if check["passed"] else f"FAILED: {check['found']}" for check in found}


@pytest.fixture(scope="session")
def project() -> Project:
    return load_project()


@pytest.fixture(scope="session")
def cells(request: pytest.FixtureRequest, project: Project) -> Sequence[Cell]:
    keys = request.config.getoption("--cell")
    if len(keys) < 2:
        pytest.fail("name two or more cells (--cell 4.3.0-baseline --cell jupyter-4.3.0-baseline), or run its session")
    return [cell_of(project.matrix, key) for key in keys]


@pytest.fixture(scope="session")
def server(project: Project) -> Image:
    return local_image(build.layer(project, "server-registry"))


@pytest.fixture(scope="session")
def registry(server: Image) -> Iterator[Registry]:
    with running(server) as found:
        yield found


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with a key pair of cosign, whose password is PASSWORD, and another one in `other`."""
    folder = tmp_path_factory.mktemp("keys")
    for each in (folder, folder / "other"):
        each.mkdir(exist_ok=True)
        variables = {**os.environ, cosign.PASSWORD: PASSWORD}
        subprocess.run(["cosign", "generate-key-pair"], cwd=each, env=variables, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _files_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps the records and results of the tests in a temporary folder."""
    folder = tmp_path_factory.mktemp("build")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "FOLDER", folder / "records")
        patch.setattr(upload, "FOLDER", folder / "published")
        patch.setattr(publish, "FILE", folder / "published.json")
        patch.setenv(cosign.PASSWORD, PASSWORD)
        yield


@pytest.fixture(scope="session")
def tested(cells: Sequence[Cell], project: Project, tmp_path_factory: pytest.TempPathFactory) -> Sequence[Cell]:
    """Runs a few tests on each image, and records their results."""
    for cell in cells:
        tag = project.matrix.tag(cell.name)
        report = tmp_path_factory.mktemp("reports") / "report.xml"
        chosen = "smoke and random_uid and conformance"
        command = [sys.executable, "-m", "pytest", "tests/integration/conformance", "-m", chosen, "--image", tag]
        subprocess.run([*command, "--junitxml", str(report)], cwd=ROOT, check=True)
        records.write(records.identity(tag), cell.key, f"test-{cell.key}", f"test-{cell.key}", [report])
    return cells


@pytest.fixture(scope="session")
def published(tested: Sequence[Cell], project: Project, registry: Registry, keys: Path) -> Mapping[str, Published]:
    """Publishes the cells. Returns the results by cell."""
    order = publish.order(project, tested, f"{registry.host}/team", dirty=True)
    return {each.cell: each for each in publish.publish(project, order, Signer(str(keys / "cosign.key")))}


@pytest.fixture
def first(published: Mapping[str, Published], cells: Sequence[Cell]) -> Published:
    return published[cells[0].key]


@pytest.fixture
def second(published: Mapping[str, Published], cells: Sequence[Cell]) -> Published:
    return published[cells[1].key]


def repository(image: Published) -> Repository:
    """Returns the repository of a published image."""
    return Repository(references.parse(image.image))
