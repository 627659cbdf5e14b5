"""No layer contains anything of the build machine, not even a file that a later layer hides."""

import json

import pytest

from tests.integration.conftest import Image
from tests.integration.layers import Found, Searched, holder, search, sources
from tests.integration.layers import marks as marks_of_this_machine


@pytest.fixture(scope="module")
def marks() -> dict[str, bytes]:
    """Returns the texts that identify this machine."""
    found = marks_of_this_machine()
    assert found
    return found


@pytest.mark.last
@pytest.mark.own_layers
def test_no_layer_contains_anything_of_the_build_machine(image: Image, marks: dict[str, bytes]) -> None:
    """A layer that several images on this machine share is searched only once: see tests/layers."""
    searched = Searched.of(marks)
    wanted = holder(image.reference, image.attributes).layers
    with searched.alone():
        files = {layer: count for layer in wanted if (count := searched.files(layer)) is not None}
        missing = wanted - set(files)
        found = search(sources(image.reference, missing), missing, marks) if missing else Found()
        assert found.sentences == []
        assert len({*found.files, *files}) == len(wanted), "some layers were not searched"
        for layer in wanted & set(found.files):
            searched.add(layer, found.files[layer])
    assert sum(files.values()) + found.files.total() > 10_000


def test_trusted_certificates_are_those_of_debian(image: Image) -> None:
    """The host may trust the CA of a network that intercepts TLS. The image must not trust it."""
    script = """
import json, pathlib
def bodies(text):
    blocks = text.split("-----BEGIN CERTIFICATE-----")[1:]
    return {"".join(block.split("-----END")[0].split()) for block in blocks}
trusted = bodies(pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_text())
packaged = pathlib.Path("/usr/share/ca-certificates").rglob("*.crt")
debian = set().union(*(bodies(path.read_text()) for path in packaged))
print("RESULT " + json.dumps([len(trusted), len(trusted - debian)]))
"""
    count, foreign = image.run("python", "-c", script).json()
    assert count > 100
    assert foreign == 0


def test_java_trusts_the_certificates_of_the_system(image: Image) -> None:
    script = (
        "grep -c 'BEGIN CERTIFICATE' /etc/ssl/certs/ca-certificates.crt; keytool -list -cacerts -storepass changeit"
    )
    pem, *listed = image.run("bash", "-c", script).stdout.splitlines()
    assert sum("trustedCertEntry" in line for line in listed) == int(pem)


@pytest.mark.own_layers
def test_configuration_and_history_contain_nothing_of_the_build_machine(image: Image, marks: dict[str, bytes]) -> None:
    text = json.dumps([image.attributes["Config"], image.client.images.get(image.reference).history()])
    assert not [name for name, mark in marks.items() if mark.decode() in text]
    assert "_proxy" not in text.lower()
