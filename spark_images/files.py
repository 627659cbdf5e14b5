"""Files that another run reads: each is written whole or not at all, and a broken note is no note."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from spark_images.errors import SparkImagesError, reason

T = TypeVar("T")


def write(file: Path, text: str, *, private: bool = False) -> None:
    """Writes a file in one step, and the folders above it. Only the user can read a `private` one.

    Raises SparkImagesError where it cannot be written: the file is then what it was before.
    """
    # Beside the file, since a rename does not cross file systems; of this process, since another can write it too.
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
    """Returns what an earlier run noted in a file as JSON, or None where there is no such file or it is broken."""
    try:
        return kind.validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
