"""Reads what a build takes from the host, so that it reaches the network as the host does.

This is the CA bundle, and the mirrors and proxies of apt, pip, Maven and npm. Builds get them as BuildKit secrets.
Proxies are arguments that BuildKit keeps out of an image's history. No layer contains them.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
CA_FILES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
CA_SECRET = "/run/secrets/ca"
"""Where a build stage finds the CA bundle."""

PROXY_VARIABLES = ("http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Apt:
    """The host's Debian repositories as (address, suite), and its apt options for downloads."""

    repositories: tuple[tuple[str, str], ...] = ()
    options: tuple[str, ...] = ()

    def sources(self, suite: str) -> list[str]:
        """Returns the lines of a sources.list for a Debian suite, or none if the host has no Debian mirror.

        The host's own Debian release does not matter, because a mirror has every release.
        """
        archive = next((url for url, of in self.repositories if not of.endswith("-security")), "")
        security = next((url for url, of in self.repositories if of.endswith("-security")), "")
        lines = [f"deb {archive} {suite} main", f"deb {archive} {suite}-updates main"] if archive else []
        return lines + ([f"deb {security} {suite}-security main"] if security else [])


@dataclass(frozen=True)
class Host:
    """Settings that a build takes from its host. `ca`, `maven_settings` and `npmrc` are files, or None."""

    ca: Path | None
    apt: Apt
    pip: Mapping[str, str]
    maven_settings: Path | None
    proxies: Mapping[str, str]
    npmrc: Path | None = None

    def secrets(self, suite: str) -> dict[str, str]:
        """Returns the content of each BuildKit secret by its id, without those that the host does not set."""
        contents = {}
        if self.ca:
            contents["ca"] = self.ca.read_text()
        options = [f'Acquire::https::CAInfo "{CA_SECRET}";'] if self.ca else []
        options += [f'{key} "{value}";' for key, value in map(_key_value, self.apt.options) if not key.endswith(_FILES)]
        options += ['Acquire::Retries "2";', 'Acquire::http::Timeout "20";', 'Acquire::https::Timeout "20";']
        contents["apt-conf"] = "\n".join(options) + "\n"
        if sources := self.apt.sources(suite):
            contents["apt-sources"] = "\n".join(sources) + "\n"
        if self.pip:
            contents["pip-conf"] = "[global]\n" + "".join(f"{key} = {value}\n" for key, value in self.pip.items())
        if self.maven_settings:
            contents["maven-settings"] = self.maven_settings.read_text()
        if self.npmrc:
            contents["npmrc"] = self.npmrc.read_text()
        return contents

    def endpoints(self) -> Iterator[tuple[str, int]]:
        """Yields (host, port) of the servers that a build needs: the proxies if there are any, else the mirrors."""
        proxies = [self.proxies[name] for name in ("https_proxy", "http_proxy") if self.proxies.get(name)]
        mirrors = [*(url for url, _ in self.apt.repositories), self.pip.get("index-url", "")]
        for url in proxies or mirrors:
            parts = urlsplit(url)
            if parts.hostname:
                yield parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)


# The values of these options are paths on the host, which a build cannot open.
_FILES = ("::CAInfo", "::SslCert", "::SslKey", "::Proxy-Auto-Detect", "::ProxyAutoDetect")


def _key_value(option: str) -> tuple[str, str]:
    key, _, value = option.rstrip(";").partition(" ")
    return key, value.strip('"')


def _output(*command: str) -> str:
    if not shutil.which(command[0]):
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


_ACQUIRE = re.compile(r'^Acquire::(http|https)::\S* ".+";$')


def _apt() -> Apt:
    table = _output("apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI) $(CODENAME)", "Created-By: Packages")
    rows = [line.split() for line in table.splitlines()]
    repositories = [(row[1], row[2]) for row in rows if len(row) == 3 and row[0] == "Debian"]
    options = [line for line in _output("apt-config", "dump").splitlines() if _ACQUIRE.match(line)]
    return Apt(tuple(dict.fromkeys(repositories)), tuple(option.rstrip(";") for option in options))


# pip's options for the origin of packages. The CA secret replaces `cert`. A folder of wheels stays on the host.
_PIP_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "proxy")


def _pip() -> dict[str, str]:
    found = {}
    # Files give "global.index-url='…'". The environment gives ":env:.index-url='…'" last, which overrides the files.
    for line in _output("pip", "config", "list").splitlines():
        key, _, value = line.partition("=")
        option = key.rpartition(".")[2]
        if option in _PIP_OPTIONS and key.startswith(("global.", ":env:.", "download.", "install.")):
            found[option] = value.strip("'\"").replace("\\n", " ")
    return found


def ca_bundle(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Returns this machine's CA bundle: the one that its environment names, else the system's, else None."""
    candidates = [environment[name] for name in CA_VARIABLES if environment.get(name)] + list(CA_FILES)
    return next((Path(name) for name in candidates if Path(name).is_file()), None)


def read(environment: Mapping[str, str] = os.environ) -> Host:
    """Reads this machine's environment and its apt, pip, Maven and npm configuration."""
    home = Path(environment.get("HOME", "/"))
    settings, npmrc = home / ".m2/settings.xml", home / ".npmrc"
    proxies = {name: environment.get(name) or environment.get(name.upper()) or "" for name in PROXY_VARIABLES}
    return Host(
        ca=ca_bundle(environment),
        apt=_apt(),
        pip=_pip(),
        maven_settings=settings if settings.is_file() else None,
        proxies={name: value for name, value in proxies.items() if value},
        npmrc=npmrc if npmrc.is_file() else None,
    )
