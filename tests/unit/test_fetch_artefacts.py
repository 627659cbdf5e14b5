"""Tests how the script fetch-artefacts of the toolchain names files, and passes the environment's proxies to Maven."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from spark_images import ROOT

SCRIPT = ROOT / "docker/base/toolchain/bin/fetch-artefacts"
NAMESPACE = "http://maven.apache.org/SETTINGS/1.0.0"
INSTALLED = f"""<?xml version="1.0"?>
<settings xmlns="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="{NAMESPACE} https://maven.apache.org/xsd/settings-1.0.0.xsd">
  <proxies><!-- none --></proxies>
  <mirrors><mirror><id>blocker</id><mirrorOf>external:http:*</mirrorOf><blocked>true</blocked></mirror></mirrors>
</settings>
"""
FAKE_MAVEN = """#!/bin/sh
printf '%s\\n' "$@" > "$RECORD/arguments"
while [ $# -gt 0 ]; do
    [ "$1" != --global-settings ] || cp "$2" "$RECORD/settings.xml"
    shift
done
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    loader = SourceFileLoader("fetch_artefacts", str(SCRIPT))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        # The toolchain image copies this folder, so a __pycache__ would change it.
        patch.setattr(sys, "dont_write_bytecode", True)
        loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("coordinate", "name"),
    [
        ("org.example:tool:1.2", "tool-1.2.jar"),
        ("org.example:tool:1.2:runner", "tool-1.2-runner.jar"),
        ("tool==1.2", "tool-1.2.tar.gz"),
    ],
)
def test_a_file_has_the_name_that_its_repository_gives_it(script: ModuleType, coordinate: str, name: str) -> None:
    assert script.file_name(coordinate) == name


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://proxy.corp:3128", ("proxy.corp", 3128, "", "")),
        ("http://proxy.corp:3128/", ("proxy.corp", 3128, "", "")),
        ("http://proxy.corp", ("proxy.corp", 80, "", "")),
        ("https://proxy.corp", ("proxy.corp", 443, "", "")),
        ("proxy.corp:3128", ("proxy.corp", 3128, "", "")),
        ("proxy.corp", ("proxy.corp", 80, "", "")),
        ("http://me:secret@proxy.corp:3128", ("proxy.corp", 3128, "me", "secret")),
        ("http://a%40b:p%3Aw%2F%25@proxy.corp", ("proxy.corp", 80, "a@b", "p:w/%")),
        ("me:secret@proxy.corp:3128", ("proxy.corp", 3128, "me", "secret")),
    ],
)
def test_a_proxy_address_is_split_into_its_parts(
    script: ModuleType, url: str, found: tuple[str, int, str, str]
) -> None:
    assert script.proxies({"https": url}) == [("https", *found)]


def test_only_http_and_https_proxies_are_passed_to_maven(script: ModuleType) -> None:
    urls = {"http": "http://a:1", "https": "http://b:2", "ftp": "http://c:3", "all": "http://d:4", "no": ".corp"}
    assert [(proxy.protocol, proxy.host) for proxy in script.proxies(urls)] == [("http", "a"), ("https", "b")]
    assert script.proxies({"https": ""}) == []


@pytest.mark.parametrize(
    "url", ["http://proxy:port", "http://me:sec#ret@proxy:1", "http://me:sec/ret@proxy:1", "http://"]
)
def test_a_malformed_proxy_address_is_an_error_without_its_password(script: ModuleType, url: str) -> None:
    with pytest.raises(SystemExit) as raised:
        script.proxies({"https": url})
    assert str(raised.value).startswith("https_proxy is not a proxy URL: expected http://")
    assert "sec" not in str(raised.value)


@pytest.mark.parametrize(
    ("no_proxy", "patterns"),
    [
        ("", []),
        (".corp", ["corp", "*.corp"]),
        ("*.corp", ["corp", "*.corp"]),
        ("nexus.corp", ["nexus.corp", "*.nexus.corp"]),
        ("a.corp, .b.corp  c", ["a.corp", "*.a.corp", "b.corp", "*.b.corp", "c", "*.c"]),
        ("a,,a,", ["a", "*.a"]),
        ("nexus.corp:8443", ["nexus.corp", "*.nexus.corp"]),
        ("10.1.2.3", ["10.1.2.3"]),
        ("10.1.2.3:8443", ["10.1.2.3"]),
        ("10.0.0.0/8", ["10.*"]),
        ("10.20.0.0/16", ["10.20.*"]),
        ("10.20.30.0/24", ["10.20.30.*"]),
        ("10.20.30.4/31", ["10.20.30.4", "10.20.30.5"]),
        ("172.16.0.0/14", ["172.16.*", "172.17.*", "172.18.*", "172.19.*"]),
        ("0.0.0.0/0", ["*"]),
        ("*", ["*"]),
        ("::1", ["[::1]"]),
        ("[::1]:80", ["[::1]"]),
        ("fd00::/8", []),
    ],
)
def test_no_proxy_is_translated_to_javas_patterns(script: ModuleType, no_proxy: str, patterns: list[str]) -> None:
    assert script.java_hosts(no_proxy) == patterns


@pytest.fixture
def maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Installs a fake Maven that records its arguments, in an environment without a proxy. Returns its folder."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/settings.xml").write_text(INSTALLED)
    (tmp_path / "bin/mvn").write_text(FAKE_MAVEN)
    (tmp_path / "bin/mvn").chmod(0o755)
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(tmp_path))
    return tmp_path


def fetch(
    script: ModuleType, maven: Path, monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]
) -> tuple[list[str], ElementTree.Element | None]:
    """Fetches a jar in this environment. Returns the arguments of Maven and the global settings that it reads."""
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    script.fetch_jars(["group:artefact:1"], maven / "jars")
    settings = maven / "settings.xml"
    arguments = (maven / "arguments").read_text().splitlines()
    return arguments, ElementTree.parse(settings).getroot() if settings.exists() else None  # noqa: S314


def proxies_of(settings: ElementTree.Element | None) -> list[dict[str, str | None]]:
    assert settings is not None
    found = settings.findall(f"{{{NAMESPACE}}}proxies/{{{NAMESPACE}}}proxy")
    return [{element.tag.partition("}")[2]: element.text for element in proxy} for proxy in found]


def test_a_proxy_and_its_password_reach_maven(script: ModuleType, maven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"https_proxy": "http://m%26e:s%3Cecret@proxy.corp:3128", "http_proxy": "http://plain.corp"}
    arguments, settings = fetch(script, maven, monkeypatch, {**environment, "no_proxy": ".corp,10.0.0.0/8"})
    assert proxies_of(settings) == [
        {
            "id": "environment-http",
            "protocol": "http",
            "host": "plain.corp",
            "port": "80",
            "nonProxyHosts": "corp|*.corp|10.*",
        },
        {
            "id": "environment-https",
            "protocol": "https",
            "host": "proxy.corp",
            "port": "3128",
            "nonProxyHosts": "corp|*.corp|10.*",
            "username": "m&e",
            "password": "s<ecret",
        },
    ]
    assert "ecret" not in " ".join(arguments)


def test_mavens_own_settings_are_kept(script: ModuleType, maven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maven's installed settings block plain HTTP to other machines. Settings without that mirror would allow it."""
    _, settings = fetch(script, maven, monkeypatch, {"https_proxy": "http://proxy.corp:3128"})
    assert len(proxies_of(settings)) == 1
    text = (maven / "settings.xml").read_text()
    assert "<mirror><id>blocker</id><mirrorOf>external:http:*</mirrorOf><blocked>true</blocked></mirror>" in text
    assert text.count("<proxies>") == 1


def test_maven_without_global_settings_gets_the_proxy(
    script: ModuleType, maven: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (maven / "conf/settings.xml").unlink()
    _, settings = fetch(script, maven, monkeypatch, {"https_proxy": "http://proxy.corp:3128"})
    assert settings is not None
    assert settings.findtext("proxies/proxy/host") == "proxy.corp"


def test_the_http_proxy_is_not_used_for_https(script: ModuleType, maven: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maven would also use an http proxy in its settings for https, which a cache of Debian packages cannot serve."""
    environment = {"http_proxy": "http://cache.corp:3142", "no_proxy": ".corp"}
    arguments, settings = fetch(script, maven, monkeypatch, environment)
    assert settings is None
    assert "-Dhttp.proxyHost=cache.corp" in arguments
    assert "-Dhttp.proxyPort=3142" in arguments
    assert "-Dhttp.nonProxyHosts=corp|*.corp" in arguments
    assert "https" not in " ".join(arguments)


@pytest.mark.parametrize("environment", [{}, {"https_proxy": "http://me:secret@proxy.corp", "no_proxy": "a,*"}])
def test_maven_gets_no_proxy_if_none_applies(
    script: ModuleType, maven: Path, monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str]
) -> None:
    arguments, settings = fetch(script, maven, monkeypatch, environment)
    assert settings is None
    assert "proxy" not in " ".join(arguments).lower().replace(str(maven).lower(), "")
