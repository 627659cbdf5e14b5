"""The setting os-image: images that replace the bootstrapped Debian, one for each Debian release."""

from collections.abc import Iterable

from spark_images.errors import nearest


def parse(given: str, releases: Iterable[str]) -> dict[str, str]:
    """Returns the images in the text of the setting by Debian release. A release without an image is bootstrapped.

    Raises ValueError for a text that is not a list of pairs, for a release that is not in `releases`, and for a release
    with two images. The message says what was expected, and names the nearest valid release.
    """
    valid = list(releases)
    images: dict[str, str] = {}

    def wrong(problem: str, near: str) -> ValueError:
        return ValueError(
            f'is "{given}": {problem}: expected RELEASE=IMAGE pairs with blanks between them, for example '
            f'"{valid[0]}=debian:{valid[0]}-slim@sha256:<digest>"; known releases: {", ".join(valid)}{near}'
        )

    for pair in given.split():
        release, equals, image = pair.partition("=")
        near = "" if release in valid else nearest(release, valid)
        if not equals and release not in valid:
            named = [known for known in valid if known in pair]
            raise wrong(f'"{pair}" is not a pair', f' (did you mean "{named[0]}={pair}"?)' if named else near)
        if not image:
            raise wrong(f'"{pair}" has no image', near)
        if "=" in image:
            raise wrong(f'"{pair}" has more than one "="', near)
        if release not in valid:
            raise wrong(f'no stack has the Debian release "{release}"', near)
        if release in images:
            raise wrong(f"{release} has two images", "")
        images[release] = image
    return images


def values(image: str) -> dict[str, str]:
    """Returns the values that the image of a release adds to a cell. They are empty without an image."""
    name, _, digest = image.partition("@")
    return {"os_image_name": name, "os_image_digest": digest}
