"""A proxy that requires a user and a password, as in a company network."""

import base64
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

IDLE = 30
"""Seconds without data after which a tunnel ends."""


class Proxy:
    """Tunnels to any host for one user. `seen` lists the hosts of its tunnels, `refused` those of refused requests."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self.credentials = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.seen: list[str] = []
        self.refused: list[str] = []
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        self.host, self.port = address, self._server.server_port

    @contextmanager
    def running(self) -> Iterator[None]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        yield
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self) -> None:
                host, port = self.path.rsplit(":", 1)
                if self.headers.get("Proxy-Authorization") != proxy.credentials:
                    proxy.refused.append(host)
                    self.send_response(407)
                    self.send_header("Proxy-Authenticate", 'Basic realm="test"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                proxy.seen.append(host)
                with socket.create_connection((host, int(port)), timeout=IDLE) as target:
                    self.send_response(200)
                    self.end_headers()
                    join(self.connection, target)
                self.close_connection = True

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler


def join(one: socket.socket, other: socket.socket) -> None:
    """Copies data in both directions until one side closes."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while ready := selector.select(IDLE):
            for key, _ in ready:
                source: socket.socket = key.fileobj  # type: ignore[assignment]
                data = source.recv(65536)
                if not data:
                    return
                key.data.sendall(data)
