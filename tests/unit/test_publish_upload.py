import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BufferedReader, BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard

from spark_images.engine import daemon
from spark_images.errors import SparkImagesError
from spark_images.plan.project import Project
from spark_images.publish import upload
from spark_images.publish.local import Local
from spark_images.publish.references import Reference
from spark_images.publish.upload import Blob, Job
from spark_images.reports import measure


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


LAYERS = {digest(content): content for content in (b"one" * 100, b"two" * 100, b"three" * 100)}
ONE, TWO, THREE = LAYERS


@dataclass
class Repository:
    """A repository in memory. `mounts` says whether it takes over blobs of other repositories."""

    path: str
    blobs: dict[str, bytes] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    mounts: bool = True

    @property
    def reference(self) -> Reference:
        return Reference("r.example", self.path)

    def has(self, digest: str) -> bool:
        return digest in self.blobs

    def upload(self, file: Path, digest: str) -> None:
        self.blobs[digest] = file.read_bytes()
        self.uploads.append(digest)

    def mount(self, digest: str, source: "Repository") -> bool:
        if self.mounts:
            self.blobs[digest] = source.blobs[digest]
        return self.mounts


@dataclass
class Engine:
    """The engine's images, and the tags that were saved."""

    images: dict[str, Local] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)

    def configuration(self, image: Local) -> bytes:
        return json.dumps({"rootfs": {"diff_ids": list(image.layers)}, "name": image.tag}).encode()

    def read_blobs(self, tags: Sequence[str], read: Callable[[str, BufferedReader], Any]) -> Mapping[str, Any]:
        self.saved += tags
        layers = {layer for tag in tags for layer in self.images[tag].layers}
        for layer in sorted(layers):
            read(f"blobs/sha256/{layer.removeprefix('sha256:')}", _stream(LAYERS[layer]))
        configurations = {tag: read("blobs/c", _stream(self.configuration(self.images[tag]))) for tag in tags}
        return {tag: measure.Read(configurations[tag], []) for tag in tags}

    def find(self, tag: str) -> Any:
        return SimpleNamespace(id=self.images[tag].identity)


def _stream(content: bytes) -> BufferedReader:
    return BufferedReader(BytesIO(content))


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Engine:
    found = Engine()
    monkeypatch.setattr(upload, "FOLDER", tmp_path / "published")
    monkeypatch.setattr(measure, "read_blobs", found.read_blobs)
    monkeypatch.setattr(daemon, "find", found.find)
    return found


@pytest.fixture
def image(small: Project, engine: Engine) -> Local:
    found = Local(small.matrix.buildable[0], "one:latest", "sha256:01", (ONE, TWO), "abc", "", ())
    engine.images[found.tag] = found
    return found


@pytest.fixture
def other(engine: Engine, image: Local) -> Local:
    found = replace(image, tag="other:latest", identity="sha256:02", layers=(ONE, THREE))
    engine.images[found.tag] = found
    return found


def test_an_upload_has_the_layers_with_zstd_and_the_configuration_as_it_is(engine: Engine, image: Local) -> None:
    repository = Repository("spark")
    (found,) = upload.upload([Job(image, repository)])  # type: ignore[arg-type]
    document = json.loads(found.text)
    assert [layer["mediaType"] for layer in document["layers"]] == ["application/vnd.oci.image.layer.v1.tar+zstd"] * 2
    unpack = zstandard.ZstdDecompressor().decompressobj
    packed = [repository.blobs[layer["digest"]] for layer in document["layers"]]
    assert [digest(unpack().decompress(content)) for content in packed] == [ONE, TWO]
    assert [layer["size"] for layer in document["layers"]] == list(map(len, packed))
    assert document["config"]["digest"] == upload.config_of(found) == digest(engine.configuration(image))
    assert repository.blobs[upload.config_of(found)] == engine.configuration(image)


def test_a_layer_of_two_repositories_is_uploaded_once_and_mounted(engine: Engine, image: Local, other: Local) -> None:
    one, two = Repository("spark"), Repository("jupyter")
    jobs = [Job(image, one), Job(other, two)]  # type: ignore[arg-type]
    first, second = upload.upload(jobs)
    shared = json.loads(first.text)["layers"][0]["digest"]
    assert shared == json.loads(second.text)["layers"][0]["digest"]
    assert shared in one.blobs
    assert shared in two.blobs
    assert len(one.uploads + two.uploads) == 3 + 2


def test_a_second_upload_reads_no_image(engine: Engine, image: Local) -> None:
    repository = Repository("spark")
    first = upload.upload([Job(image, repository)])  # type: ignore[arg-type]
    uploads = list(repository.uploads)
    engine.saved.clear()
    assert upload.upload([Job(image, repository)]) == first  # type: ignore[arg-type]
    assert engine.saved == []
    assert repository.uploads[len(uploads) :] == [upload.config_of(first[0])]


def test_only_missing_layers_are_uploaded_again(engine: Engine, image: Local, other: Local) -> None:
    repository = Repository("spark")
    upload.upload([Job(image, repository)])  # type: ignore[arg-type]
    uploads = list(repository.uploads)
    upload.upload([Job(image, repository), Job(other, repository)])  # type: ignore[arg-type]
    assert len(repository.uploads[len(uploads) :]) == 1 + 2


def test_another_registry_gets_all_layers(engine: Engine, image: Local) -> None:
    upload.upload([Job(image, Repository("spark"))])  # type: ignore[arg-type]
    empty = Repository("spark")
    (found,) = upload.upload([Job(image, empty)])  # type: ignore[arg-type]
    assert set(empty.blobs) == {upload.config_of(found), *(each["digest"] for each in json.loads(found.text)["layers"])}


def test_an_image_that_is_replaced_during_the_upload_is_an_error(engine: Engine, image: Local) -> None:
    engine.images[image.tag] = replace(image, identity="sha256:03")
    with pytest.raises(SparkImagesError, match="one:latest was replaced during the upload"):
        upload.upload([Job(image, Repository("spark"))])  # type: ignore[arg-type]


def test_a_registry_that_does_not_mount_is_an_error(engine: Engine, image: Local, other: Local) -> None:
    jobs = [Job(image, Repository("spark")), Job(other, Repository("jupyter", mounts=False))]  # type: ignore[arg-type]
    with pytest.raises(SparkImagesError, match=r"^r.example/jupyter: the registry does not mount blobs"):
        upload.upload(jobs)


def test_the_same_layers_and_configuration_give_the_same_manifest() -> None:
    layers = [Blob(ONE, 3), Blob(TWO, 4)]
    assert upload.manifest(b"{}", layers) == upload.manifest(b"{}", layers)
    assert upload.manifest(b"{}", layers[::-1]) != upload.manifest(b"{}", layers)
