"""A Python index and a Maven repository on this machine, for tests."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from spark_images.engine.host import Apt, Host

SIMPLE = "application/vnd.pypi.simple.v1+json"


def sdist(name: str, version: str, uploaded: str | None = None, *, yanked: bool = False) -> dict[str, Any]:
    """Returns a file of a package as an index lists it (PEP 691 and PEP 700)."""
    found = {"filename": f"{name}-{version}.tar.gz", "url": f"{name}-{version}.tar.gz", "hashes": {}, "yanked": yanked}
    return found | ({"upload-time": f"{uploaded}T08:52:04Z"} if uploaded else {})


def simple(name: str, *files: dict[str, Any]) -> str:
    """Returns the page of a package on an index."""
    return json.dumps({"meta": {"api-version": "1.1"}, "name": name, "files": list(files)})


def metadata(*versions: str) -> str:
    """Returns the list of versions of an artefact in a Maven repository."""
    listed = "".join(f"<version>{version}</version>" for version in versions)
    return f"<metadata><versioning><versions>{listed}</versions></versioning></metadata>"


class FakeIndex:
    """Pages by path. Other paths do not exist. `seen` has the path and the credentials of each request."""

    def __init__(self, pages: dict[str, str]) -> None:
        self.pages = pages
        self.seen: list[tuple[str, str]] = []
        self.url = ""


@contextmanager
def serving(pages: dict[str, str]) -> Iterator[FakeIndex]:
    """Serves the pages over HTTP."""
    index = FakeIndex(pages)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.seen.append((self.path, self.headers.get("Authorization", "")))
            text = index.pages.get(self.path)
            self.send_response(404 if text is None else 200)
            self.send_header("Content-Type", SIMPLE if self.path.startswith("/simple/") else "text/xml")
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield index
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def host_of(index: FakeIndex, folder: Path, **pip: str) -> Host:
    """Returns a machine whose pip and Maven use the fake indexes."""
    settings = folder / "settings.xml"
    settings.write_text(
        "<settings><servers><server><id>own</id><username>u</username><password>p</password></server></servers>"
        f"<mirrors><mirror><id>own</id><url>{index.url}/maven/</url><mirrorOf>*</mirrorOf></mirror></mirrors></settings>"
    )
    options = {"index-url": f"{index.url}/simple", **{key.replace("_", "-"): value for key, value in pip.items()}}
    return Host(None, Apt(), options, settings, {})
