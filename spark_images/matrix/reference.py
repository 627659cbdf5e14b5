"""Checks the registry, repository and tag of image references. Every engine and registry accepts what passes."""

import re
from collections.abc import Callable, Mapping

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"({_LABEL}(\.{_LABEL})*|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{{1,5}}))?")
_FOLDER = re.compile(r"[a-z0-9]+((\.|__?|-+)[a-z0-9]+)*")


def registry(given: str) -> str:
    """Returns the prefix of each image's name: host, port and path with one slash at the end, or "".

    Raises ValueError if `given` is not a valid registry. The message says what was expected.
    """
    plain = given.removesuffix("/")
    if not given or _is_registry(plain):
        return plain and f"{plain}/"
    plain = re.sub(r"^\w+://|\s", "", given).strip("/")
    host, *path = re.split("/+", plain)
    near = "/".join([host, *(folder.lower() for folder in path)])
    raise ValueError(
        f'is "{given}": expected the host, port and path of a registry, for example "registry.example:5000/team"'
        + _nearest(near, _is_registry(near))
    )


def _is_registry(text: str) -> bool:
    first, *path = text.split("/")
    host = _HOST.fullmatch(first)
    port = int(host["port"] or 1) if host else 1
    return bool(host or _FOLDER.fullmatch(first)) and 0 < port < 65536 and all(map(_FOLDER.fullmatch, path))


def tag(given: str) -> str:
    """Returns the tag. Raises ValueError if it is not a valid tag. The message says what was expected."""
    if _TAG.fullmatch(given):
        return given
    near = re.sub(r"[^A-Za-z0-9_.-]+", "-", given).strip(".-")
    raise ValueError(
        f'is "{given}": expected at most 128 letters, digits, "_", "." and "-", not starting with "." or "-", '
        'for example "1.0"' + _nearest(near, bool(_TAG.fullmatch(near)))
    )


def alias(given: str) -> str:
    """Returns a reference without registry, such as `spark:4.1`.

    Raises ValueError unless it has a valid repository and a valid tag. The message says what was expected.
    """
    if _is_alias(given):
        return given
    repository, _, last = re.sub(r"\s", "", given).partition(":")
    folders = [re.sub(r"[^a-z0-9._-]+", "-", folder.lower()).strip("._-") for folder in repository.split("/")]
    near = f"{'/'.join(filter(None, folders))}:{re.sub(r'[^A-Za-z0-9_.-]+', '-', last).strip('.-') or 'latest'}"
    raise ValueError(
        f'is "{given}": expected a repository in lower case, a colon, and a tag of at most 128 letters, digits, '
        '"_", "." and "-", for example "spark:4.1"' + _nearest(near, _is_alias(near))
    )


def _is_alias(text: str) -> bool:
    repository, _, last = text.partition(":")
    return all(map(_FOLDER.fullmatch, repository.split("/"))) and bool(_TAG.fullmatch(last))


def _nearest(near: str, valid: bool) -> str:
    return f' (did you mean "{near}"?)' if valid else ""


PARTS: Mapping[str, Callable[[str], str]] = {"registry": registry, "tag": tag}
"""The check of each setting that is part of an image reference."""
