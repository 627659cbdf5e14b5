"""A mirror of the real sources, as in a company network: HTTPS with a certificate of the network's own CA."""

import re
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

ABSOLUTE_ADDRESS = re.compile(rb"(https?)://([^/\"'<> ]+)/")
REWRITTEN = ("text/html", "application/vnd.pypi")


class Mirror:
    """Serves <scheme>://<host>/<path> at /<scheme>/<host>/<path>. `seen` contains the hosts of all requests."""

    def __init__(self, address: str) -> None:
        self.authority = trustme.CA(organization_name="Intercepting Network")
        self.seen: set[str] = set()
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(address).configure_cert(context)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"https://{address}:{self._server.server_port}"

    def of(self, address: str) -> str:
        """Returns the mirror's address for an address of the real source."""
        return ABSOLUTE_ADDRESS.sub(rf"{self.address}/\1/\2/".encode(), address.encode()).decode()

    def bundle(self, file: Path, system: Path) -> Path:
        """Writes a CA bundle with the CAs of the system and of the mirror. Returns its path."""
        file.write_bytes(system.read_bytes() + b"\n" + self.authority.cert_pem.bytes())
        return file

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        yield
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                scheme, host, path = self.path.lstrip("/").split("/", 2)
                mirror.seen.add(host)
                headers = {name: self.headers[name] for name in ("Accept", "User-Agent") if name in self.headers}
                request = urllib.request.Request(f"{scheme}://{host}/{path}", headers=headers)  # noqa: S310
                try:
                    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
                        content, kind = response.read(), response.headers.get("Content-Type", "")
                        status = response.status
                except urllib.error.HTTPError as error:
                    content, kind, status = b"", "", error.code
                if kind.startswith(REWRITTEN):
                    content = ABSOLUTE_ADDRESS.sub(rf"{mirror.address}/\1/\2/".encode(), content)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_HEAD = do_GET  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler
