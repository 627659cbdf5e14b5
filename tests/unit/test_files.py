import stat
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from spark_images import files
from spark_images.errors import SparkImagesError
from tests.unit.limits import full_disk

NUMBERS = TypeAdapter(dict[str, int])


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    files.write(tmp_path / "a/b/file", "två")
    assert (tmp_path / "a/b/file").read_text() == "två"
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["file"]


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    files.write(tmp_path / "file", "a long one")
    files.write(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"


def test_a_file_has_the_rights_that_the_user_gives_files(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    files.write(tmp_path / "file", "")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_private_file_is_the_users_alone(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o644)
    files.write(tmp_path / "file", "", private=True)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_where_the_disk_is_full_the_file_stays_as_it_was(tmp_path: Path) -> None:
    files.write(tmp_path / "file", "before")
    with full_disk(4), pytest.raises(SparkImagesError) as raised:
        files.write(tmp_path / "file", "after all")
    assert str(raised.value) == f"{tmp_path / 'file'} cannot be written: File too large"
    assert (tmp_path / "file").read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    with pytest.raises(SparkImagesError, match=r"folder/file cannot be written: "):
        files.write(tmp_path / "folder/file", "")


def test_what_was_noted_is_read(tmp_path: Path) -> None:
    files.write(tmp_path / "file", '{"a": 1}')
    assert files.noted(tmp_path / "file", NUMBERS) == {"a": 1}


def test_what_was_never_noted_is_not_there(tmp_path: Path) -> None:
    assert files.noted(tmp_path / "folder/file", NUMBERS) is None


@pytest.mark.parametrize("content", [b"", b'{"a": ', b"[]", b'{"a": "one"}', b"\xff\xfe", b"\0\0\0\0"])
def test_what_is_broken_counts_as_never_noted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert files.noted(tmp_path / "file", NUMBERS) is None
