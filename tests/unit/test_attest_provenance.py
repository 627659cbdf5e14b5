"""The provenance of an image."""

import getpass
import json
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from spark_images.attest import predicates, provenance
from spark_images.matrix.selection import cell_of
from spark_images.sbom.bill import Bill
from spark_images.sbom.components import Component, Kind, Layer
from tests.unit.tree import Tree

COMMIT = "c" * 40
A, B, C = "a" * 64, "b" * 64, "c" * 64
PACKAGE = Component(
    kind=Kind.DEBIAN,
    purl="pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12",
    name="libc6",
    version="2.36-9",
    licence="",
    layer=Layer(f"sha256:{A}", "os-bookworm"),
    paths=("/var/lib/dpkg/info/libc6.md5sums",),
    sha256=B,
)
JDK = replace(PACKAGE, kind=Kind.JDK, purl="pkg:deb/debian/openjdk-17-jre-headless@17", paths=("/jvm",))
JAR = replace(PACKAGE, kind=Kind.JAR, purl="pkg:maven/own/evidence@1", paths=("/x.jar",))
BILL = Bill("image", "An image", "9.0", datetime(2026, 1, 2, tzinfo=UTC), (PACKAGE.layer,), (JAR, JDK, PACKAGE))


def predicate(tree: Tree, key: str = "9.0-baseline", revision: str = COMMIT, **options: Any) -> Any:
    project = tree.load(options.pop("environment", {}))
    cell = cell_of(project.matrix, key)
    return provenance.predicate(project, cell, BILL, revision, root=tree.root, **options)


def dependencies(found: Any) -> dict[str, Any]:
    """Returns the dependencies by URI or name."""
    return {each.get("uri", each.get("name", "")): each for each in found["buildDefinition"]["resolvedDependencies"]}


def lock(tree: Tree, layer: str, *lines: str) -> None:
    (tree.root / f"docker/intermediate/{layer}/requirements-3.11.lock").write_text("# sources\n" + "\n".join(lines))


def test_every_locked_artefact_of_the_image_is_a_dependency_with_its_hash(full: Tree) -> None:
    found = dependencies(predicate(full, "9.0-lake"))
    artefacts = {uri: each["digest"] for uri, each in found.items() if uri.startswith(("pkg:maven", "pkg:pypi/spark"))}
    assert artefacts == {
        # No image contains the layer distribution. Another layer copies files from it.
        "pkg:pypi/spark@9.0": {"sha256": f"{1:064x}"},
        "pkg:maven/org.apache.spark/connect_2.13@9.0": {"sha256": f"{4:064x}"},
        "pkg:maven/org.first/first-jdbc@1.0": {"sha256": f"{5:064x}"},
        "pkg:maven/com.second/second-jdbc@2.0-1": {"sha256": f"{6:064x}"},
        "pkg:maven/group/lake_2.13@1.0": {"sha256": f"{7:064x}"},
    }
    assert "pkg:maven/group/lake_2.13@1.0" not in dependencies(predicate(full, "9.0-baseline"))


def test_a_layer_that_no_image_contains_counts(full: Tree) -> None:
    full.toml(
        '[layers.tools]\nname = "tools-{debian}-java{java}"',
        '[layers.tools]\nname = "tools-{debian}-java{java}"\n'
        'artefacts = [{ coordinate = "group:compiler:1", licence = "MIT" }]',
    )
    (full.root / "docker/base/tools/artefacts.lock").write_text(
        json.dumps({"group:compiler:1": {"sha256": A, "size": 1}})
    )
    assert dependencies(predicate(full))["pkg:maven/group/compiler@1"]["digest"] == {"sha256": A}


def test_a_python_package_has_a_digest_only_if_its_lock_allows_one_file(full: Tree) -> None:
    lock(
        full, "deps", f"One_Wheel==1 --hash=sha256:{A}", "many==2 \\", f"  --hash=sha256:{C} \\", f"  --hash=sha256:{B}"
    )
    found = dependencies(predicate(full, "jupyter-9.0-baseline"))
    assert found["pkg:pypi/one-wheel@1"] == {"uri": "pkg:pypi/one-wheel@1", "digest": {"sha256": A}}
    assert found["pkg:pypi/many@2"] == {"uri": "pkg:pypi/many@2", "annotations": {"sha256-any-of": [B, C]}}


def test_an_image_has_the_packages_of_its_own_python_and_features(full: Tree) -> None:
    assert "pkg:pypi/lake-package@4.0" in dependencies(predicate(full, "9.0-lake"))
    assert "pkg:pypi/lake-package@4.0" not in dependencies(predicate(full))
    lock(full, "deps", f"old==1 --hash=sha256:{A}")
    assert "pkg:pypi/old@1" in dependencies(predicate(full, "9.0-baseline"))
    assert "pkg:pypi/old@1" not in dependencies(predicate(full, "10.0-baseline"))


def test_debian_packages_have_the_versions_of_the_sbom_and_no_digest(full: Tree) -> None:
    debian = [each for uri, each in dependencies(predicate(full)).items() if uri.startswith("pkg:deb")]
    assert debian == [{"uri": PACKAGE.purl}, {"uri": JDK.purl}]


def test_the_commit_is_a_dependency_by_its_hash(full: Tree) -> None:
    assert {"digest": {"gitCommit": COMMIT}} in dependencies(predicate(full)).values()
    full.toml('source = ""', 'source = "https://code.example/spark"')
    uri = f"git+https://code.example/spark@{COMMIT}"
    assert dependencies(predicate(full))[uri] == {"uri": uri, "digest": {"gitCommit": COMMIT}}


def test_a_source_that_is_not_a_url_is_a_name() -> None:
    assert predicates.commit("spark-images", COMMIT) == {"name": "spark-images", "digest": {"gitCommit": COMMIT}}


@pytest.mark.parametrize("revision", [f"{COMMIT}-dirty", "", "main"])
def test_a_revision_that_is_not_a_commit_is_no_dependency(full: Tree, revision: str) -> None:
    found = predicate(full, revision=revision)
    assert not any("gitCommit" in each.get("digest", {}) for each in dependencies(found).values())
    assert found["buildDefinition"]["externalParameters"]["commit"] == revision


def test_the_image_that_replaces_debian_is_a_dependency_of_the_images_on_it(full: Tree) -> None:
    image = f"registry.example:5000/os/debian:12@sha256:{B}"
    environment = {"SPARK_IMAGES_OS_IMAGE": f"bookworm={image}"}
    uri = f"pkg:oci/debian@sha256:{B}?repository_url=registry.example:5000/os/debian&tag=12"
    found = predicate(full, environment=environment)
    assert dependencies(found)[uri]["digest"] == {"sha256": B}
    assert found["buildDefinition"]["externalParameters"]["settings"]["os-image"] == image
    assert not any(
        uri.startswith("pkg:oci") for uri in dependencies(predicate(full, "10.0-baseline", environment=environment))
    )
    unpinned = dependencies(predicate(full, environment={"SPARK_IMAGES_OS_IMAGE": "bookworm=debian:12"}))
    assert unpinned["pkg:oci/debian?tag=12"] == {"uri": "pkg:oci/debian?tag=12"}


def test_parameters_are_the_cell_the_commit_and_the_settings_that_change_the_image(full: Tree) -> None:
    environment = {"SPARK_IMAGES_CLASS_ARCHIVE": "false", "SPARK_IMAGES_VENDOR": "Us", "SPARK_IMAGES_TAG": "t1"}
    found = predicate(full, "jupyter-9.1-lake", environment=environment)["buildDefinition"]
    assert found["externalParameters"] == {
        "cell": {"key": "jupyter-9.1-lake", "image": "jupyter", "spark": "9.1", "variant": "lake"},
        "commit": COMMIT,
        "source": "",
        "settings": {"class-archive": False, "documentation": "", "os-image": "", "vendor": "Us"},
    }


def test_times_are_those_that_are_given(full: Tree) -> None:
    assert "metadata" not in predicate(full)["runDetails"]
    east = timezone(timedelta(hours=2))
    started, finished = datetime(2026, 1, 2, 3, 4, 5, 6, east), datetime(2026, 1, 2, 3, tzinfo=UTC)
    assert predicate(full, started=started, finished=finished)["runDetails"]["metadata"] == {
        "startedOn": "2026-01-02T01:04:05Z",
        "finishedOn": "2026-01-02T03:00:00Z",
    }


def test_fields_are_those_of_slsa_1_and_in_toto_1(full: Tree) -> None:
    lock(full, "deps", f"many==2 --hash=sha256:{C} --hash=sha256:{B}")
    found = predicate(full, "10.0-gpu-lake")
    assert found.keys() == {"buildDefinition", "runDetails"}
    definition = found["buildDefinition"]
    assert definition.keys() == {"buildType", "externalParameters", "resolvedDependencies"}
    assert found["runDetails"].keys() == {"builder"}
    assert found["runDetails"]["builder"].keys() == {"id"}
    for uri in (definition["buildType"], found["runDetails"]["builder"]["id"]):
        assert uri.startswith("urn:spark-images:")
    for each in definition["resolvedDependencies"]:
        assert each.keys() <= {"name", "uri", "digest", "annotations"}
        assert each.keys() & {"uri", "digest"}, "a descriptor needs one of them"


def test_equal_predicates_have_equal_texts() -> None:
    assert predicates.text({"a": 1, "b": "ü"}) == predicates.text({"b": "ü", "a": 1})


def test_the_same_input_gives_the_same_bytes(full: Tree) -> None:
    one, other = (predicates.text(predicate(full, "9.0-gpu-lake")) for _ in range(2))
    assert one == other
    assert json.loads(one) == predicate(full, "9.0-gpu-lake")
    reordered = replace(BILL, components=BILL.components[::-1])
    project = full.load()
    cell = cell_of(project.matrix, "9.0-gpu-lake")
    assert predicates.text(provenance.predicate(project, cell, reordered, COMMIT, root=full.root)) == one


MARK = "trace-of-this-host"
VARIABLES = (
    "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PIP_INDEX_URL", "PIP_CERT", "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "UV_INDEX_URL", "NPM_CONFIG_REGISTRY", "GOPROXY", "DOCKER_HOST", "USER",
    "LOGNAME", "HOSTNAME", "MAVEN_OPTS", "SPARK_IMAGES_REGISTRY",
)  # fmt: skip


def test_no_fact_comes_from_the_host(full: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable, f"http://{MARK}:3128")
    monkeypatch.setenv("HOME", str(tmp_path / MARK))
    monkeypatch.setattr(socket, "gethostname", lambda: MARK)
    monkeypatch.setattr(getpass, "getuser", lambda: MARK)
    environment = {"SPARK_IMAGES_REGISTRY": f"{MARK}.example:5000/team", "SPARK_IMAGES_TAG": f"{MARK}-tag"}
    text = predicates.text(predicate(full, "9.0-gpu-lake", environment=environment))
    assert "pkg:pypi/pandas@2.0" in text, "the predicate names what the locks name"
    for trace in (MARK, str(full.root), str(Path.home()), "/tmp", "://"):
        assert trace not in text, trace
