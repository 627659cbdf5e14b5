"""The search of layers for traces of the build machine."""

import tarfile
import threading
from pathlib import Path

import pytest

from spark_images.engine.host import Apt, Host
from tests.integration.layers import Holder, Searched, digest, leaks, marks_of, smallest

BARE = Host(None, Apt(), {}, None, {})
"""A machine without a mirror, a proxy or its own CA."""


def members(path: str, content: bytes) -> list[tuple[str, tarfile.TarInfo, bytes | None]]:
    member = tarfile.TarInfo(path)
    member.size = len(content)
    return [("sha256:a", member, content)]


def test_marks_of_a_bare_machine_include_the_apt_options() -> None:
    found = marks_of(BARE, "debian", Path("/src"), Path("/root"))
    assert b'Acquire::http::Timeout "20";' in found.values()


def test_marks_include_all_settings_of_the_machine(tmp_path: Path) -> None:
    settings = tmp_path / "settings.xml"
    settings.write_text("<settings><mirror><url> https://maven.corp/repository </url></mirror></settings>")
    proxies = {"https_proxy": "http://proxy.corp:3128", "no_proxy": "localhost"}
    here = Host(None, Apt(), {"index-url": "https://pip.corp/simple"}, settings, proxies)
    found = set(marks_of(here, "build-07.corp", Path("/home/ada/spark"), Path("/home/ada")).values())
    expected = {"https://pip.corp/simple", "http://proxy.corp:3128", "https://maven.corp/repository"}
    assert {text.encode() for text in expected | {"build-07.corp", "/home/ada/spark", "/home/ada"}} <= found


@pytest.mark.parametrize(
    ("path", "content", "sentence"),
    [
        ("etc/issue", b"built on build-07.corp", "the machine's name is in etc/issue of sha256:a"),
        ("./opt/a.pyc", b"\0/home/ada/spark\0", "the checkout's path is in opt/a.pyc of sha256:a"),
        ("etc/resolv.conf", b"nameserver", "etc/resolv.conf is in sha256:a"),
        (
            "etc/apt/apt.conf",
            b'Acquire::Retries "2";\n',
            'apt\'s Acquire::Retries "2"; is in etc/apt/apt.conf of sha256:a',
        ),
    ],
)
def test_leaks_finds_each_mark(path: str, content: bytes, sentence: str) -> None:
    looked_for = marks_of(BARE, "build-07.corp", Path("/home/ada/spark"), Path("/root"))
    assert list(leaks(members(path, content), looked_for)) == [("sha256:a", [sentence])]


def test_leaks_finds_nothing_in_other_files() -> None:
    looked_for = marks_of(BARE, "build-07.corp", Path("/home/ada/spark"), Path("/root"))
    assert list(leaks(members("etc/issue", b"Debian"), looked_for)) == [("sha256:a", [])]


def test_layer_is_searched_once_for_the_same_marks(tmp_path: Path) -> None:
    first = Searched.of({"a": b"a"}, tmp_path)
    assert first.files("sha256:a") is None
    first.add("sha256:a", 7)
    assert Searched.of({"a": b"a"}, tmp_path).files("sha256:a") == 7
    assert Searched.of({"a": b"b"}, tmp_path).files("sha256:a") is None


def test_layer_is_identified_by_its_digest() -> None:
    assert digest("blobs/sha256/abc") == "sha256:abc"
    assert digest("abc/layer.tar") == "abc/layer.tar"


def test_layer_is_read_from_the_smallest_image_that_has_it() -> None:
    among = [
        Holder("whole", 900, frozenset("abc")),
        Holder("half", 100, frozenset("ab")),
        Holder("layer-a", 10, frozenset("a")),
        Holder("empty", 1, frozenset()),
    ]
    assert smallest("a", among) == ["layer-a"]
    assert smallest("ab", among) == ["half", "layer-a"]
    assert smallest("abc", among) == ["half", "layer-a", "whole"]
    assert smallest("x", among) == []


def test_two_sessions_do_not_search_at_the_same_time(tmp_path: Path) -> None:
    ended: list[str] = []

    def search() -> None:
        with Searched.of({"a": b"a"}, tmp_path).alone():
            ended.append("second")

    second = threading.Thread(target=search)
    with Searched.of({"a": b"a"}, tmp_path).alone():
        second.start()
        second.join(0.3)
        ended.append("first")
    second.join(10)
    assert ended == ["first", "second"]
