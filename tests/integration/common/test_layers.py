"""Nothing of the building machine is in any layer, also not where a later layer hides it."""

import json
import re

import pytest

from spark_images.engine import host
from tests.integration.conftest import Image
from tests.integration.layers import layers

LEFT_BY_TOOLS = re.compile(
    r"^(run/secrets/|root/\.(m2|cache|config)|home/spark/.|var/cache/(apt|debconf)/.|var/lib/apt/lists/.|var/log/."
    r"|etc/(resolv\.conf|hostname|pip\.conf)$|etc/apt/(apt\.conf\.d/99|sources\.list\.d/.)|build/|tmp/.)"
)

EMPTY = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
"""A layer without a file: what a feature that is off leaves."""


@pytest.fixture(scope="module")
def marks() -> dict[str, bytes]:
    """What would give this machine away: texts that its settings hold and Debian's own do not."""
    here = host.read()
    texts = {"a mirror of pip": here.pip.get("index-url", ""), "a proxy": here.proxies.get("https_proxy", "")}
    texts |= {f"apt's {option}": option for option in here.apt.options}
    return {name: text.encode() for name, text in texts.items() if text}


@pytest.mark.own_layers
def test_no_layer_holds_anything_of_the_host(image: Image, marks: dict[str, bytes]) -> None:
    found, files, digests = [], 0, set()
    for digest, member, content in layers(image.reference):
        files += 1
        digests.add(digest)
        path = member.name.removeprefix("./")
        if LEFT_BY_TOOLS.match(path) and member.size:
            found.append(f"{path} is in {digest}")
        found += [f"{name} is in {path} of {digest}" for name, mark in marks.items() if content and mark in content]
    assert found == []
    assert files > 10_000
    assert len(digests) == len(set(image.attributes["RootFS"]["Layers"]) - {EMPTY})


def test_the_trusted_certificates_are_debians(image: Image) -> None:
    """A network that intercepts TLS has a CA of its own on the host: it must not become the image's."""
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


def test_java_trusts_what_the_system_trusts(image: Image) -> None:
    script = (
        "grep -c 'BEGIN CERTIFICATE' /etc/ssl/certs/ca-certificates.crt; keytool -list -cacerts -storepass changeit"
    )
    pem, *listed = image.run("bash", "-c", script).stdout.splitlines()
    assert sum("trustedCertEntry" in line for line in listed) == int(pem)


@pytest.mark.own_layers
def test_the_configuration_names_no_host(image: Image, marks: dict[str, bytes]) -> None:
    text = json.dumps([image.attributes["Config"], image.client.images.get(image.reference).history()])
    assert not [name for name, mark in marks.items() if mark.decode() in text]
    assert "_proxy" not in text.lower()
