"""The setting os-image: images that replace bootstrapped Debian releases."""

import pytest

from spark_images.errors import MatrixError, UsageError
from spark_images.matrix import os_images
from tests.unit.tree import Tree

VARIABLE = "SPARK_IMAGES_OS_IMAGE"
EXPECTED = (
    "expected RELEASE=IMAGE pairs with blanks between them, for example "
    '"bookworm=debian:bookworm-slim@sha256:<digest>"; known releases: bookworm, trixie'
)


@pytest.mark.parametrize(
    ("given", "images"),
    [
        ("", {}),
        ("  ", {}),
        ("bookworm=debian:bookworm-slim@sha256:0f", {"bookworm": "debian:bookworm-slim@sha256:0f"}),
        (" trixie=r.example:5000/debian\n bookworm=b ", {"trixie": "r.example:5000/debian", "bookworm": "b"}),
    ],
)
def test_each_pair_gives_the_image_of_a_release(full: Tree, given: str, images: dict[str, str]) -> None:
    assert full.matrix({VARIABLE: given}).os_images == images
    assert full.toml('os-image = ""', f"os-image = '''{given}'''").matrix().os_images == images


@pytest.mark.parametrize(
    ("given", "problem", "near"),
    [
        ("debian:trixie-slim", '"debian:trixie-slim" is not a pair', "trixie=debian:trixie-slim"),
        ("trixie", '"trixie" has no image', ""),
        ("trixi", '"trixi" is not a pair', "trixie"),
        ("ubuntu", '"ubuntu" is not a pair', ""),
        ("bookworm=a trixie", '"trixie" has no image', ""),
        ("bookworm=", '"bookworm=" has no image', ""),
        ("trixi=", '"trixi=" has no image', "trixie"),
        ("bookworm=a,trixie=b", '"bookworm=a,trixie=b" has more than one "="', ""),
        ("bookworm=a trixie=b bookworm=c", "bookworm has two images", ""),
        ("Trixie=a", 'no stack has the Debian release "Trixie"', "trixie"),
        ("=a", 'no stack has the Debian release ""', ""),
    ],
)
def test_a_mistake_names_the_setting_an_example_and_the_nearest_release(
    full: Tree, given: str, problem: str, near: str
) -> None:
    expected = f'is "{given}": {problem}: {EXPECTED}' + (f' (did you mean "{near}"?)' if near else "")
    with pytest.raises(UsageError) as raised:
        full.matrix({VARIABLE: given})
    assert str(raised.value) == f"{VARIABLE} {expected}"
    assert not isinstance(raised.value, MatrixError)
    with pytest.raises(MatrixError) as raised_by_file:
        full.toml('os-image = ""', f"os-image = '{given}'").matrix()
    assert str(raised_by_file.value) == f"images.toml: [settings] os-image: it {expected}"


def test_the_release_that_a_line_overrides_can_have_an_image(full: Tree) -> None:
    full.toml('scala = "3"', 'scala = "3"\ndebian = "forky"\ndebian-number = "14"')
    assert full.matrix({VARIABLE: "forky=debian:forky"}).os_images == {"forky": "debian:forky"}


def test_an_image_without_a_digest_has_an_empty_digest() -> None:
    assert os_images.values("debian:trixie") == {"os_image_name": "debian:trixie", "os_image_digest": ""}
    assert os_images.values("") == {"os_image_name": "", "os_image_digest": ""}
