from pathlib import Path
from typing import Any

import pytest
from docker.models.images import Image

from spark_images.engine import daemon, records
from spark_images.errors import SparkImagesError
from tests.unit.limits import full_disk

TAG = "spark-k8s-app:latest"


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(records, "RECORDS", tmp_path / "built")
    return tmp_path / "built"


def image(digest: str) -> Any:
    return Image({"Id": digest})


def holds(monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    monkeypatch.setattr(daemon, "find", lambda _: image(digest))


def test_an_image_is_current_if_key_and_digest_match_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    holds(monkeypatch, "sha256:1")
    assert not records.is_current(TAG, "key")
    records.remember(TAG, "key", image("sha256:1"))
    assert records.is_current(TAG, "key")
    assert not records.is_current(TAG, "another")
    holds(monkeypatch, "sha256:2")
    assert not records.is_current(TAG, "key")


def test_an_image_without_a_key_is_never_current(monkeypatch: pytest.MonkeyPatch) -> None:
    holds(monkeypatch, "sha256:1")
    records.remember(TAG, None, image("sha256:1"))
    assert not records.is_current(TAG, None)
    assert not records.is_current(TAG, "key")


@pytest.mark.parametrize("content", ["", '{"key": "key", "ima', "[]", '{"key": "key"}', "\0\0\0"])
def test_a_broken_record_is_ignored_and_replaced(monkeypatch: pytest.MonkeyPatch, folder: Path, content: str) -> None:
    holds(monkeypatch, "sha256:1")
    records.remember(TAG, "key", image("sha256:1"))
    (file,) = folder.iterdir()
    file.write_text(content)
    assert not records.is_current(TAG, "key")
    records.remember(TAG, "key", image("sha256:1"))
    assert records.is_current(TAG, "key")


def test_a_record_that_cannot_be_written_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    holds(monkeypatch, "sha256:1")
    records.remember(TAG, "key", image("sha256:1"))
    with full_disk(8), pytest.raises(SparkImagesError, match="cannot be written"):
        records.remember(TAG, "another", image("sha256:2"))
    assert records.is_current(TAG, "key")
