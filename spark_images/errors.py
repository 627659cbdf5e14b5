"""Errors for users: each has one message and one exit code, and prints no stack trace."""

import errno
from collections.abc import Iterable
from difflib import get_close_matches


class SparkImagesError(Exception):
    """A failure that the user can fix. The message says what failed and what to do. Exit code 1."""

    exit_code = 1


class UsageError(SparkImagesError):
    """The user asked for something that does not exist or cannot work. Exit code 2."""

    exit_code = 2


class CommandError(SparkImagesError):
    """A command of the user failed. Its exit code becomes the exit code of the task."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class MatrixError(UsageError):
    """A mistake in images.toml or a file that must match it. The message names the place. Exit code 2."""


_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


def reason(error: OSError) -> str:
    """Returns the system's text for an error. If the disk is full, adds what to do."""
    said = error.strerror or str(error)
    if error.errno in _FULL:
        said += ": remove what you no longer need (docker system prune, docker buildx prune)"
    return said


def of_machine(error: OSError) -> SparkImagesError | None:
    """Returns the error to show the user if the machine caused it: a full disk or a missing permission.

    Returns None for any other error. That is a bug in this project, and its stack trace helps to find it.
    """
    if error.errno not in _FULL | _REFUSED:
        return None
    return SparkImagesError(f"{error.filename}: {reason(error)}" if error.filename else reason(error))


def nearest(value: str, valid: Iterable[str]) -> str:
    """Returns ` (did you mean "…"?)` with the valid value most similar to `value`, or "" if none is similar."""
    matches = get_close_matches(value, list(valid), n=1, cutoff=0.5)
    return f' (did you mean "{matches[0]}"?)' if matches else ""


def unknown(what: str, value: str, valid: Iterable[str]) -> str:
    """Returns the message for a `value` that is not one of the `valid` values. It names the nearest valid value."""
    valid = list(valid)
    return f'unknown {what} "{value}"; expected one of {", ".join(valid)}{nearest(value, valid)}'
