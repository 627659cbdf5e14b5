import pytest

from spark_images.errors import UsageError
from spark_images.publish import references
from spark_images.publish.references import Reference

DIGEST = f"sha256:{'0a' * 32}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("r.example/spark:4.1", Reference("r.example", "spark", "4.1")),
        ("r.example:5000/team/sub/spark", Reference("r.example:5000", "team/sub/spark", "latest")),
        ("localhost/spark:4.1", Reference("localhost", "spark", "4.1")),
        (f"r.example/spark@{DIGEST}", Reference("r.example", "spark", "", DIGEST)),
        (f"r.example/spark:4.1@{DIGEST}", Reference("r.example", "spark", "4.1", DIGEST)),
    ],
)
def test_a_reference_has_its_parts(text: str, expected: Reference) -> None:
    assert references.parse(text) == expected


@pytest.mark.parametrize("text", ["team/spark:4.1", "spark", "spark:4.1", "r.example"])
def test_a_reference_without_a_registry_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match=f'"{text}" names no registry: expected its host first, for example'):
        references.parse(text)


@pytest.mark.parametrize("text", ["r.example/", "r.example/Spark:4", "r.example/spark:a b", "r.example/spark:"])
def test_a_wrong_repository_or_tag_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="the part after the registry is"):
        references.parse(text)


@pytest.mark.parametrize("digest", ["", "sha256:0a", "md5:00", DIGEST.upper(), f"{DIGEST}0"])
def test_a_wrong_digest_is_an_error(digest: str) -> None:
    with pytest.raises(UsageError, match="expected sha256: and 64 hexadecimal digits"):
        references.parse(f"r.example/spark@{digest}")


def test_a_reference_is_shown_by_its_digest_or_its_tag() -> None:
    tagged = references.parse("r.example/team/spark:4.1")
    assert str(tagged) == "r.example/team/spark:4.1"
    assert str(tagged.at(DIGEST)) == f"r.example/team/spark@{DIGEST}"
    assert tagged.repository == "r.example/team/spark"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *((host, True) for host in ("localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9")),
        *((host, False) for host in ("localhost.example", "r.example:127", "127.0.0.1.example", "10.0.0.1")),
    ],
)
def test_a_registry_of_this_machine_is_local(host: str, local: bool) -> None:
    assert Reference(host, "spark").is_local is local


def test_a_prefix_ends_with_one_slash() -> None:
    assert references.prefix("r.example/team") == references.prefix("r.example/team/") == "r.example/team/"


@pytest.mark.parametrize(
    ("given", "message"),
    [("https://r.example/team", 'did you mean "r.example/team"'), ("team", '"team" names no registry')],
)
def test_a_prefix_that_is_no_registry_is_an_error(given: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        references.prefix(given)
