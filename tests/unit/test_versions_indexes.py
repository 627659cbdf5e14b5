import socket
from base64 import b64encode
from datetime import date
from pathlib import Path

import pytest

from spark_images.engine.host import Apt, Host
from spark_images.errors import SparkImagesError
from spark_images.versions.indexes import Indexes, central, repository
from tests.unit.fake_index import host_of, metadata, sdist, serving, simple


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_versions_have_the_day_of_their_upload(tmp_path: Path) -> None:
    wheel = {"filename": "pyspark-9.5-py3-none-any.whl", "url": "w.whl", "hashes": {}}
    files = [sdist("pyspark", "9.1", "2026-01-15"), sdist("pyspark", "9.2"), wheel]
    with serving({"/simple/pyspark/": simple("pyspark", *files, sdist("pyspark", "9.3", yanked=True))}) as index:
        found = Indexes(host_of(index, tmp_path)).spark()
    assert found == {"9.1": date(2026, 1, 15), "9.2": None}


def test_all_indexes_of_pip_are_asked(tmp_path: Path) -> None:
    pages = {
        "/simple/pyspark/": simple("pyspark", sdist("pyspark", "9.1")),
        "/simple/more/pyspark/": simple("pyspark", sdist("pyspark", "9.1", "2026-01-15"), sdist("pyspark", "9.2")),
    }
    with serving(pages) as index:
        here = host_of(index, tmp_path, extra_index_url=f"{index.url}/simple/none {index.url}/simple/more")
        assert Indexes(here).python("pyspark") == {"9.1": date(2026, 1, 15), "9.2": None}


def test_the_maven_repository_gets_the_login_of_its_mirror(tmp_path: Path) -> None:
    with serving({"/maven/org/some/jar/maven-metadata.xml": metadata("1.0", "1.1")}) as index:
        found = Indexes(host_of(index, tmp_path)).all_maven(["org.some:jar", "org.some:other", "org.some:jar"])
    assert found == {"org.some:jar": ("1.0", "1.1"), "org.some:other": ()}
    assert {login for _, login in index.seen} == {f"Basic {b64encode(b'u:p').decode()}"}


MIRROR = "<mirror><id>{0}</id><url>https://{0}.example/m2</url><mirrorOf>{1}</mirrorOf></mirror>"


@pytest.mark.parametrize(
    ("mirrors", "host"),
    [
        ([("a", "central")], "a"),
        ([("a", "other"), ("b", "external:*")], "b"),
        ([("a", "*,!central"), ("b", "x, central")], "b"),
        ([("a", "*"), ("b", "central")], "a"),
    ],
)
@pytest.mark.parametrize("namespace", ["", ' xmlns="http://maven.apache.org/SETTINGS/1.0.0"'])
def test_the_first_mirror_of_central_is_used(mirrors: list[tuple[str, str]], host: str, namespace: str) -> None:
    text = "".join(MIRROR.format(*mirror) for mirror in mirrors)
    found = repository(f"<settings{namespace}><mirrors>{text}</mirrors></settings>")
    assert found.url == f"https://{host}.example/m2"
    assert found.login is None


def test_mavens_own_repository_is_used_without_a_mirror() -> None:
    assert repository("").url == repository("<settings/>").url == central()
    assert central().startswith("https://")
    assert not central().endswith("/")


def test_settings_that_are_not_xml_are_an_error() -> None:
    with pytest.raises(SparkImagesError, match=r"^Maven's settings\.xml is not valid: "):
        repository("<settings>")


def test_an_index_that_does_not_answer_is_one_sentence_without_the_password(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://user:secret@127.0.0.1:{free.getsockname()[1]}"
    here = Host(None, Apt(), {"index-url": f"{url}/simple"}, None, {})
    with pytest.raises(SparkImagesError) as raised:
        Indexes(here).spark()
    assert str(raised.value) == "no network: the Python index at 127.0.0.1 does not answer"


def test_an_index_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    with serving({"/maven/org/some/jar/maven-metadata.xml": "<html>"}) as index:
        here = host_of(index, tmp_path)
        with pytest.raises(SparkImagesError) as raised:
            Indexes(here).maven("org.some:jar")
    assert str(raised.value) == ("the Maven repository at 127.0.0.1 gave an answer that is not a list of versions")
