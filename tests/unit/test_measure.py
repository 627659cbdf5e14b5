import gzip
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard
from docker.errors import ImageNotFound

from spark_images.engine import daemon
from spark_images.errors import SparkImagesError
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project
from spark_images.reports import measure
from spark_images.reports.measure import Content, Layer, Read, Sizes
from tests.unit.limits import full_disk
from tests.unit.tree import Tree


def test_a_shared_layer_counts_once() -> None:
    shared, own = Layer("sha256:1", "os", 10, 4), Layer("sha256:2", "core", 5, 3)
    sizes = Sizes({"a": (shared,), "b": (shared, own)})
    assert (sizes.of("a"), sizes.of("b")) == (Content(10, 4), Content(15, 7))
    assert (sizes.total, sizes.stored) == (Content(25, 11), Content(15, 7))


def test_origins_name_every_layer_bottom_first(small: Project) -> None:
    graph = small.graph(cell_of(small.matrix, f"9.0-{variant}") for variant in ("baseline", "lake"))
    baseline, lake = (measure.origins(graph, graph.targets[f"spark-9.0{s}"]) for s in ("", "-lake"))
    common = ["rootfs-bookworm", "os-bookworm", "jdk-17", "deps-3.11", "drivers", "", "", "core-9.0", "conf"]
    assert baseline == [*common, "", "", "spark-9.0 settings"]
    assert lake == [*common, "lake-deps-3.11", "lake-jars-9", "spark-9.0-lake settings"]


def test_origins_of_an_image_include_those_of_its_base(small: Project) -> None:
    graph = small.graph([cell_of(small.matrix, "jupyter-10.0-gpu-lake")])
    found = measure.origins(graph, graph.targets["jupyter-10.0-gpu-lake"])
    assert found == [
        *("rootfs-trixie", "os-trixie", "cuda-1.2-trixie", "jdk-21", "deps-3.13", "drivers", "gpu-deps-3.13"),
        *(
            "gpu-jars-10",
            "core-10.0",
            "conf",
            "lake-deps-3.13",
            "lake-jars-10",
            "spark-10.0-gpu-lake settings",
            "book",
            "lake-book",
        ),
    ]


def test_origins_include_the_layers_of_a_feature(tree: Tree) -> None:
    project = tree.load()
    graph = project.graph(project.matrix.buildable)
    found = measure.origins(graph, graph.targets["app-9.0-lake"])
    assert found == [
        "rootfs-bookworm",
        "os-bookworm",
        "jdk-17",
        "core-9.0",
        "conf",
        "lake-jars-9",
        "app-9.0-lake settings",
    ]


CONFIG = "blobs/config"
"""The configuration of all images in an archive."""


def archive(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
        for name, content in (members | {CONFIG: b"{}"}).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def saves(monkeypatch: pytest.MonkeyPatch, path: Path, code: int = 0, then: str = ":") -> None:
    original = subprocess.Popen

    def popen(command: list[str], **options: Any) -> Any:
        assert command[:2] == ["docker", "save"]
        return original(["/bin/sh", "-c", f"cat {path} && {then} && exit {code}"], **options)

    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/docker")
    monkeypatch.setattr(subprocess, "Popen", popen)


def manifest(**images: list[str]) -> bytes:
    saved = [{"Config": CONFIG, "RepoTags": [f"{n}:latest"], "Layers": layers} for n, layers in images.items()]
    return json.dumps(saved).encode()


def test_a_layer_has_an_unpacked_and_a_compressed_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"blobs/1": b"x" * 100, "blobs/2": gzip.compress(b"y" * 5000)}
    members["manifest.json"] = manifest(a=["blobs/1"], b=["blobs/1", "blobs/2"])
    saves(monkeypatch, archive(tmp_path / "images.tar", members))
    found = measure._layer_sizes(["a:latest", "b:latest"], {})
    assert {tag: [layer.size for layer in layers] for tag, layers in found.items()} == {
        "a:latest": [100],
        "b:latest": [100, 5000],
    }
    assert found["b:latest"][1].compressed == pytest.approx(len(zstandard.compress(b"y" * 5000)), abs=20)


LAYER = b"y" * 5000 + b"z" * 3000
PARTS = (LAYER[:5000], LAYER[5000:])


@pytest.mark.parametrize(
    "blob",
    [
        LAYER,
        gzip.compress(LAYER),
        b"".join(map(gzip.compress, PARTS)),
        zstandard.compress(LAYER),
        zstandard.ZstdCompressor(write_content_size=False).compress(LAYER),
        b"".join(map(zstandard.compress, PARTS)),
        b"".join(map(zstandard.compress, PARTS)) + b"\x50\x2a\x4d\x18\x03\0\0\0end",
        b"",
    ],
    ids=["plain", "gzip", "gzip in parts", "zstd", "zstd streamed", "zstd in parts", "zstd with a table", "empty"],
)
def test_a_layer_has_the_same_size_in_every_compression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blob: bytes
) -> None:
    saves(monkeypatch, archive(tmp_path / "images.tar", {"blobs/1": blob, "manifest.json": manifest(a=["blobs/1"])}))
    (found,) = measure._layer_sizes(["a:latest"], {})["a:latest"]
    content = LAYER if blob else b""
    assert found == Content(len(content), pytest.approx(len(zstandard.compress(content)), abs=20))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "blob", [gzip.compress(LAYER)[:-20], zstandard.compress(LAYER)[:-4] + b"\0" * 9], ids=["gzip", "zstd"]
)
def test_a_broken_layer_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blob: bytes) -> None:
    saves(monkeypatch, archive(tmp_path / "images.tar", {"blobs/1": blob, "manifest.json": manifest(a=["blobs/1"])}))
    with pytest.raises(SparkImagesError, match=r"docker save failed: .*blobs/1 is broken: "):
        measure._layer_sizes(["a:latest"], {})


def test_the_configuration_of_an_image_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"blobs/1": b"x", "manifest.json": manifest(a=["blobs/1"])}
    saves(monkeypatch, archive(tmp_path / "images.tar", members))
    found = measure.read_blobs(["a:latest"], lambda name, content: (name, content.read()))
    assert found == {"a:latest": Read((CONFIG, b"{}"), [("blobs/1", b"x")])}


def test_a_known_layer_is_not_compressed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"blobs/1": b"x", "blobs/2": b"y"} | {"manifest.json": manifest(a=["blobs/1", "blobs/2"])}
    saves(monkeypatch, archive(tmp_path / "images.tar", members))
    known = Content(100, 50)
    assert measure._layer_sizes(["a:latest"], {"sha256:1": known})["a:latest"][0] is known


def test_only_images_with_an_unknown_layer_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requested = []

    def read(tags: list[str], known: Any) -> dict[str, list[Content]]:
        requested.append(tags)
        return {tag: [Content(1, 1), Content(2, 2)] for tag in tags}

    monkeypatch.setattr(measure, "CACHE", tmp_path / "made/layers.json")
    monkeypatch.setattr(measure, "_layer_sizes", read)
    measure.contents({"a": ["sha256:1", "sha256:2"]})
    known = measure.contents({"a": ["sha256:1", "sha256:2"], "b": ["sha256:1", "sha256:3"]})
    assert requested == [["a"], ["b"]]
    assert known == {"sha256:1": Content(1, 1), "sha256:2": Content(2, 2), "sha256:3": Content(2, 2)}


def test_an_unknown_layer_is_read_from_the_smallest_image_that_has_it() -> None:
    known = {"base": Content(10, 1), "gpu": Content(1000, 1)}
    images = {"large": ["base", "gpu", "new"], "small": ["base", "new"], "other": ["base"]}
    assert measure.covering(images, known) == ["small"]
    assert measure.covering(images, {**known, "new": Content(1, 1)}) == []


def test_covering_returns_few_images_with_every_unknown_layer() -> None:
    images = {"a": ["1"], "b": ["1", "2"], "c": ["3"]}
    assert measure.covering(images, {}) == ["b", "c"]


@pytest.mark.parametrize("content", ["", '{"sha256:1": {"size": 1, ', "[]", '{"sha256:1": {"size": 1}}', "\0\0"])
def test_a_broken_cache_is_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setattr(measure, "CACHE", tmp_path / "layers.json")
    monkeypatch.setattr(measure, "_layer_sizes", lambda tags, _: {tag: [Content(3, 2)] for tag in tags})
    (tmp_path / "layers.json").write_text(content)
    assert measure.contents({"a": ["sha256:1"]}) == {"sha256:1": Content(3, 2)}
    monkeypatch.setattr(measure, "_layer_sizes", lambda *_: pytest.fail("an image was read"))
    assert measure.contents({"a": ["sha256:1"]}) == {"sha256:1": Content(3, 2)}


def test_a_cache_that_cannot_be_written_keeps_its_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "CACHE", tmp_path / "layers.json")
    monkeypatch.setattr(measure, "_layer_sizes", lambda tags, _: {tag: [Content(3, 2)] for tag in tags})
    measure.contents({"a": ["sha256:1"]})
    with full_disk(8), pytest.raises(SparkImagesError, match="cannot be written"):
        measure.contents({"b": ["sha256:2"]})
    monkeypatch.setattr(measure, "_layer_sizes", lambda *_: pytest.fail("an image was read"))
    assert measure.contents({"a": ["sha256:1"]}) == {"sha256:1": Content(3, 2)}


def test_a_layer_in_the_catalogue_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "CACHE", tmp_path / "layers.json")
    monkeypatch.setattr(measure, "_layer_sizes", lambda *_: pytest.fail("an image was read"))
    assert measure.contents({"a": ["sha256:1"]}, [Layer("sha256:1", "os", 10, 4)]) == {"sha256:1": Content(10, 4)}


def test_a_failed_save_is_an_error_with_its_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saves(monkeypatch, archive(tmp_path / "images.tar", {"manifest.json": manifest()}), code=3)
    with pytest.raises(SparkImagesError, match="docker save failed with exit code 3"):
        measure._layer_sizes(["a:latest"], {})


def test_a_save_without_output_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "images.tar").write_bytes(b"")
    saves(monkeypatch, tmp_path / "images.tar", code=1)
    with pytest.raises(SparkImagesError, match="docker save failed"):
        measure._layer_sizes(["a:latest"], {})


def test_a_save_is_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = archive(tmp_path / "images.tar", {"1/layer.tar": b"x" * 100, "manifest.json": manifest(a=["1/layer.tar"])})
    saves(monkeypatch, images, then="head --bytes 1000000 /dev/zero")
    assert [layer.size for layer in measure._layer_sizes(["a:latest"], {})["a:latest"]] == [100]


def test_a_link_to_a_shared_layer_has_the_size_of_the_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"1/layer.tar": b"x" * 100, "manifest.json": manifest(a=["1/layer.tar"], b=["2/layer.tar"])}
    saves(monkeypatch, archive(tmp_path / "images.tar", members, {"2/layer.tar": "../1/layer.tar"}))
    found = measure._layer_sizes(["a:latest", "b:latest"], {})
    assert [layer.size for layers in found.values() for layer in layers] == [100, 100]


def test_a_missing_docker_cli_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SparkImagesError, match=r"the docker CLI is missing: run \./bootstrap"):
        measure._layer_sizes(["a:latest"], {})


def test_images_that_the_engine_does_not_have_are_omitted(small: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = [f"sha256:{number}" for number in range(13)]

    def get(tag: str) -> Any:
        if tag != "spark-k8s-spark-9.0:latest":
            raise ImageNotFound(tag)
        return SimpleNamespace(
            attrs={"RootFS": {"Layers": digests}}, history=lambda: history("ADD", *["COPY"] * 11, "WORKDIR")
        )

    monkeypatch.setattr(daemon, "client", lambda: SimpleNamespace(images=SimpleNamespace(get=get)))
    monkeypatch.setattr(measure, "contents", lambda *_: {digest: Content(i, i) for i, digest in enumerate(digests)})
    sizes = measure.measure(small, small.matrix.buildable)
    assert list(sizes.images) == ["spark-9.0"]
    assert [layer.digest for layer in sizes.images["spark-9.0"]] == digests
    assert [layer.origin for layer in sizes.images["spark-9.0"]][-1] == measure.SETTINGS
    assert sizes.total.size == sum(range(13))


def test_an_image_older_than_its_dockerfiles_is_an_error(tree: Tree) -> None:
    project = tree.load()
    graph = project.graph(project.matrix.buildable)
    with pytest.raises(SparkImagesError, match=r"app-9\.0: the engine's image has 2 layers, .* make 7: run `inv build"):
        measure._origins(graph, graph.targets["app-9.0"], history("ADD", "COPY"), 2)


def history(*instructions: str) -> list[dict[str, Any]]:
    """Returns the history of an image as the engine reports it, newest first. `instructions` are oldest first."""
    return [{"CreatedBy": f"{instruction} /a # buildkit", "Size": 0} for instruction in reversed(instructions)]


def test_a_workdir_in_the_base_does_not_shift_the_names_of_later_layers(small: Project) -> None:
    """Every COPY, ADD, RUN and WORKDIR makes a layer, even an empty one. No other instruction makes one."""
    graph = small.graph([cell_of(small.matrix, "jupyter-9.0-lake")])
    target = graph.targets["jupyter-9.0-lake"]
    spark = ["ADD", "ARG", "RUN", *["COPY"] * 10, "ENV", "WORKDIR", "USER", "ENTRYPOINT", "CMD"]
    found = measure._origins(graph, target, history(*spark, "COPY", "COPY", "ENV", "EXPOSE", "HEALTHCHECK", "CMD"), 15)
    assert found[-4:] == ["spark-9.0-lake settings", measure.SETTINGS, "book", "lake-book"]
    assert [name for name in found if name != measure.SETTINGS] == measure.origins(graph, target)


def test_a_workdir_between_copies_has_no_name_of_a_target(tree: Tree) -> None:
    project = tree.load()
    graph = project.graph(project.matrix.buildable)
    steps = ["ADD", "RUN", "COPY", "WORKDIR", "COPY", "COPY", "COPY", "COPY", "WORKDIR"]
    found = measure._origins(graph, graph.targets["app-9.0-lake"], history(*steps), 9)
    assert [i for i, name in enumerate(found) if name == measure.SETTINGS] == [3, 8]
    assert found[2:5] == ["jdk-17", measure.SETTINGS, "core-9.0"]


@pytest.mark.parametrize(("steps", "count"), [(["# debian.sh"], 7), (["# debian.sh"] * 2, 8)])
def test_the_history_of_a_foreign_os_image_does_not_shift_names(tree: Tree, steps: list[str], count: int) -> None:
    project = tree.load()
    graph = project.graph(project.matrix.buildable)
    target = graph.targets["app-9.0-lake"]
    found = measure._origins(graph, target, history(*steps, "RUN", *["COPY"] * 5), count)
    assert found == [measure.SETTINGS] * (count - 7) + measure.origins(graph, target)
