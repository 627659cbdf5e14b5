"""One repository of a registry: its manifests, tags and blobs.

The client is python-dxf, with the credentials that `docker login` keeps. A registry on this machine may have no TLS, as
for Docker and cosign. python-dxf sends no credentials to it then.
"""

import hashlib
import json
import logging
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar, cast

import requests
from docker import auth
from docker.errors import DockerException
from dxf import DXF, DXFBase
from dxf.exceptions import DXFAuthInsecureError, DXFDigestMismatchError, DXFMountFailed

from spark_images.engine.host import CA_VARIABLES
from spark_images.errors import SparkImagesError
from spark_images.publish.references import Reference

logging.getLogger("dxf").setLevel(logging.WARNING)

T = TypeVar("T")

TIMEOUT = 30
"""Seconds that the registry may take to accept a connection, or to send the next bytes of an answer."""

PAUSES = (1, 2, 4)
"""Seconds before each further attempt of a request that failed for a reason that can pass."""

BLOCK = 1 << 20


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
        ca = next((os.environ[name] for name in CA_VARIABLES if os.environ.get(name)), True)
        self._client = DXF(
            reference.host,
            reference.path,
            auth=self._log_in,
            insecure=reference.is_local and not _has_tls(reference.host),
            tlsverify=ca,
            timeout=TIMEOUT,
        )

    def _log_in(self, client: DXFBase, response: requests.Response) -> None:
        try:
            # Docker keeps the credentials of its own registry under an address, and all others under the host.
            found = auth.load_config().resolve_authconfig(self.reference.host) or {}
        except DockerException as error:
            raise SparkImagesError(f"Docker's credentials for {self.reference.host} cannot be read: {error}") from None
        username, password = (found.get(name) or found.get(name.capitalize()) for name in ("username", "password"))
        client.authenticate(username, password, response=response)

    def manifest(self, name: str) -> Manifest | None:
        """Returns the manifest with this tag or digest, or None if there is no such manifest.

        Raises SparkImagesError if the content does not have the digest that was asked for.
        """

        def get() -> Manifest | None:
            try:
                return Manifest(self._client.get_manifest_and_response(name)[0])
            except requests.HTTPError as error:
                if _status(error) == HTTPStatus.NOT_FOUND:
                    return None
                raise

        found = self._patiently(f"the manifest {name} cannot be read", get)
        if found and name.startswith("sha256:") and found.digest != name:
            raise SparkImagesError(f"{self.reference.at(name)}: the registry serves another manifest: {found.digest}")
        return found

    def set_manifest(self, name: str, manifest: Manifest) -> None:
        """Stores a manifest under a tag or its digest."""
        self._patiently(f"{name} cannot be set", lambda: self._client.set_manifest(name, manifest.text))

    def has(self, digest: str) -> bool:
        """Returns whether the repository has a blob."""

        def head() -> bool:
            try:
                self._client.blob_size(digest)
            except requests.HTTPError as error:
                if _status(error) == HTTPStatus.NOT_FOUND:
                    return False
                raise
            return True

        return self._patiently(f"the blob {digest} cannot be looked up", head)

    def upload(self, file: Path, digest: str) -> None:
        """Uploads a blob, unless the repository has it."""
        self._patiently(
            f"the blob {digest} cannot be uploaded", lambda: self._client.push_blob(str(file), check_exists=True)
        )

    def mount(self, digest: str, source: "Repository") -> bool:
        """Takes over a blob of another repository of the registry. Returns False if the registry does not do this."""

        def post() -> bool:
            try:
                self._client.mount_blob(source.reference.path, digest)
            except DXFMountFailed:
                return False
            return True

        return self._patiently(f"the blob {digest} cannot be mounted", post)

    def blob(self, digest: str) -> Iterator[bytes]:
        """Yields the content of a blob in pieces. Raises SparkImagesError at the end if its digest is another one."""
        with self._explained(f"the blob {digest} cannot be read"):
            yield from cast(Iterable[bytes], self._client.pull_blob(digest, chunk_size=BLOCK))

    def _patiently(self, what: str, request: Callable[[], T]) -> T:
        """Sends a request. Repeats it if the registry does not answer, or fails for a reason that can pass."""
        with self._explained(what):
            for pause in PAUSES:
                try:
                    return request()
                except (requests.ConnectionError, requests.Timeout):
                    pass
                except requests.HTTPError as error:
                    if not _can_pass(_status(error)):
                        raise
                time.sleep(pause)
            return request()

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        """Turns an error of the client into a SparkImagesError that says `what` failed, and why."""
        try:
            yield
        except requests.HTTPError as error:
            raise SparkImagesError(f"{self.reference.repository}: {what}: {self._refusal(error)}") from None
        except requests.RequestException as error:
            raise SparkImagesError(
                f"{self.reference.repository}: {what}: the registry {self.reference.host} does not answer: {error}"
            ) from None
        except DXFAuthInsecureError:
            raise SparkImagesError(
                f"{self.reference.repository}: {what}: the registry asks for a login, but without TLS no credentials "
                "are sent: give the registry a certificate"
            ) from None
        except DXFDigestMismatchError as error:
            raise SparkImagesError(f"{self.reference.repository}: {what}: its content was changed: {error}") from None

    def _refusal(self, error: requests.HTTPError) -> str:
        code = _status(error)
        if code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return (
                f"the registry refuses the login ({code}): run `docker login {self.reference.host}` with an account "
                f"that may write to {self.reference.path}"
            )
        return f"the registry answers {code}: {_said(error)}"


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


def _can_pass(code: int) -> bool:
    return code >= HTTPStatus.INTERNAL_SERVER_ERROR or code == HTTPStatus.TOO_MANY_REQUESTS


def _status(error: requests.HTTPError) -> int:
    return error.response.status_code if error.response is not None else 0


def _said(error: requests.HTTPError) -> str:
    """Returns what a registry says about an error, in the format of the OCI distribution specification."""
    text = error.response.text if error.response is not None else ""
    try:
        errors = json.loads(text)["errors"]
        return "; ".join(
            f"{each['message']}: {each['detail']}" if each.get("detail") else each["message"] for each in errors
        )
    except (ValueError, KeyError, TypeError):
        return text.strip() or str(error)
