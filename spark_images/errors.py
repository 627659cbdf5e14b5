"""Errors for the person who reads them: one message, one exit code, no stack trace."""

import errno
from collections.abc import Iterable
from difflib import get_close_matches


class SparkImagesError(Exception):
    """Something failed that the user can act upon; the message says what, and what to do. Exit code 1."""

    exit_code = 1


class UsageError(SparkImagesError):
    """The user requested for something that does not exist or cannot work. Exit code 2."""

    exit_code = 2


class CommandError(SparkImagesError):
    """A command that the user gave ended with an exit code of its own, which becomes ours."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class MatrixError(UsageError):
    """images.toml, or a lock beside it, holds a mistake; the message names the table and the key. Exit code 2."""


_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


def reason(error: OSError) -> str:
    """Returns what the system says of an error, and what to do where the disk is full."""
    said = error.strerror or str(error)
    if error.errno in _FULL:
        said += ": remove what you no longer need (docker system prune, docker buildx prune)"
    return said


def of_machine(error: OSError) -> SparkImagesError | None:
    """Returns the error for the user where the machine is the reason: a full disk, a right that is missing. None for
    every other one, which is a mistake of ours: its stack trace says where.
    """
    if error.errno not in _FULL | _REFUSED:
        return None
    return SparkImagesError(f"{error.filename}: {reason(error)}" if error.filename else reason(error))


def nearest(value: str, valid: Iterable[str]) -> str:
    """Returns `; the nearest is "…"` for the valid value most like `value`, or "" where none is like it."""
    matches = get_close_matches(value, list(valid), n=1, cutoff=0.5)
    return f'; the nearest is "{matches[0]}"' if matches else ""


def unknown(what: str, value: str, valid: Iterable[str]) -> str:
    """Returns the sentence for a `value` that is not among the `valid` ones: what there is, and the nearest."""
    valid = list(valid)
    return f'there is no {what} "{value}": there is {", ".join(valid)}{nearest(value, valid)}'
