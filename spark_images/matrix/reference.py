"""Checks the registry and tag of image references. Every engine and registry accepts what passes."""

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


def _nearest(near: str, valid: bool) -> str:
    return f' (did you mean "{near}"?)' if valid else ""


PARTS: Mapping[str, Callable[[str], str]] = {"registry": registry, "tag": tag}
"""The check of each setting that is part of an image reference."""
