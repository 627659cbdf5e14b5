"""A server whose certificate a CA of the test has signed, in a container of the image on a private network."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from tests.integration.conftest import HARDENED, Image, Service, network

PAGE = "served with a certificate of the test's own CA"
CA_FILE = "/etc/spark-ca/ca.pem"

SERVER = """
import asyncio, ssl

PAGE = b"{page}"
ANSWER = b"HTTP/1.0 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(PAGE), PAGE)

def context(*protocols):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain("{certificate}")
    made.set_alpn_protocols(protocols)
    return made

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(ANSWER)
    await writer.drain()
    writer.close()

async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()

async def forward(reader, writer):
    to_reader, to_writer = await asyncio.open_connection("127.0.0.1", 15002)
    await asyncio.gather(copy(reader, to_writer), copy(to_reader, writer), return_exceptions=True)

async def main():
    await asyncio.start_server(answer, port=8443, ssl=context("http/1.1"))
    await asyncio.start_server(forward, port=15443, ssl=context("h2"))
    print("{listens}", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
"""Answers HTTPS on port 8443. Forwards TLS on port 15443 to Spark Connect on port 15002, as an ingress would."""

LISTENS = "the TLS server listens"


def server(certificate: str) -> str:
    """Returns the Python program of the server. `certificate` is the path of its certificate and key."""
    return SERVER.replace("{page}", PAGE).replace("{certificate}", certificate).replace("{listens}", LISTENS)


@dataclass(frozen=True)
class Private:
    """The server, its network and name, the PEM file of its CA, and a volume that contains this file as ca.pem."""

    service: Service
    network: str
    name: str
    pem: str
    volume: str

    @property
    def url(self) -> str:
        return f"https://{self.name}:8443/page"

    @property
    def grpc(self) -> str:
        return f"{self.name}:15443"

    @property
    def mount(self) -> dict[str, dict[str, str]]:
        """The `volumes` with which a container trusts the CA."""
        return {self.volume: {"bind": "/etc/spark-ca", "mode": "ro"}}


@contextmanager
def private_server(image: Image) -> Iterator[Private]:
    """Starts the server with Spark Connect behind it, waits until both are ready, and yields it.

    The PEM file contains two CAs: an unrelated one, then that of the server.
    """
    with network() as network_name, ExitStack() as stack:
        name = f"{network_name}-server"
        authority = trustme.CA(organization_name="Own CA of the test")
        certificate = authority.issue_cert(name).private_key_and_cert_chain_pem.bytes()
        others = trustme.CA(organization_name="Another CA").cert_pem.bytes()
        pem = (others + authority.cert_pem.bytes()).decode()
        files: dict[str, str | Path | bytes] = {
            "server.py": server("/mnt/server.pem"),
            "server.pem": certificate,
        }
        mounts = {stack.enter_context(image.volume(files)): {"bind": "/mnt", "mode": "ro"}}
        command = ("bash", "-c", "/opt/entrypoint.sh connect & exec python3 /mnt/server.py")
        options: dict[str, Any] = {**HARDENED, "volumes": mounts, "network": network_name, "name": name}
        service = stack.enter_context(image.start(*command, **options))
        service.wait_for(LISTENS)
        service.wait_for("Spark Connect server started at")
        trusted = stack.enter_context(image.volume({"ca.pem": pem}))
        yield Private(service, network_name, name, pem, trusted)
