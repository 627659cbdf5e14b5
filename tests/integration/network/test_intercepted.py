"""A build works in a network with its own CA and mirrors, and no layer contains anything of that network."""

import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from spark_images.engine import build, buildx, daemon, host
from spark_images.plan import bake
from spark_images.plan.project import Project
from tests.integration.layers import layers
from tests.integration.network.mirror import Mirror

LAYERS = ("os", "python", "jdbc-drivers", "python-deps-iceberg")
"""Layers that apt, Maven and pip fill, and one that depends on the apt layer."""


@dataclass(frozen=True)
class Built:
    """The references of the layers that were built, and the mirror."""

    references: dict[str, str]
    mirror: Mirror


def _default_index() -> str:
    """Returns pip's default index, as pip defines it."""
    from pip._internal.models.index import PyPI  # noqa: PLC0415

    return str(PyPI.simple_url)


def _central(toolchain: str) -> str:
    """Returns Maven's default repository, from the model that every Maven project inherits."""
    script = "unzip -p /usr/share/maven/lib/maven-model-builder-3.x.jar org/apache/maven/model/pom-4.0.0.xml"
    command = ["docker", "run", "--rm", toolchain, "sh", "-c", script]
    pom = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return pom.partition("<url>")[2].partition("</url>")[0]


@pytest.fixture(scope="module")
def built(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("host")
    matrix = project.matrix
    cell = next(cell for cell in matrix.buildable if "iceberg" in cell.features)
    graph = project.graph([cell])
    toolchain = graph.targets[matrix.name_of("toolchain", cell)]
    build.build(project, graph, [toolchain])

    gateway = daemon.client().networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"]
    mirror = Mirror(gateway)
    here = host.read()
    settings = folder / "settings.xml"
    settings.write_text(
        f"<settings><mirrors><mirror><id>m</id><mirrorOf>*</mirrorOf>"
        f"<url>{mirror.of(_central(matrix.tag(toolchain.name)) + '/')}</url>"
        "</mirror></mirrors></settings>"
    )
    system = here.ca or Path(ssl.get_default_verify_paths().openssl_cafile)
    behind = replace(
        here,
        ca=mirror.bundle(folder / "ca.pem", system),
        apt=host.Apt(tuple((mirror.of(url), suite) for url, suite in here.apt.repositories)),
        pip={"index-url": mirror.of(here.pip.get("index-url", _default_index()) + "/").rstrip("/")},
        maven_settings=settings,
    )
    requested = [graph.targets[matrix.name_of(name, cell)] for name in LAYERS]
    plan = build.plan(project, graph, requested, containerd_store=daemon.inspect().containerd_store)
    with mirror.running():
        results = buildx.bake(plan.definition, behind, plan.suites, no_cache=True)
    references = {target.name: _digest_of(results[bake.identifier(target.name)]) for target in requested}
    yield Built(references, mirror)
    for reference in references.values():
        daemon.client().images.remove(reference)


def _digest_of(result: dict[str, Any]) -> str:
    return str(result.get("containerimage.digest") or result["containerimage.config.digest"])


def test_build_fetches_through_the_mirror(built: Built) -> None:
    assert len(built.references) == len(LAYERS)
    assert len(built.mirror.seen) >= 3, (
        "not all of the Debian mirror, the Python index and the Maven repository were asked"
    )


def test_no_layer_contains_anything_of_the_mirror(built: Built) -> None:
    authority = built.mirror.authority.cert_pem.bytes()
    marks = {
        "the mirror's address": built.mirror.address.encode(),
        "its CA's certificate": authority.splitlines()[1],
        "its CA's name": b"Intercepting Network",
    }
    found, files = [], 0
    for name, reference in built.references.items():
        for _, member, content in layers([reference]):
            files += 1
            found += [
                f"{what} is in {member.name} of {name}" for what, mark in marks.items() if mark in (content or b"")
            ]
    assert found == []
    assert files > 5_000


def test_no_history_or_configuration_contains_the_mirror(built: Built) -> None:
    for reference in built.references.values():
        image = daemon.client().images.get(reference)
        assert built.mirror.address not in str(image.history()) + str(image.attrs["Config"])
