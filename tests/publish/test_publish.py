"""`inv publish` and `inv verify` against a real registry: Debian's, on the loopback address."""

import json
import os
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
import trustme

from spark_images import ROOT
from spark_images.attest import vex
from spark_images.checks import records
from spark_images.engine import daemon
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Cell
from spark_images.plan.project import Project
from spark_images.publish import cosign, publish, references, statements
from spark_images.publish.cosign import Signer
from spark_images.publish.publish import Published
from tests.integration.conftest import Image, local_image
from tests.publish.conftest import PASSWORD, Registry, inv, repository, running, verified

LOGIN = "tester:$2b$04$WuJO7bHelvNafYn1kk4bfesQM3jBTYkkXSoHtrIN5tGjW10B7p0pa"
"""A user of the registry, and the hash of PASSWORD, as htpasswd writes them."""


def flags(cell: Cell) -> Sequence[str]:
    return ("--spark", cell.spark, "--variant", cell.variant, "--image", cell.image, "--untested", cell.key, "--dirty")


def test_each_image_has_its_tags(published: Mapping[str, Published], project: Project, registry: Registry) -> None:
    for cell in (cell for cell in project.matrix.buildable if cell.key in published):
        image = published[cell.key]
        aliases = [alias for _, alias in project.matrix.alias_templates(cell)]
        assert {f"team/{alias}" for alias in aliases} <= set(registry.tags)
        assert image.tags[0].endswith(image.configuration.removeprefix("sha256:")[:12])
        assert image.state == "published"
        for tag in image.tags:
            found = repository(image).manifest(tag)
            assert found is not None
            assert image.image.endswith(f"@{found.digest}")


def test_the_configuration_is_that_of_the_tested_image(
    first: Published, cells: Sequence[Cell], project: Project
) -> None:
    configuration = json.loads(b"".join(repository(first).blob(first.configuration)))
    local = daemon.find(project.matrix.tag(cells[0].name))
    assert local is not None
    assert configuration["rootfs"]["diff_ids"] == local.attrs["RootFS"]["Layers"]
    assert configuration["config"]["Labels"] == local.labels


def test_a_pulled_image_runs(first: Published, cells: Sequence[Cell]) -> None:
    daemon.client().images.pull(first.image)
    try:
        image = local_image(first.image)
        result = image.run("spark-sql", "-e", "SELECT concat('answer ', 6 * 7)", user="1000660000:0")
        assert "answer 42" in result.stdout
        assert image.labels["spark-images.cell"] == cells[0].key
    finally:
        daemon.client().images.remove(first.image)


def test_a_shared_layer_is_stored_once(published: Mapping[str, Published], registry: Registry) -> None:
    layers = {layer for image in published.values() for layer in _layers(image)}
    assert len(layers) < sum(len(set(_layers(image))) for image in published.values())
    assert set(map(registry.blob, layers)) <= set(registry.files(r"/blobs/"))


def _layers(image: Published) -> list[str]:
    manifest = repository(image).manifest(image.image.partition("@")[2])
    assert manifest is not None
    return [layer["digest"] for layer in json.loads(manifest.text)["layers"]]


def test_verify_finds_everything(published: Mapping[str, Published], keys: Path) -> None:
    for image in published.values():
        by_tag = image.image.partition("@")[0] + ":" + image.tags[1]
        found = verified(by_tag, keys / "cosign.pub")
        assert set(found) == {"signature", *statements.NAMES.values(), "layers"}
        assert not [text for text in found.values() if text.startswith("FAILED")]


def test_a_second_run_changes_nothing(
    published: Mapping[str, Published], cells: Sequence[Cell], project: Project, registry: Registry, keys: Path
) -> None:
    before = registry.files("")
    order = publish.order(project, cells, f"{registry.host}/team", dirty=True)
    found = publish.publish(project, order, Signer(str(keys / "cosign.key")))
    assert [(each.state, each.image, each.tags) for each in found] == [
        ("unchanged", published[cell.key].image, published[cell.key].tags) for cell in cells
    ]
    assert registry.files("") == before


def test_another_key_is_refused(first: Published, keys: Path) -> None:
    found = verified(first.image, keys / "other/cosign.pub")
    assert found["signature"].startswith("FAILED: ")
    assert all(found[name].startswith("FAILED: ") for name in statements.NAMES.values())
    assert not found["layers"].startswith("FAILED")


def test_a_changed_layer_is_found(first: Published, registry: Registry, keys: Path) -> None:
    layer = _layers(first)[-1]
    with registry.changed(layer):
        found = verified(first.image, keys / "cosign.pub")
    assert found["layers"].startswith("FAILED: ")
    assert layer in found["layers"]


def test_a_changed_manifest_is_found(first: Published, registry: Registry, keys: Path) -> None:
    digest = first.image.partition("@")[2]
    with registry.changed(digest):
        result = inv("verify", first.image, "--key", str(keys / "cosign.pub"))
    assert result.exit_code == 1
    # This registry compares the digest itself. For others, the unit tests have one that does not.
    assert f"the manifest {digest} cannot be read: the registry answers 500" in result.stderr


@pytest.mark.parametrize("suffix", ["sig", "att"])
def test_the_signature_of_another_image_does_not_count(
    first: Published, second: Published, keys: Path, suffix: str
) -> None:
    def tag(image: Published) -> str:
        return f"sha256-{image.image.rpartition(':')[2]}.{suffix}"

    own, other = repository(first).manifest(tag(first)), repository(second).manifest(tag(second))
    assert own is not None
    assert other is not None
    for layer in json.loads(other.text)["layers"]:
        assert repository(first).mount(layer["digest"], repository(second))
    assert repository(first).mount(json.loads(other.text)["config"]["digest"], repository(second))
    repository(first).set_manifest(tag(first), other)
    try:
        found = verified(first.image, keys / "cosign.pub")
    finally:
        repository(first).set_manifest(tag(first), own)
    attached = {statements.NAMES[kind] for kind in first.attestations}
    # Without a valid signature, no one knows whether the image has a VEX document.
    expected = attached if suffix == "att" else {"signature", *({statements.NAMES[vex.TYPE]} - attached)}
    assert {name for name, text in found.items() if text.startswith("FAILED")} == expected


def test_an_sbom_without_a_layer_is_found(first: Published, keys: Path) -> None:
    image, trust = references.parse(first.image), cosign.Trust(str(keys / "cosign.pub"))
    by = Signer(str(keys / "cosign.key"))
    (whole,) = cosign.attestations(image, trust, statements.CYCLONEDX)
    changed = json.loads(json.dumps(whole))
    layers = changed["metadata"]["component"]["properties"]
    left = next(each for each in layers if each["name"].endswith(":layer:03"))
    layers.remove(left)
    cosign.attest(image, by, statements.CYCLONEDX, json.dumps(changed))
    try:
        found = verified(first.image, keys / "cosign.pub")
    finally:
        cosign.attest(image, by, statements.CYCLONEDX, json.dumps(whole))
    text = found[statements.NAMES[statements.CYCLONEDX]]
    assert text.startswith("FAILED: the SBOM does not account for 1 layer")
    assert left["value"].partition(" ")[0] in text


def test_a_killed_upload_leaves_no_tag_and_the_next_one_continues(
    cells: Sequence[Cell], registry: Registry, keys: Path
) -> None:
    command = ["publish", *flags(cells[0]), "--registry", f"{registry.host}/killed", "--key", str(keys / "cosign.key")]
    variables = {**os.environ, cosign.PASSWORD: PASSWORD}
    process = subprocess.Popen([sys.executable, "-m", "invoke", *command], cwd=ROOT, env=variables)
    deadline = time.monotonic() + 120
    while not (begun := registry.files(r"/repositories/killed/.+/_layers/")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert begun
    assert not [tag for tag in registry.tags if tag.startswith("killed/")]

    assert inv(*command).exit_code == 0
    assert [tag for tag in registry.tags if tag.startswith("killed/")]


def test_an_image_without_a_signature_gets_no_tag(
    cells: Sequence[Cell], registry: Registry, keys: Path, tmp_path: Path
) -> None:
    real = subprocess.run(["which", "cosign"], capture_output=True, text=True, check=True).stdout.strip()
    fake = tmp_path / "cosign"
    fake.write_text(
        f'#!/bin/sh\n[ "$1" != sign ] || {{ echo "Error: no signature today" >&2; exit 1; }}\nexec {real} "$@"\n'
    )
    fake.chmod(0o755)
    arguments = ("--registry", f"{registry.host}/unsigned", "--key", str(keys / "cosign.key"))
    result = inv("publish", *flags(cells[0]), *arguments, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert result.exit_code == 1
    assert "no signature today" in result.stderr
    assert not [tag for tag in registry.tags if tag.startswith("unsigned/")]


def test_a_registry_that_does_not_answer_is_an_error(cells: Sequence[Cell], keys: Path) -> None:
    arguments = ("--registry", "127.0.0.1:1/team", "--key", str(keys / "cosign.key"))
    result = inv("publish", *flags(cells[0]), *arguments)
    assert result.exit_code == 1
    assert "the registry 127.0.0.1:1 does not answer" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_full_registry_is_an_error_and_has_no_tag(cells: Sequence[Cell], server: Image, keys: Path) -> None:
    with running(server, tmpfs={"/tmp": "size=40m,mode=1777"}) as registry:
        arguments = ("--registry", f"{registry.host}/team", "--key", str(keys / "cosign.key"))
        result = inv("publish", *flags(cells[0]), *arguments)
        assert result.exit_code == 1
        assert "the registry answers 5" in result.stderr
        assert not registry.tags


def test_a_login_is_used_and_a_refused_one_is_an_error(
    cells: Sequence[Cell], server: Image, keys: Path, tmp_path: Path
) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    files = {"tls.crt": certificate.cert_chain_pems[0].bytes(), "tls.key": certificate.private_key_pem.bytes()}
    environment = {"LOGIN": LOGIN, "CERTIFICATE": "/tls/tls.crt", "KEY": "/tls/tls.key"}
    with (
        server.volume(files) as volume,
        running(server, environment, volumes={volume: {"bind": "/tls", "mode": "ro"}}) as registry,
    ):
        arguments = ("--registry", f"{registry.host}/team", "--key", str(keys / "cosign.key"))
        variables = {"SSL_CERT_FILE": str(ca), "DOCKER_CONFIG": str(tmp_path)}
        refused = inv("publish", *flags(cells[0]), *arguments, **variables)
        assert refused.exit_code == 1
        assert f"run `docker login {registry.host}`" in refused.stderr

        login = {"auths": {registry.host: {"auth": b64encode(f"tester:{PASSWORD}".encode()).decode()}}}
        (tmp_path / "config.json").write_text(json.dumps(login))
        assert inv("publish", *flags(cells[0]), *arguments, **variables).exit_code == 0
        assert registry.tags


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--key", "missing.key", "--registry", "r.example/team"), 2, "--key missing.key: there is no such file"),
        (("--registry", "r.example/team"), 2, "name who signs"),
        (("--key", "k"), 2, "no registry"),
        (("--key", "k", "--registry", "team"), 2, '"team" names no registry'),
        (("--key", "k", "--registry", "https://r.example/team"), 2, 'did you mean "r.example/team"'),
        (("--untested", "9.9", "--dry-run", "--registry", "r.example"), 2, 'unknown cell "9.9"'),
    ],
)
def test_wrong_flags_are_explained(cells: Sequence[Cell], arguments: Sequence[str], code: int, message: str) -> None:
    result = inv("publish", *flags(cells[0]), *arguments)
    assert (result.exit_code, message in result.stderr) == (code, True)


def test_a_wrong_password_is_explained(cells: Sequence[Cell], registry: Registry, keys: Path) -> None:
    arguments = ("--registry", f"{registry.host}/team", "--key", str(keys / "cosign.key"))
    result = inv("publish", *flags(cells[0]), *arguments, COSIGN_PASSWORD="wrong")
    assert result.exit_code == 1
    assert "the password of the key" in result.stderr


def test_an_image_without_records_is_refused(
    cells: Sequence[Cell],
    project: Project,
    registry: Registry,
    keys: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    order = publish.order(project, cells, f"{registry.host}/untested", dirty=True)
    with pytest.raises(
        SparkImagesError, match=rf"no session has tested this image .* or pass --untested {cells[0].key}"
    ):
        publish.publish(project, order, Signer(str(keys / "cosign.key")))
    assert not registry.files("/repositories/untested/")
