"""Logs in to a registry with the credentials that `docker login` keeps, also in a credential helper.

A registry asks for a password, or for a token of a token server. Docker's distribution documentation describes the
token server: "Token Authentication Specification" and "Oauth2 Token Authentication". The libraries python-dxf and oras
do this too. The first needs a package without a wheel. The second asks for no new token if a request needs more rights.
"""

from io import IOBase
from typing import Any
from urllib.parse import urlsplit

import requests
from docker import auth
from docker.errors import DockerException
from requests.auth import AuthBase, _basic_auth_str
from requests.utils import parse_dict_header

from spark_images.errors import SparkImagesError
from spark_images.publish.references import Reference

CLIENT = "spark-images"


class Login(AuthBase):
    """Answers the challenges of a registry, and sends the last answer with each request.

    `host` is the name that Docker keeps the credentials under. `address` is an address of the registry. Other servers
    get no credentials: a registry can redirect a download to a storage. `timeout` is in seconds.
    """

    def __init__(self, host: str, address: str, timeout: float) -> None:
        self.host = host
        self.address = address
        self.timeout = timeout
        self._header = ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._header and self._is_own(request.url):
            request.headers["Authorization"] = self._header
        request.register_hook("response", self._challenged)  # type: ignore[no-untyped-call]
        return request

    def _challenged(self, response: requests.Response, **options: Any) -> requests.Response:
        """Sends a refused request again, with an answer to the challenge. requests calls this after each response."""
        if response.status_code != requests.codes.unauthorized or not self._is_own(response.request.url):
            return response
        if not (header := self._answer(response, options)):
            return response
        self._header = header
        _ = response.content  # the connection is free again only after that
        response.close()
        again = response.request.copy()
        if isinstance(again.body, IOBase):
            again.body.seek(0)
        again.headers["Authorization"] = header
        answer: requests.Response = response.connection.send(again, **options)
        answer.history.append(response)
        answer.request = again
        return answer

    def _is_own(self, address: str | None) -> bool:
        return _origin(address or "") == _origin(self.address)

    def _answer(self, response: requests.Response, options: dict[str, Any]) -> str:
        """Returns the header that answers a challenge, or "" if there is none."""
        scheme, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        found = self._credentials()
        if scheme.lower() == "basic":
            return _basic_auth_str(found["username"], found["password"]) if "password" in found else ""
        if scheme.lower() == "bearer":
            return self._token(parse_dict_header(rest), found, options)  # type: ignore[no-untyped-call]
        return ""

    def _credentials(self) -> dict[str, str]:
        try:
            found = auth.load_config().resolve_authconfig(self.host) or {}
        except DockerException as error:
            raise SparkImagesError(f"Docker's credentials for {self.host} cannot be read: {error}") from None
        # A credential helper gives other names than the configuration file.
        return {name.lower(): value for name, value in found.items() if isinstance(value, str) and value}

    def _token(self, challenge: dict[str, str], found: dict[str, str], options: dict[str, Any]) -> str:
        """Returns the header with a token for the rights that the challenge names, or "" if the server refuses."""
        realm = challenge.get("realm", "")
        server = urlsplit(realm)
        if server.scheme != "https" and not Reference(server.netloc, "").is_local:
            return ""  # the password would travel without encryption
        asked: dict[str, str] = {name: challenge[name] for name in ("service", "scope") if name in challenge}
        verify = options.get("verify", True)
        if "identitytoken" in found:
            form: dict[str, str] = {"grant_type": "refresh_token", "client_id": CLIENT, **asked}
            form["refresh_token"] = found["identitytoken"]
            answer = requests.post(realm, data=form, timeout=self.timeout, verify=verify)
        else:
            given = (found["username"], found["password"]) if "password" in found else None
            # A request that takes over a blob has two scopes. The server expects each as a parameter.
            each = {**asked, "scope": asked["scope"].split()} if "scope" in asked else asked
            answer = requests.get(realm, params=each, auth=given, timeout=self.timeout, verify=verify)
        if not answer.ok:
            return ""
        document = answer.json()
        token = document.get("token") or document.get("access_token")
        return f"Bearer {token}" if token else ""


def _origin(address: str) -> tuple[str, str | None, int | None]:
    """Returns the scheme, the host and the port of an address. A registry can write the default port, or omit it."""
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
