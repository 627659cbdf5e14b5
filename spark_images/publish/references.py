"""References to images in a registry: `registry.example:5000/team/spark:4.1`, or the same with a digest."""

import re
from dataclasses import dataclass, replace

from spark_images.errors import UsageError
from spark_images.matrix import reference

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
EXAMPLE = "registry.example:5000/team"


@dataclass(frozen=True)
class Reference:
    """An image in a registry: the registry's host with its port, and the repository's path, tag and digest."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def repository(self) -> str:
        """The reference without tag and digest."""
        return f"{self.host}/{self.path}"

    def at(self, digest: str) -> "Reference":
        """Returns the reference by digest, without a tag."""
        return replace(self, tag="", digest=digest)

    @property
    def is_local(self) -> bool:
        """Whether the registry is on this machine. Docker and cosign then use HTTP."""
        name = self.host.partition(":")[0]
        return name == "localhost" or re.fullmatch(r"127(\.\d+){3}", name) is not None

    def __str__(self) -> str:
        if self.digest:
            return f"{self.repository}@{self.digest}"
        return f"{self.repository}:{self.tag}" if self.tag else self.repository


def parse(text: str) -> Reference:
    """Returns the reference in `text`. Raises UsageError if it names no registry, or no image in it."""
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise UsageError(f'"{text}": the digest is "{digest}": expected sha256: and 64 hexadecimal digits')
    host, slash, rest = name.partition("/")
    path, colon, tag = rest.partition(":")
    _check_host(host if slash else "", text)
    try:
        reference.alias(f"{path}:{tag if colon else 'latest'}")
    except ValueError as error:
        raise UsageError(f'"{text}": the part after the registry {error}') from None
    return Reference(host, path, tag or ("" if digest else "latest"), digest)


def prefix(given: str) -> str:
    """Returns the prefix of each reference, with a slash at its end. Raises UsageError if it names no registry."""
    try:
        checked = reference.registry(given)
    except ValueError as error:
        raise UsageError(f"--registry {error}") from None
    _check_host(checked.partition("/")[0], given)
    return checked


def _check_host(host: str, text: str) -> None:
    # As in Docker: the first part of a name is a host only if it looks like one.
    if not ("." in host or ":" in host or host == "localhost"):
        raise UsageError(f'"{text}" names no registry: expected its host first, for example "{EXAMPLE}"')
