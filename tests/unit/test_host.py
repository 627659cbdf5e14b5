from pathlib import Path

import pytest

from spark_images.engine import host
from spark_images.engine.host import Apt, Host

MIRROR, SECURITY = "https://mirror.example/debian", "https://mirror.example/security"
NOTHING = Host(None, Apt(), {}, None, {})

TARGETS = f"""\
Debian {MIRROR}/ trixie
Debian {MIRROR}/ trixie
Debian {SECURITY}/ trixie-security
Docker https://download.example/linux trixie
Debian {MIRROR}/ trixie-updates

"""

APT_CONFIG = """\
APT "";
Acquire::https "";
Acquire::https::CAInfo "/host/ca.pem";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::Verify-Peer "";
Acquire::Languages "en";
"""


@pytest.mark.parametrize(
    ("repositories", "lines"),
    [
        pytest.param((), [], id="none"),
        pytest.param(
            ((MIRROR, "trixie"), (MIRROR, "trixie-updates"), (SECURITY, "trixie-security")),
            [
                f"deb {MIRROR} bookworm main",
                f"deb {MIRROR} bookworm-updates main",
                f"deb {SECURITY} bookworm-security main",
            ],
            id="another suite",
        ),
        pytest.param(
            ((MIRROR, "bookworm"),),
            [f"deb {MIRROR} bookworm main", f"deb {MIRROR} bookworm-updates main"],
            id="without security",
        ),
        pytest.param(
            ((SECURITY, "bookworm-security"),), [f"deb {SECURITY} bookworm-security main"], id="security only"
        ),
    ],
)
def test_sources_are_the_hosts_mirrors_for_the_requested_suite(
    repositories: tuple[tuple[str, str], ...], lines: list[str]
) -> None:
    assert Apt(repositories).sources("bookworm") == lines


def test_a_host_without_settings_has_only_apts_retries_and_timeouts() -> None:
    secrets = NOTHING.secrets("bookworm")
    assert list(secrets) == ["apt-conf"]
    assert "CAInfo" not in secrets["apt-conf"]
    assert 'Acquire::Retries "2";' in secrets["apt-conf"].splitlines()


def test_secrets_contain_the_hosts_settings(tmp_path: Path) -> None:
    ca, settings = tmp_path / "ca.pem", tmp_path / "settings.xml"
    ca.write_text("CERTIFICATE")
    settings.write_text("<settings/>")
    apt = Apt(((MIRROR, "bookworm"),), ('Acquire::https::CAInfo "/host/ca.pem"', 'Acquire::http::Proxy "http://p:1"'))
    secrets = Host(ca, apt, {"index-url": "https://pip.example", "trusted-host": "a"}, settings, {}).secrets("bookworm")
    assert secrets["ca"] == "CERTIFICATE"
    assert secrets["maven-settings"] == "<settings/>"
    assert secrets["pip-conf"] == "[global]\nindex-url = https://pip.example\ntrusted-host = a\n"
    assert secrets["apt-sources"].splitlines() == Apt(((MIRROR, "bookworm"),)).sources("bookworm")
    assert 'Acquire::http::Proxy "http://p:1";' in secrets["apt-conf"].splitlines()


def test_apt_in_a_build_uses_the_ca_secret_instead_of_the_hosts_path(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("")
    text = Host(ca, Apt((), ('Acquire::https::CAInfo "/host/ca.pem"',)), {}, None, {}).secrets("bookworm")["apt-conf"]
    assert f'Acquire::https::CAInfo "{host.CA_SECRET}";' in text.splitlines()
    assert "/host/ca.pem" not in text


def test_apt_options_with_a_path_of_the_host_are_dropped(tmp_path: Path) -> None:
    apt = Apt((), ('Acquire::https::mirror.example::CAInfo "/host/ca.pem"',))
    assert "/host/ca.pem" not in Host(None, apt, {}, None, {}).secrets("bookworm")["apt-conf"]


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [
        ({}, [("mirror.example", 443), ("plain.example", 80), ("pip.example", 8443)]),
        ({"no_proxy": "localhost"}, [("mirror.example", 443), ("plain.example", 80), ("pip.example", 8443)]),
        ({"http_proxy": "http://user:word@proxy.example:3128"}, [("proxy.example", 3128)]),
        (
            {"http_proxy": "http://a.example", "https_proxy": "https://b.example"},
            [("b.example", 443), ("a.example", 80)],
        ),
        ({"http_proxy": "proxy.example:3128"}, []),
    ],
)
def test_endpoints_are_the_proxies_or_else_the_mirrors(
    proxies: dict[str, str], expected: list[tuple[str, int]]
) -> None:
    apt = Apt(((MIRROR, "bookworm"), ("http://plain.example/debian", "bookworm-updates"), ("file:/srv", "bookworm")))
    pip = {"index-url": "https://pip.example:8443/simple"}
    assert list(Host(None, apt, pip, None, proxies).endpoints()) == expected


def answers(monkeypatch: pytest.MonkeyPatch, **outputs: str) -> None:
    monkeypatch.setattr(host, "_output", lambda *command: outputs.get(command[0].replace("-", "_"), ""))


def test_each_debian_repository_of_the_host_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, apt_get=TARGETS)
    assert host.read({}).apt.repositories == (
        (f"{MIRROR}/", "trixie"),
        (f"{SECURITY}/", "trixie-security"),
        (f"{MIRROR}/", "trixie-updates"),
    )


def test_the_hosts_apt_options_for_downloads_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, apt_config=APT_CONFIG)
    assert host.read({}).apt.options == (
        'Acquire::https::CAInfo "/host/ca.pem"',
        'Acquire::http::Proxy "http://proxy.example:3128"',
    )


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("global.index-url='https://a'", {"index-url": "https://a"}),
        ("global.index-url='https://a'\n:env:.index-url='https://b'", {"index-url": "https://b"}),
        ("install.index-url='https://a'", {"index-url": "https://a"}),
        ("wheel.index-url='https://a'", {}),
        ("global.cert='/host/ca.pem'\nglobal.find-links='/host'\n:env:.disable-pip-version-check='1'", {}),
        ("global.index-url='https://a/?x=1'", {"index-url": "https://a/?x=1"}),
        ("global.trusted-host='a\\nb'\nglobal.proxy='http://p:1'", {"trusted-host": "a b", "proxy": "http://p:1"}),
        ("", {}),
    ],
)
def test_pips_options_for_the_origin_of_packages_are_read(
    monkeypatch: pytest.MonkeyPatch, listed: str, expected: dict[str, str]
) -> None:
    answers(monkeypatch, pip=listed)
    assert host.read({}).pip == expected


def test_the_ca_of_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers(monkeypatch)
    mine, systems = tmp_path / "mine.pem", tmp_path / "systems.pem"
    for file in (mine, systems):
        file.write_text("")
    monkeypatch.setattr(host, "CA_FILES", (str(tmp_path / "no.pem"), str(systems)))
    assert host.read({"PIP_CERT": str(mine)}).ca == mine
    assert host.read({"PIP_CERT": str(tmp_path / "gone.pem")}).ca == systems
    assert host.read({}).ca == systems


def test_a_host_without_a_ca_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch)
    monkeypatch.setattr(host, "CA_FILES", ())
    assert host.read({}).ca is None


def test_maven_settings_are_read_from_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers(monkeypatch)
    assert host.read({"HOME": str(tmp_path)}).maven_settings is None
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2/settings.xml").write_text("")
    assert host.read({"HOME": str(tmp_path)}).maven_settings == tmp_path / ".m2/settings.xml"


def test_npms_configuration_is_read_from_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers(monkeypatch)
    assert "npmrc" not in host.read({"HOME": str(tmp_path)}).secrets("bookworm")
    (tmp_path / ".npmrc").write_text("registry=https://npm.example/")
    assert host.read({"HOME": str(tmp_path)}).secrets("bookworm")["npmrc"] == "registry=https://npm.example/"


def test_proxies_are_read_in_lower_and_upper_case(monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch)
    environment = {"HTTP_PROXY": "http://a", "https_proxy": "http://b", "HTTPS_PROXY": "http://c", "no_proxy": ""}
    assert host.read(environment).proxies == {"http_proxy": "http://a", "https_proxy": "http://b"}


def test_a_missing_tool_has_no_output() -> None:
    assert host._output("a-tool-that-no-host-has") == ""
