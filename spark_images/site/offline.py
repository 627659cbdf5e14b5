"""Reads the built pages: nothing on them comes from another machine, and every local target exists."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {("link", "href"), ("use", "href"), ("image", "href"), ("object", "data"), ("video", "poster")}
"""Attributes with an address that a browser loads by itself. Every `src` is one too."""

IN_STYLE = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")
NOT_LOADED = {"canonical", "next", "prev", "alternate", "license"}
"""Values of `rel` in a `<link>` that load nothing."""


class _Addresses(HTMLParser):
    """Collects the addresses on a page: those that a browser loads, and those that a reader can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        for name, value in values.items():
            if name == "href" and (tag == "a" or (tag == "link" and values.get("rel") in NOT_LOADED)):
                self.linked.append(value)
            elif name == "src" or (tag, name.removeprefix("xlink:")) in LOADED:
                self.loaded.append(value)
            elif name == "srcset":
                self.loaded += [part.split()[0] for part in value.split(",") if part.strip()]


def faults(site: Path) -> list[str]:
    """Returns a sentence for each address in the built site that is on another machine, or that does not exist."""
    found = [
        f"{file.relative_to(site)} loads {address} from another machine: keep a copy in the repository"
        for file in sorted(site.rglob("*.css"))
        for address in IN_STYLE.findall(file.read_text())
    ]
    for page in sorted(site.rglob("*.html")):
        found += [f"{page.relative_to(site)} {fault}" for fault in _faults_of(page, site)]
    return found


def _faults_of(page: Path, site: Path) -> Iterator[str]:
    text = page.read_text()
    addresses = _Addresses()
    addresses.feed(text)
    for address in [*addresses.loaded, *IN_STYLE.findall(text)]:
        if _elsewhere(address):
            yield f"loads {address} from another machine: keep a copy in the repository"
    for address in [*addresses.loaded, *addresses.linked]:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or not parts.path:
            continue
        # The page for an address that does not exist is shown at any depth, so its addresses start at the top.
        base = site if parts.path.startswith("/") else page.parent
        target = base / unquote(parts.path).lstrip("/")
        if not (target.is_file() or (target / "index.html").is_file()):
            yield f"refers to {address}, which does not exist"


def _elsewhere(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https")
