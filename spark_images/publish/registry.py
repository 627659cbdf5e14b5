"""One repository of a registry: its manifests, tags and blobs, by the OCI distribution specification.

A registry on this machine may have no TLS, as for Docker and cosign.
"""

import hashlib
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests

from spark_images.engine import host
from spark_images.errors import SparkImagesError
from spark_images.publish.login import Login
from spark_images.publish.references import Reference

T = TypeVar("T")

TIMEOUT = 30
"""Seconds that the registry may take to accept a connection, or to send the next bytes of an answer."""

PAUSES = (1, 2, 4)
"""Seconds before each further attempt of a request that failed for a reason that can pass."""

BLOCK = 1 << 20

HOSTS = {"docker.io": "registry-1.docker.io"}
"""Docker's own registry answers at another host than that of its references."""

TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
"""The media types of manifests and indexes."""


@dataclass(frozen=True)
class Manifest:
    """A manifest: its text, and the digest of the text."""

    text: str

    @property
    def digest(self) -> str:
        """The digest of the manifest, computed from its text."""
        return f"sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"


class Repository:
    """A repository of a registry. Each method raises SparkImagesError if the registry fails or refuses the request."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        scheme = "http" if reference.is_local and not _has_tls(reference.host) else "https"
        self._root = f"{scheme}://{HOSTS.get(reference.host, reference.host)}/v2/{reference.path}/"
        self._session = requests.Session()
        self._session.auth = Login(reference.host, self._root, TIMEOUT)
        # requests prefers REQUESTS_CA_BUNDLE to the bundle of a session, but not to that of a request.
        self._ca = str(host.ca_bundle() or "") or True

    def manifest(self, name: str) -> Manifest | None:
        """Returns the manifest with this tag or digest, or None if there is no such manifest.

        Raises SparkImagesError if the content does not have the digest that was asked for.
        """
        headers = {"Accept": ", ".join(TYPES)}
        answer = self._patiently(f"the manifest {name} cannot be read", "GET", f"manifests/{name}", headers=headers)
        if answer is None:
            return None
        if not _is_object(answer.content):
            raise SparkImagesError(
                f"{self.reference.repository}: the manifest {name} cannot be read: the answer of {self.reference.host} "
                "is not a manifest: correct the name of the registry"
            )
        found = Manifest(answer.content.decode())
        if name.startswith("sha256:") and found.digest != name:
            raise SparkImagesError(f"{self.reference.at(name)}: the registry serves another manifest: {found.digest}")
        return found

    def set_manifest(self, name: str, manifest: Manifest) -> None:
        """Stores a manifest under a tag or its digest."""
        headers = {"Content-Type": json.loads(manifest.text)["mediaType"]}
        content = manifest.text.encode()
        self._patiently(f"{name} cannot be set", "PUT", f"manifests/{name}", data=content, headers=headers)

    def has(self, digest: str) -> bool:
        """Returns whether the repository has a blob."""
        return self._patiently(f"the blob {digest} cannot be looked up", "HEAD", f"blobs/{digest}") is not None

    def upload(self, file: Path, digest: str) -> None:
        """Uploads a blob, unless the repository has it."""
        if self.has(digest):
            return

        def put() -> None:
            begun = self._send("POST", "blobs/uploads/")
            address = self._secured(urljoin(begun.url, begun.headers.get("Location", "")))
            with file.open("rb") as content:
                headers = {"Content-Type": "application/octet-stream"}
                self._send("PUT", address, params={"digest": digest}, data=content, headers=headers)

        self._try(f"the blob {digest} cannot be uploaded", put)

    def mount(self, digest: str, source: "Repository") -> bool:
        """Takes over a blob of another repository of the registry. Returns False if the registry does not do this."""
        parameters = {"mount": digest, "from": source.reference.path}
        answer = self._patiently(f"the blob {digest} cannot be mounted", "POST", "blobs/uploads/", params=parameters)
        # Otherwise the registry has begun an upload.
        return answer is not None and answer.status_code == HTTPStatus.CREATED

    def blob(self, digest: str) -> Iterator[bytes]:
        """Yields the content of a blob in pieces. Raises SparkImagesError at the end if its digest is another one."""
        content = hashlib.sha256()
        with self._explained(f"the blob {digest} cannot be read"):
            for block in self._send("GET", f"blobs/{digest}", stream=True).iter_content(BLOCK):
                content.update(block)
                yield block
        if digest != f"sha256:{content.hexdigest()}":
            raise SparkImagesError(
                f"{self.reference.repository}: the blob {digest} was changed: its digest is "
                f"sha256:{content.hexdigest()}"
            )

    def _secured(self, address: str) -> str:
        """Returns an address of the registry with the scheme of the others. A proxy that ends TLS can hide it."""
        own, given = urlsplit(self._root), urlsplit(address)
        return given._replace(scheme=own.scheme).geturl() if given.netloc == own.netloc else address

    def _send(self, method: str, path: str, **options: object) -> requests.Response:
        address = urljoin(self._root, path)
        options = {"timeout": TIMEOUT, "verify": self._ca, **options}
        answer = self._session.request(method, address, **options)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer

    def _patiently(self, what: str, method: str, path: str, **options: object) -> requests.Response | None:
        """Sends a request, and again if it fails for a reason that can pass. Returns None if nothing is there."""

        def send() -> requests.Response | None:
            try:
                return self._send(method, path, **options)
            except requests.HTTPError as error:
                if error.response.status_code == HTTPStatus.NOT_FOUND and method in ("GET", "HEAD"):
                    return None
                raise

        return self._try(what, send)

    def _try(self, what: str, request: Callable[[], T]) -> T:
        with self._explained(what):
            for pause in PAUSES:
                try:
                    return request()
                except (requests.ConnectionError, requests.Timeout):
                    pass
                except requests.HTTPError as error:
                    if not _can_pass(error.response.status_code):
                        raise
                time.sleep(pause)
            return request()

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Turns an error of a request into a SparkImagesError that says `what` failed, and why."""
        try:
            yield
        except requests.HTTPError as error:
            raise SparkImagesError(f"{self.reference.repository}: {what}: {self._refusal(error.response)}") from None
        except requests.RequestException as error:
            raise SparkImagesError(
                f"{self.reference.repository}: {what}: the registry {self.reference.host} does not answer: {error}"
            ) from None

    def _refusal(self, answer: requests.Response) -> str:
        code = answer.status_code
        if code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return (
                f"the registry refuses the login ({code}): run `docker login {self.reference.host}` with an account "
                f"that may use {self.reference.path}"
            )
        return f"the registry answers {code}: {_said(answer)}"


def _has_tls(host: str) -> bool:
    """Returns whether a server speaks TLS. Does not check its certificate: each request does."""
    name, _, port = host.partition(":")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((name, int(port or 443)), TIMEOUT) as connection:
            context.wrap_socket(connection, server_hostname=name).close()
    except OSError:  # an SSLError too
        return False
    return True


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False


def _can_pass(code: int) -> bool:
    return code >= HTTPStatus.INTERNAL_SERVER_ERROR or code == HTTPStatus.TOO_MANY_REQUESTS


def _said(answer: requests.Response) -> str:
    """Returns what a registry says about an error, in the format of the OCI distribution specification."""
    try:
        found = json.loads(answer.text)["errors"]
        return "; ".join(
            f"{each['message']}: {each['detail']}" if each.get("detail") else each["message"] for each in found
        )
    except (ValueError, KeyError, TypeError):
        return answer.text.strip() or answer.reason
