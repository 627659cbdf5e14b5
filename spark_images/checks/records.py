"""Records of tests: which sessions passed on an image, at which commit. `inv publish` attaches them to the image.

A record belongs to the image's ID, which is a hash of its content. A rebuilt image with other content has no records.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from pydantic import TypeAdapter

from spark_images import BUILD, files
from spark_images.engine import daemon, git

FOLDER = BUILD / "records"


@dataclass(frozen=True)
class Record:
    """The result of one session on an image.

    `session` has the session's name and tier. `commit` is the commit of the tests, and ends in `-dirty` if the working
    tree differed from it. `finished` is in the format of RFC 3339. `passed`, `failed` and `skipped` are names of tests.
    """

    image: str
    cell: str
    session: str
    commit: str
    finished: str
    passed: tuple[str, ...]
    failed: tuple[str, ...]
    skipped: tuple[str, ...]


_RECORD = TypeAdapter(Record)


def write(
    image: str, cell: str, session: str, key: str, reports: Sequence[Path], now: datetime | None = None
) -> Record:
    """Writes the record of a session on the image with the ID `image`, from pytest's JUnit reports. Returns it.

    `key` is the prefix of the session's result files, as in `results.key`. A record of the same key is replaced. Raises
    SparkImagesError if the file cannot be written.
    """
    passed, failed, skipped = _names(reports)
    finished = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    record = Record(image, cell, session, _commit(), finished, passed, failed, skipped)
    files.write(_folder(image) / f"{key}.json", json.dumps(asdict(record), indent=1) + "\n")
    return record


def identity(tag: str) -> str:
    """Returns the ID of the engine's image with this tag, or "" if there is none. Raises SparkImagesError if the engine
    does not answer.
    """
    image = daemon.find(tag)
    return str(image.id) if image else ""


def of_image(image: str) -> list[Record]:
    """Returns the records of the image with this ID, sorted by key."""
    found = (files.noted(file, _RECORD) for file in sorted(_folder(image).glob("*.json")))
    return [record for record in found if record]


def _folder(image: str) -> Path:
    return FOLDER / image.removeprefix("sha256:")


def _names(reports: Sequence[Path]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    passed, failed, skipped = set(), set(), set()
    for report in reports:
        for case in ElementTree.parse(report).getroot().iter("testcase"):  # noqa: S314 -- pytest wrote the file
            name = f"{case.get('classname', '')}::{case.get('name', '')}"
            if case.find("failure") is not None or case.find("error") is not None:
                failed.add(name)
            elif case.find("skipped") is not None:
                skipped.add(name)
            else:
                passed.add(name)
    return tuple(sorted(passed - failed)), tuple(sorted(failed)), tuple(sorted(skipped))


def _commit() -> str:
    """Returns the commit of the working tree, with `-dirty` if a tracked file differs from it."""
    commit = git.ask("rev-parse", "HEAD") or "unknown"
    return f"{commit}{git.DIRTY}" if git.ask("status", "--porcelain", "--untracked-files=no") else commit
