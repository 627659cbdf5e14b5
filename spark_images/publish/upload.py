"""Uploads images to a registry: each layer once, compressed with zstd, and the configuration as the engine has it.

The digest of the configuration identifies what was tested: it contains the digests of the unpacked layers, so no
compression changes it. `.build/published` keeps what an upload needs again: the digests of compressed layers, and the
configurations.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from io import BufferedReader
from pathlib import Path
from tempfile import NamedTemporaryFile

import zstandard
from pydantic import TypeAdapter

from spark_images import BUILD, files
from spark_images.engine import daemon
from spark_images.errors import SparkImagesError
from spark_images.publish.local import Local
from spark_images.publish.registry import Manifest, Repository
from spark_images.reports import measure

FOLDER = BUILD / "published"
OCI = "application/vnd.oci.image"


@dataclass(frozen=True)
class Blob:
    """A compressed layer in a registry. `size` is in bytes."""

    digest: str
    size: int


_BLOBS = TypeAdapter(dict[str, Blob])


@dataclass(frozen=True)
class Job:
    """An image, and the repository that it goes to."""

    image: Local
    repository: Repository


def configuration(image: Local) -> bytes | None:
    """Returns the configuration of an image as the engine has it, if an earlier upload has read it."""
    try:
        return _configuration(image).read_bytes()
    except FileNotFoundError:
        return None


def _configuration(image: Local) -> Path:
    return FOLDER / "configurations" / f"{image.identity.removeprefix('sha256:')}.json"


def digest_of(configuration: bytes) -> str:
    """Returns the digest of a configuration."""
    return f"sha256:{hashlib.sha256(configuration).hexdigest()}"


def upload(jobs: Sequence[Job]) -> list[Manifest]:
    """Uploads the layers and the configuration of each image. Returns the manifests, which it does not upload.

    The repositories are in the same registry. Blobs that the registry has are not uploaded again, so a repeated call
    continues an interrupted one. Raises SparkImagesError if the engine or the registry fails.
    """
    state = _State(jobs)
    state.read()
    state.spread()
    found = []
    for job in jobs:
        content = configuration(job.image)
        assert content is not None
        job.repository.upload(_configuration(job.image), digest_of(content))
        found.append(manifest(content, [state.blobs[layer] for layer in job.image.layers]))
    return found


def manifest(configuration: bytes, layers: Sequence[Blob]) -> Manifest:
    """Returns the manifest of an image with these layers, bottom layer first. The same input gives the same bytes."""
    document = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": {
            "mediaType": f"{OCI}.config.v1+json",
            "digest": digest_of(configuration),
            "size": len(configuration),
        },
        "layers": [{"mediaType": f"{OCI}.layer.v1.tar+zstd", **asdict(layer)} for layer in layers],
    }
    return Manifest(json.dumps(document, indent=1))


def config_of(manifest: Manifest) -> str:
    """Returns the digest of the configuration that a manifest names."""
    return str(json.loads(manifest.text)["config"]["digest"])


class _State:
    """The layers of an upload: which of them the registry has, and in which repositories."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.blobs = files.noted(FOLDER / "layers.json", _BLOBS) or {}
        self.where: dict[str, list[Repository]] = {}
        for layer, wanted in self.wanted.items():
            if blob := self.blobs.get(layer):
                self.where[layer] = [repository for repository in wanted if repository.has(blob.digest)]

    @cached_property
    def wanted(self) -> Mapping[str, Sequence[Repository]]:
        """The repositories that need each layer."""
        found: dict[str, dict[str, Repository]] = {}
        for job in self.jobs:
            for layer in job.image.layers:
                found.setdefault(layer, {}).setdefault(job.repository.reference.path, job.repository)
        return {layer: list(repositories.values()) for layer, repositories in found.items()}

    def read(self) -> None:
        """Uploads the layers that no repository has, and keeps the configurations of the images."""
        images = {job.image.tag: job.image for job in self.jobs}
        missing = {layer for layer in self.wanted if not self.where.get(layer)}
        # `covering` chooses images by their layers. A configuration that is not kept yet counts as one more layer.
        unread = {
            tag: [*(layer for layer in image.layers if layer in missing), *([] if configuration(image) else [tag])]
            for tag, image in images.items()
        }
        if not (tags := measure.covering(unread, {})):
            return

        def take(name: str, content: BufferedReader) -> bytes:
            if content.peek(1).startswith(b"{"):
                return content.read()
            if not self.where.get(measure.digest_in(name)):
                self._take(content, missing)
            return b""

        for tag, found in measure.read_blobs(tags, take).items():
            image = daemon.find(tag)
            if image is None or image.id != images[tag].identity:
                raise SparkImagesError(f"{tag} was replaced during the upload: test the new image and publish again")
            files.write(_configuration(images[tag]), found.configuration.decode())
        if missing:
            raise SparkImagesError(f"the engine did not save the layer {sorted(missing)[0]}")

    def _take(self, content: BufferedReader, missing: set[str]) -> None:
        """Compresses a layer. If it is `missing`, uploads it to the first repository that needs it."""
        unpacked = hashlib.sha256()
        packed = hashlib.sha256()
        compressor = zstandard.ZstdCompressor(level=measure.LEVEL, threads=-1).compressobj()
        FOLDER.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=FOLDER, prefix="layer-") as file:

            def put(block: bytes) -> None:
                packed.update(block)
                file.write(block)

            stream = measure.unpacked(content)
            while block := stream.read(measure.BLOCK):
                unpacked.update(block)
                put(compressor.compress(block))
            put(compressor.flush())
            file.flush()
            layer = f"sha256:{unpacked.hexdigest()}"
            if layer in missing:
                blob = Blob(f"sha256:{packed.hexdigest()}", file.tell())
                first = self.wanted[layer][0]
                first.upload(Path(file.name), blob.digest)
                missing.remove(layer)
                self.blobs[layer], self.where[layer] = blob, [first]
                files.write(
                    FOLDER / "layers.json",
                    json.dumps({name: asdict(known) for name, known in self.blobs.items()}, indent=1),
                )

    def spread(self) -> None:
        """Mounts each layer in the other repositories that need it."""
        for layer, wanted in self.wanted.items():
            blob, (first, *_) = self.blobs[layer], self.where[layer]
            have = {repository.reference.path for repository in self.where[layer]}
            for repository in wanted:
                if repository.reference.path not in have and not repository.mount(blob.digest, first):
                    raise SparkImagesError(
                        f"{repository.reference.repository}: the registry does not mount blobs of another repository: "
                        "publish the kinds of images one at a time"
                    )
