import pytest

from spark_images.versions.compare import Newer, flavour, is_stable, maven_key, newer, python_key


@pytest.mark.parametrize(
    ("have", "offered", "parts", "expected"),
    [
        ("3.5.7", ["3.5.7", "3.5.9", "3.5.10", "4.1.1"], 2, Newer("3.5.10", "4.1.1")),
        ("1.11.0", ["1.9.2", "1.11.0", "1.12.0", "2.0.0"], 1, Newer("1.12.0", "2.0.0")),
        ("42.7.14", ["42.7.4", "42.7.14"], 1, Newer("42.7.14", "")),
        ("9.7.0", ["8.4.0", "9.7.0", "26.7.0", "26.10.0"], 1, Newer("9.7.0", "26.10.0")),
        ("13.6.2.jre11", ["13.6.2.jre8", "13.8.0.jre8", "13.8.0.jre11-preview", "13.6.2.jre11"], 1, None),
        ("13.6.2.jre11", ["13.10.0.jre11", "13.8.0.jre11"], 1, Newer("13.10.0.jre11", "")),
        ("33.5.0-jre", ["33.6.0-android", "33.5.0-jre"], 1, None),
        ("25.3.0-0", ["25.3.0-0", "25.3.0-1", "25.2.0-9"], 1, Newer("25.3.0-1", "")),
        ("3.2.2", ["3.2.2", "20040616", "4.0-alpha1"], 1, None),
        ("4.1.0-M1", ["4.0.0", "4.1.0-M2"], 1, None),
        ("2.0", [], 1, None),
    ],
)
def test_the_newest_version_is_of_the_same_series_and_flavour(
    have: str, offered: list[str], parts: int, expected: Newer | None
) -> None:
    assert newer(have, offered, maven_key, parts) == (expected or Newer(have, ""))


def test_a_pre_release_on_a_python_index_does_not_count() -> None:
    offered = ["4.1.1", "4.1.2.dev1", "4.2.0rc1", "4.1.2", "not a version"]
    assert newer("4.1.1", offered, python_key, 2) == Newer("4.1.2", "")


@pytest.mark.parametrize(
    "version", ["1.0-alpha1", "1.0-RC2", "3.2.0-m3", "13.4.0.jre11-preview", "1.0-SNAPSHOT", "2.0.0-beta.1", "20040616"]
)
def test_a_pre_release_or_a_date_is_not_stable(version: str) -> None:
    assert not is_stable(version)


@pytest.mark.parametrize("version", ["1.0", "33.5.0-jre", "1.5.6-10", "6.1.0.Final", "1.0-rcfile", "2.2.0-incubator"])
def test_a_release_is_stable(version: str) -> None:
    assert is_stable(version)


def test_the_flavour_is_what_a_version_is_built_for() -> None:
    assert flavour("13.6.2.jre11") == ("jre11",)
    assert flavour("1.5.6-10") == ()
