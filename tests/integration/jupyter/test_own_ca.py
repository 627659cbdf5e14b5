"""The kernels of a notebook server trust a mounted PEM file."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import HARDENED, RANDOM_UID, Image
from tests.integration.jupyter.server import Kernel, serve
from tests.integration.own_ca import PAGE, Private, private_server

pytestmark = pytest.mark.shared

CLIENTS = {
    "urllib": "import urllib.request; print(urllib.request.urlopen(url, timeout=10).read().decode())",
    "requests": "import requests; print(requests.get(url, timeout=10).text)",
    "JVM": "print(bytes(spark._jvm.java.net.URL(url).openStream().readAllBytes()).decode())",
    "gRPC": "import grpc; channel = grpc.secure_channel(address, grpc.ssl_channel_credentials());"
    "grpc.channel_ready_future(channel).result(timeout=15); print(page)",
}


@pytest.fixture(scope="module")
def private(image: Image) -> Iterator[Private]:
    with private_server(image) as running:
        yield running


def prepare(kernel: Kernel, private: Private) -> None:
    """Gives the kernel a Spark session and the names that the clients use."""
    names = f"url, address, page = {(private.url, private.grpc, PAGE)!r}\n"
    code = "from pyspark.sql import SparkSession\nspark = SparkSession.builder.getOrCreate()"
    assert not kernel.run(names + code).error


def test_kernel_trusts_the_mounted_ca(image: Image, private: Private) -> None:
    how = {**HARDENED, "user": RANDOM_UID, "network": private.network, "volumes": private.mount}
    with serve(image, **how) as running, running.kernel() as kernel:
        prepare(kernel, private)
        for client, code in CLIENTS.items():
            assert PAGE in kernel.run(code).text, client


def test_kernel_refuses_an_unknown_ca(image: Image, private: Private) -> None:
    with serve(image, network=private.network, **HARDENED) as running, running.kernel() as kernel:
        prepare(kernel, private)
        errors = {client: kernel.run(code).error for client, code in CLIENTS.items()}
    assert "CERTIFICATE_VERIFY_FAILED" in errors["urllib"]
    assert "CERTIFICATE_VERIFY_FAILED" in errors["requests"]
    assert "PKIX path building failed" in errors["JVM"]
    assert "FutureTimeoutError" in errors["gRPC"]
