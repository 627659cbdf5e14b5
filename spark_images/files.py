"""Files that other runs use too: atomic writes, and locks. A broken file counts as missing."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from spark_images.errors import SparkImagesError, reason

T = TypeVar("T")


def write(file: Path, text: str, *, private: bool = False) -> None:
    """Writes a file atomically and creates its parent folders. Only the user can read a `private` file.

    Raises SparkImagesError if the file cannot be written. The file then keeps its previous content.
    """
    # A rename works only within one file system. The process ID avoids a clash with another process.
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600 if private else 0o666, exist_ok=False)
        partial.write_text(text, encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise SparkImagesError(f"{file} cannot be written: {reason(error)}") from None


def noted(file: Path, kind: TypeAdapter[T]) -> T | None:
    """Returns the JSON that an earlier run wrote to a file, or None if the file is missing or broken."""
    try:
        return kind.validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


@contextmanager
def locked(file: Path, *, wait: bool = True) -> Iterator[bool]:
    """Locks a file against other processes while the block runs. Yields whether it has the lock.

    Creates the file and its parent folders. Without `wait`, it yields False at once if another process has the lock.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
