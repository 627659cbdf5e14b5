"""`inv scan` with the real grype and a database of made-up advisories."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from packageurl import PackageURL

from spark_images import ROOT, files
from spark_images.sbom import cyclonedx
from spark_images.sbom.bill import Bill
from spark_images.sbom.components import Component, Kind, Layer
from spark_images.scan import grype
from tests.scan.database import Advisory, archive

IMAGE = "spark-k8s-spark-9.9.9"
JAR = Advisory("GHSA-0000-0000-0001", "java-archive", "org.example:made-up", "2.0.0", cve="CVE-2000-0001")
SHADED = Advisory("GHSA-0000-0000-0002", "java-archive", "org.example:shaded", "2.0.0", fixed=False)
WHEEL = Advisory("GHSA-0000-0000-0003", "python", "made-up-wheel", "2.0", fixed=False)
PACKAGE = Advisory("CVE-2000-0004", "deb", "made-up-source", "1.0-2", fixed=False)
JDK = Advisory("CVE-2000-0006", "deb", "openjdk-17", "17.0.2-1", fixed=False)
ALL = (JAR, SHADED, WHEEL, PACKAGE, JDK)


def component(kind: Kind, purl: str, path: str, layer: str, **more: Any) -> Component:
    url = PackageURL.from_string(purl)
    at = Layer(f"sha256:{'a' * 64}", layer)
    return Component(kind, purl, url.name, url.version or "", "MIT", at, (path,), group=url.namespace or "", **more)


BILL = Bill(
    IMAGE,
    "A made-up image",
    "9.9.9",
    datetime(2026, 1, 2, tzinfo=UTC),
    (),
    (
        component(Kind.JAR, "pkg:maven/org.example/made-up@1.0.0", "/opt/made-up.jar", "made-up-layer"),
        component(
            Kind.SHADED,
            "pkg:maven/org.example/shaded@1.0.0",
            "/opt/made-up.jar!/META-INF/maven/org.example/shaded/pom.properties",
            "made-up-layer",
            within="/opt/made-up.jar",
        ),
        component(Kind.PYTHON, "pkg:pypi/made-up-wheel@1.0.0", "/made-up/METADATA", "wheels"),
        component(
            Kind.DEBIAN,
            "pkg:deb/debian/libmade-up@1.0-1?arch=amd64&distro=debian-12&upstream=made-up-source",
            "/var/lib/dpkg/info/libmade-up.list",
            "os-12",
        ),
        component(
            Kind.JDK,
            "pkg:deb/debian/openjdk-17-jre-headless@17.0.1-1?distro=debian-12&upstream=openjdk-17",
            "/usr/lib/jvm/java/lib/server/libjvm.so",
            "jdk",
        ),
    ),
)


@pytest.fixture(scope="module")
def tool() -> Path:
    """grype: from PATH, or built from locked Go modules, which takes minutes once."""
    if not shutil.which("grype") and not shutil.which("go"):
        pytest.skip("no grype on PATH, and no Go to build it with")
    return grype.find()


@pytest.fixture
def sbom(tmp_path: Path) -> Path:
    file = tmp_path / f"{IMAGE}{cyclonedx.SUFFIX}"
    files.write(file, cyclonedx.text(BILL))
    return file


def database(tool: Path, folder: Path, *advisories: Advisory) -> Path:
    """Returns a folder with a database that `grype db import` made."""
    (folder / "made").mkdir()
    environment = {**os.environ, "GRYPE_DB_CACHE_DIR": str(folder / "database"), "GRYPE_CHECK_FOR_APP_UPDATE": "false"}
    packed = archive(folder / "made", advisories)
    subprocess.run([tool, "db", "import", str(packed)], env=environment, check=True, timeout=120)
    return folder / "database"


def scan(tool: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the task as a user does."""
    # The task takes this grype, also if it was built.
    path = f"{tool.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["inv", "scan", *map(str, arguments)]
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def document(file: Path, vulnerability: str, product: str, status: str) -> Path:
    said = {"vulnerability": {"name": vulnerability}, "products": [{"@id": product}], "status": status}
    file.write_text(json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "statements": [said]}))
    return file


def test_a_jar_with_a_fix_fails_and_everything_is_in_the_table(tool: Path, sbom: Path, tmp_path: Path) -> None:
    done = scan(tool, "--sbom", sbom, "--database", database(tool, tmp_path, *ALL))
    assert done.returncode == 1, done.stderr
    rows = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert rows[1].startswith(f"{IMAGE} {JAR.name} High org.example:made-up 1.0.0 2.0.0 made-up-layer")
    for advisory, words in (
        (SHADED, "org.example:shaded 1.0.0 made-up-layer"),
        (WHEEL, "made-up-wheel 1.0.0 wheels"),
        (PACKAGE, "libmade-up 1.0-1 os-12"),
        (JDK, "openjdk-17-jre-headless 17.0.1-1 jdk"),
    ):
        assert any(row.startswith(f"{IMAGE} {advisory.name} High {words}") for row in rows), done.stdout
    assert rows[-1] == "1 with a fix and without a VEX statement, 4 without a fix, 0 excused by VEX"


@pytest.mark.parametrize(("status", "code"), [("not_affected", 0), ("fixed", 0), ("under_investigation", 1)])
def test_a_statement_about_the_cve_excuses_the_advisory(
    tool: Path, sbom: Path, tmp_path: Path, status: str, code: int
) -> None:
    vex = document(tmp_path / "vex.json", JAR.cve, "pkg:maven/org.example/made-up@1.0.0", status)
    done = scan(tool, "--sbom", sbom, "--database", database(tool, tmp_path, JAR), "--vex", vex, "--json")
    assert done.returncode == code, done.stderr
    (finding,) = json.loads(done.stdout)
    assert finding["vulnerability"] == JAR.name
    assert finding["vex"] == status


def test_a_statement_about_another_component_excuses_nothing(tool: Path, sbom: Path, tmp_path: Path) -> None:
    vex = document(tmp_path / "vex.json", JAR.cve, "pkg:maven/org.example/other@1.0.0", "not_affected")
    done = scan(tool, "--sbom", sbom, "--database", database(tool, tmp_path, JAR), "--vex", vex)
    assert done.returncode == 1, done.stderr


@pytest.mark.parametrize("advisory", [SHADED, WHEEL, PACKAGE, JDK])
def test_a_finding_without_a_fix_is_reported_and_does_not_fail(
    tool: Path, sbom: Path, tmp_path: Path, advisory: Advisory
) -> None:
    done = scan(tool, "--sbom", sbom, "--database", database(tool, tmp_path, advisory))
    assert done.returncode == 0, done.stderr
    assert advisory.name in done.stdout


def test_a_newer_version_is_not_found(tool: Path, sbom: Path, tmp_path: Path) -> None:
    old = Advisory("GHSA-0000-0000-0005", "java-archive", "org.example:made-up", "0.9.0")
    done = scan(tool, "--sbom", sbom, "--database", database(tool, tmp_path, old))
    assert done.returncode == 0, done.stderr
    assert old.name not in done.stdout


def test_without_a_network_the_exit_code_is_3_although_an_old_database_exists(
    tool: Path, sbom: Path, tmp_path: Path
) -> None:
    old = database(tool, tmp_path)
    # Nothing listens on this port of this machine.
    done = scan(
        tool, "--sbom", sbom, GRYPE_DB_CACHE_DIR=str(old), GRYPE_DB_UPDATE_URL="http://127.0.0.1:9/v6/latest.json"
    )
    assert done.returncode == 3, done.stdout
    assert done.stderr.startswith("error: no vulnerability is known, because grype cannot fetch its database:")
    assert done.stderr.strip().endswith("--database FOLDER")


def test_a_folder_without_a_database_is_wrong_usage(tool: Path, sbom: Path, tmp_path: Path) -> None:
    done = scan(tool, "--sbom", sbom, "--database", tmp_path / "nothing")
    assert done.returncode == 2, done.stdout
    assert "has no database of grype" in done.stderr
