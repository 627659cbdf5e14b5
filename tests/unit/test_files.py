import stat
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from spark_images import files
from spark_images.errors import SparkImagesError
from tests.unit.limits import full_disk

NUMBERS = TypeAdapter(dict[str, int])


def test_write_creates_parent_folders(tmp_path: Path) -> None:
    files.write(tmp_path / "a/b/file", "två")
    assert (tmp_path / "a/b/file").read_text() == "två"
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["file"]


def test_write_replaces_a_file(tmp_path: Path) -> None:
    files.write(tmp_path / "file", "a long one")
    files.write(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"


def test_written_file_has_the_users_default_mode(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    files.write(tmp_path / "file", "")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_private_file_is_readable_only_by_the_user(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o644)
    files.write(tmp_path / "file", "", private=True)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_full_disk_keeps_the_previous_content(tmp_path: Path) -> None:
    files.write(tmp_path / "file", "before")
    with full_disk(4), pytest.raises(SparkImagesError) as raised:
        files.write(tmp_path / "file", "after all")
    assert str(raised.value) == f"{tmp_path / 'file'} cannot be written: File too large"
    assert (tmp_path / "file").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_parent_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(SparkImagesError, match=r"folder/file cannot be written: "):
        files.write(tmp_path / "folder/file", "")


def test_noted_returns_what_was_written(tmp_path: Path) -> None:
    files.write(tmp_path / "file", '{"a": 1}')
    assert files.noted(tmp_path / "file", NUMBERS) == {"a": 1}


def test_noted_returns_none_for_a_missing_file(tmp_path: Path) -> None:
    assert files.noted(tmp_path / "folder/file", NUMBERS) is None


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"[]", b'{"a": "one"}', b"\xff\xfe", b"\0\0\0\0"])
def test_noted_returns_none_for_a_broken_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert files.noted(tmp_path / "file", NUMBERS) is None
