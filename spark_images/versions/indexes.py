"""Asks the Python index and the Maven repository of this machine which versions exist.

The addresses come from the settings of pip and Maven. Without settings, they are the ones that the libraries for these
indexes know.
"""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from http import HTTPStatus
from queue import Empty, Queue
from threading import Thread
from urllib.parse import urlsplit
from xml.etree import ElementTree

import requests
from packageurl.contrib.purl2url import get_download_url
from pypi_simple import PYPI_SIMPLE_ENDPOINT, NoSuchProjectError, PyPISimple, UnsupportedContentTypeError

from spark_images.engine.host import Host
from spark_images.errors import SparkImagesError

TIMEOUT = (4, 8)
"""Seconds that a server has to accept a connection, and then to answer."""

OFFLINE = 25
"""Seconds after which a machine without any answer counts as offline. A look-up of a name can hang longer."""

AT_ONCE = 8


@dataclass(frozen=True)
class Repository:
    """A Maven repository: its URL without a slash at the end, and the name and password for it, if it needs them."""

    url: str
    login: tuple[str, str] | None = None


def central() -> str:
    """Returns the URL of the repository that Maven uses without settings."""
    path = "group/artifact/1/artifact-1.jar"
    url: str = get_download_url("pkg:maven/group/artifact@1")  # type: ignore[no-untyped-call]
    return url.removesuffix(f"/{path}")


def repository(settings: str) -> Repository:
    """Returns the repository that Maven uses with these settings (the text of settings.xml, or "").

    Reads the mirrors and the servers of the settings. Raises SparkImagesError if the settings are not valid XML.
    """
    if not settings:
        return Repository(central())
    try:
        root = ElementTree.fromstring(settings)  # noqa: S314 -- the user's own file
    except ElementTree.ParseError as error:
        raise SparkImagesError(f"Maven's settings.xml is not valid: {error}") from None
    logins = {
        server.findtext("{*}id", ""): (server.findtext("{*}username", ""), server.findtext("{*}password", ""))
        for server in root.iterfind("{*}servers/{*}server")
    }
    for mirror in root.iterfind("{*}mirrors/{*}mirror"):
        if _mirrors_central(mirror.findtext("{*}mirrorOf", "")):
            url = mirror.findtext("{*}url", "").strip().rstrip("/")
            return Repository(url, logins.get(mirror.findtext("{*}id", "")))
    return Repository(central())


def _mirrors_central(pattern: str) -> bool:
    names = [name.strip() for name in pattern.split(",")]
    return "!central" not in names and any(name in ("*", "central", "external:*") for name in names)


@dataclass(frozen=True)
class Indexes:
    """The indexes as this machine reaches them: with its settings, CA bundle and proxies."""

    host: Host

    @cached_property
    def _repository(self) -> Repository:
        return repository(self.host.maven_settings.read_text() if self.host.maven_settings else "")

    def _session(self) -> requests.Session:
        session = requests.Session()
        if self.host.ca:
            session.verify = str(self.host.ca)
        return session

    def python(self, name: str) -> dict[str, date | None]:
        """Returns the versions of a package that have a source distribution, with the day of their upload.

        Yanked versions are omitted. The day is None if the index does not say it. Raises SparkImagesError if an index
        does not answer.
        """
        pip = self.host.pip
        found: dict[str, date | None] = {}
        for url in [pip.get("index-url") or PYPI_SIMPLE_ENDPOINT, *pip.get("extra-index-url", "").split()]:
            session = self._session()
            if pip.get("proxy"):
                session.proxies = {"http": pip["proxy"], "https": pip["proxy"]}
            parts = urlsplit(url)
            if {parts.hostname, parts.netloc.rpartition("@")[2]} & set(pip.get("trusted-host", "").split()):
                session.verify = False
            with PyPISimple(url, session=session) as client:
                try:
                    packages = client.get_project_page(name, timeout=TIMEOUT).packages
                except NoSuchProjectError:
                    continue
                except (requests.RequestException, UnsupportedContentTypeError) as error:
                    raise SparkImagesError(_silent("the Python index", url, error)) from None
            for package in packages:
                if package.version and package.package_type == "sdist" and not package.is_yanked:
                    day = package.upload_time.date() if package.upload_time else None
                    found[package.version] = found.get(package.version) or day
        return found

    def maven(self, artefact: str) -> tuple[str, ...]:
        """Returns the versions of `group:artifact` that the repository lists, or () if it has no list.

        Raises SparkImagesError if the repository does not answer.
        """
        group, name = artefact.split(":")
        url = f"{self._repository.url}/{group.replace('.', '/')}/{name}/maven-metadata.xml"
        try:
            with self._session() as session:
                answer = session.get(url, auth=self._repository.login, timeout=TIMEOUT)
            if answer.status_code == HTTPStatus.NOT_FOUND:
                return ()
            answer.raise_for_status()
            listed = ElementTree.fromstring(answer.content)  # noqa: S314 -- only the text of the elements is used
        except (requests.RequestException, ElementTree.ParseError) as error:
            raise SparkImagesError(_silent("the Maven repository", url, error)) from None
        return tuple(element.text for element in listed.iterfind("versioning/versions/version") if element.text)

    def all_maven(self, artefacts: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Returns the result of `maven` for each artefact. Asks for several at once, and stops at an error."""
        wanted = list(dict.fromkeys(artefacts))
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            return dict(zip(wanted, pool.map(self.maven, wanted), strict=True))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def spark(self) -> dict[str, date | None]:
        """Returns the Spark versions on the Python index, with the day of their release, as `python` does.

        Raises SparkImagesError within half a minute on a machine without a network.
        """
        answers: Queue[dict[str, date | None] | SparkImagesError] = Queue()

        def ask() -> None:
            try:
                answers.put(self.python("pyspark"))
            except SparkImagesError as error:
                answers.put(error)

        # The end of the process does not wait for a daemon thread.
        Thread(target=ask, daemon=True).start()
        try:
            found = answers.get(timeout=OFFLINE)
        except Empty:
            raise SparkImagesError(f"no network: the Python index did not answer within {OFFLINE} s") from None
        if isinstance(found, SparkImagesError):
            raise found
        return found


def _silent(what: str, url: str, error: Exception) -> str:
    """Returns the message for an index that gives no answer. It omits the URL, which can contain a password."""
    host = urlsplit(url).hostname
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{what} at {host} answered {error.response.status_code}"
    if isinstance(error, requests.exceptions.SSLError):
        return f"{what} at {host} has a certificate that this machine does not trust"
    if isinstance(error, (requests.ConnectionError, requests.Timeout)):
        return f"no network: {what} at {host} does not answer"
    return f"{what} at {host} gave an answer that is not a list of versions"
