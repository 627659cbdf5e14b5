"""Building again, without an engine, a registry or a build. The commit is that of a small repository."""

import gzip
import os
import subprocess
import tarfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from io import BufferedReader, BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard

from spark_images.attest import provenance
from spark_images.engine import daemon, git
from spark_images.errors import SparkImagesError
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project
from spark_images.publish import cosign, reproduce, statements, verify
from spark_images.publish.cosign import Trust
from spark_images.publish.references import Reference
from spark_images.publish.reproduce import Layer
from spark_images.reports import measure

IMAGE = Reference("r.example", "k8s-spark", "", f"sha256:{'0a' * 32}")
TAG = "reproduced-0a0a0a0a0a0a"
ONE, TWO, THREE, OTHER = (f"sha256:{digit * 64}" for digit in "1234")


def layer(*members: tuple[str, Any], content: bytes = b"") -> bytes:
    """Returns a tar file. Each member is a path, and the fields of its header."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, fields in members:
            member = tarfile.TarInfo(path)
            for name, value in fields.items():
                setattr(member, name, value)
            member.size = len(content) if member.isfile() else 0
            archive.addfile(member, BytesIO(content))
    return buffer.getvalue()


def files(content: bytes) -> Mapping[str, str]:
    return reproduce.files(BufferedReader(BytesIO(content)))


def test_the_files_of_a_layer_are_the_same_with_any_compression() -> None:
    plain = layer(("usr/a", {}), ("usr", {"type": tarfile.DIRTYPE}), content=b"text")
    found = files(plain)
    assert set(found) == {"/usr/a", "/usr"}
    assert files(gzip.compress(plain)) == files(zstandard.ZstdCompressor().compress(plain)) == found


def test_the_place_in_a_layer_and_the_form_of_a_path_do_not_matter() -> None:
    one = layer(("./usr/a", {}), ("usr/b", {}))
    other = layer(("/usr/b", {}), ("usr/./a", {}))
    assert reproduce.differences(files(one), files(other)) == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": 0o4755},
        {"uid": 1},
        {"gid": 1},
        {"mtime": 1},
        {"type": tarfile.DIRTYPE},
        {"type": tarfile.SYMTYPE, "linkname": "b"},
        {"type": tarfile.LNKTYPE, "linkname": "b"},
        {"pax_headers": {"SCHILY.xattr.security.capability": "cap_net_raw"}},
    ],
)
def test_each_fact_about_a_file_counts(fields: Mapping[str, Any]) -> None:
    one, other = files(layer(("usr/a", {}))), files(layer(("usr/a", fields)))
    assert reproduce.differences(one, other) == ("/usr/a",)


def test_the_content_of_a_file_and_the_target_of_a_link_count() -> None:
    one, other = (files(layer(("a", {}), content=content)) for content in (b"one", b"two"))
    assert reproduce.differences(one, other) == ("/a",)
    one, other = (files(layer(("a", {"type": tarfile.SYMTYPE, "linkname": name}))) for name in "bc")
    assert reproduce.differences(one, other) == ("/a",)
    one, other = (files(layer(("a", {"type": tarfile.CHRTYPE, "devminor": number}))) for number in (1, 2))
    assert reproduce.differences(one, other) == ("/a",)


def test_headers_that_do_not_change_a_file_do_not_count() -> None:
    one, other = files(layer(("a", {}))), files(layer(("a", {"pax_headers": {"comment": "x"}})))
    assert reproduce.differences(one, other) == ()


def test_differences_are_sorted_and_have_the_files_of_both_sides() -> None:
    assert reproduce.differences({"/c": "1", "/b": "1", "/same": "1"}, {"/b": "2", "/a": "1", "/same": "1"}) == (
        "/a",
        "/b",
        "/c",
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Layer("os", ONE, True), True),
        (Layer("os", ONE, False, ("/a.jsa", "/b.jsa")), True),
        (Layer("jdk", ONE, False, ("/usr/lib/jvm/java-17/lib/modules", "/b.jsa")), True),
        (Layer("os", ONE, False, ("/a.jsa", "/b.jar")), False),
        (Layer("os", ONE, False, ("/lib/modules.conf",)), False),
        (Layer("os", ONE, False, (reproduce.ARRANGEMENT,)), False),
        (Layer("os", ONE, False, ("the whole layer",)), False),
    ],
)
def test_only_archives_of_classes_and_the_modules_of_a_jdk_may_differ(found: Layer, expected: bool) -> None:
    assert found.is_reproduced is expected


SETTINGS = {"class-archive": False, "documentation": "", "os-image": "", "vendor": "A vendor"}


def test_the_settings_are_variables() -> None:
    assert reproduce._variables({"settings": SETTINGS, "source": "https://git.example/x"}, "bookworm") == {
        "SPARK_IMAGES_CLASS_ARCHIVE": "false",
        "SPARK_IMAGES_DOCUMENTATION": "",
        "SPARK_IMAGES_OS_IMAGE": "",
        "SPARK_IMAGES_VENDOR": "A vendor",
        "SPARK_IMAGES_SOURCE": "https://git.example/x",
    }


def test_the_variables_give_the_settings_of_the_provenance_again(full: Any) -> None:
    given = {
        "SPARK_IMAGES_CLASS_ARCHIVE": "false",
        "SPARK_IMAGES_VENDOR": "A vendor",
        "SPARK_IMAGES_SOURCE": "https://git.example/x",
        "SPARK_IMAGES_OS_IMAGE": f"bookworm=debian:12@{ONE} trixie=debian:13",
    }
    before = full.load(given)
    chosen = provenance._parameters(before.matrix, cell_of(before.matrix, "9.0-lake"), "a" * 40)
    after = full.load(reproduce._variables(chosen, "bookworm"))
    assert provenance._parameters(after.matrix, cell_of(after.matrix, "9.0-lake"), "a" * 40) == chosen


@dataclass
class World:
    """The surroundings of a run: the provenance, the layers of both images, and what was done.

    `published` and `built` have the digest and the content of each layer. `build` is the exit code of the build.
    """

    document: dict[str, Any]
    published: dict[str, bytes]
    built: dict[str, bytes]
    build: int = 0
    renamed: bool = False
    builds: list[tuple[list[str], Path, Mapping[str, str]]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)

    def image(self, _: str) -> Any:
        manifest = {"layers": [{"digest": digest} for digest in self.published]}
        image = verify.Image(IMAGE, manifest, {"rootfs": {"diff_ids": list(self.published)}})
        return SimpleNamespace(blob=lambda digest: iter([self.published[digest]])), image

    def attestations(self, image: Reference, of: Trust, kind: str) -> list[Any]:
        assert (image, of) == (IMAGE, Trust("k"))
        if kind == provenance.TYPE:
            return [{}, self.document]
        assert kind == statements.CYCLONEDX
        named = [
            {"name": f"spark-images:layer:{number:02}", "value": f"{digest} layer-{number}"}
            for number, digest in enumerate(self.published)
        ]
        return [{"metadata": {"component": {"properties": named}}}]

    def run(self, command: list[str], *, cwd: Path, env: Mapping[str, str], **_: Any) -> Any:
        assert (cwd / "file").read_text() == "of the commit"
        self.builds.append((command, cwd, env))
        self.names.append(f"spark-k8s-spark-9.0-lake:{TAG}")
        return SimpleNamespace(returncode=self.build)

    def find(self, name: str) -> Any:
        return SimpleNamespace(attrs={"RootFS": {"Layers": list(self.built)}}) if name in self.names else None

    def remove_name(self, name: str) -> None:
        self.removed.append(name)
        if name in self.names:
            self.names.remove(name)

    def read_layers(self, tags: Collection[str], read: Callable[[str, BufferedReader], Any]) -> Any:
        (tag,) = tags
        found = []
        for number, (digest, content) in enumerate(self.built.items()):
            # An engine can save a layer compressed. The name of the file is another digest then.
            name = f"blobs/{number}" if self.renamed else f"blobs/{digest.removeprefix('sha256:')}"
            result = read(name, BufferedReader(BytesIO(content)))
            self.read += [digest] if result else []
            found.append(result)
        assert read("blobs/manifest", BufferedReader(BytesIO(b"{}"))) == {}
        return {tag: found}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replaces the repository of the project by a small one with one commit. Returns its folder."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "file").write_text("of the commit")
    monkeypatch.setattr(git, "ROOT", folder)
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "tests@r.example")
    for command in (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "one")):
        subprocess.run(["git", "-C", str(folder), *command], check=True)
    (folder / "file").write_text("changed since")
    return folder


@pytest.fixture
def world(repository: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    same, archive = layer(("a", {}), content=b"same"), layer(("b.jsa", {}), content=b"one")
    document = {
        "buildDefinition": {
            "buildType": provenance.BUILD_TYPE,
            "externalParameters": {
                "cell": {"key": "9.0-lake", "image": "spark", "spark": "9.0", "variant": "lake"},
                "commit": git.ask("rev-parse", "HEAD"),
                "source": "",
                "settings": SETTINGS,
            },
        }
    }
    built = {ONE: same, THREE: layer(("b.jsa", {}), content=b"two")}
    found = World(document, {ONE: same, TWO: archive}, built)
    monkeypatch.setattr(verify, "image", found.image)
    monkeypatch.setattr(cosign, "attestations", found.attestations)
    monkeypatch.setattr(daemon, "find", found.find)
    monkeypatch.setattr(daemon, "remove_name", found.remove_name)
    monkeypatch.setattr(measure, "read_layers", found.read_layers)
    monkeypatch.setattr(reproduce, "_configuration", lambda _: {})
    monkeypatch.setattr(reproduce, "subprocess", SimpleNamespace(run=found.run))
    return found


def run(project: Project) -> list[Layer]:
    """Builds the image again. Returns its layers. The last result is about the configuration, which is the same."""
    *layers, settings = reproduce.reproduce(project, str(IMAGE), Trust("k"), lambda _: None)
    assert settings == Layer(reproduce.SETTINGS, "", True)
    return layers


@pytest.mark.parametrize(
    ("built", "differing"),
    [
        ({"os": "linux", "config": {"User": "185"}, "rootfs": {"diff_ids": ["other"]}}, ()),
        ({"os": "linux", "config": {"User": "0"}, "rootfs": {}}, ("config",)),
        ({"config": {"User": "185"}, "rootfs": {}, "history": []}, ("history", "os")),
    ],
)
def test_all_settings_except_the_digests_of_layers_count(built: Mapping[str, Any], differing: tuple[str, ...]) -> None:
    published = {"os": "linux", "config": {"User": "185"}, "rootfs": {"diff_ids": []}}
    found = reproduce._settings(published, built)
    assert (found.same, found.differing, found.is_reproduced) == (not differing, differing, not differing)


def parameters(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.document["buildDefinition"]["externalParameters"]
    return found


def worktrees() -> int:
    return len(git.ask("worktree", "list").splitlines())


def test_the_layers_are_compared_with_a_build_of_the_commit(
    small: Project, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_IMAGES_VENDOR", "another")
    monkeypatch.setenv("SPARK_IMAGES_MIN_FREE_DISK_GB", "1")
    found = run(small)
    assert found == [Layer("layer-0", ONE, True), Layer("layer-1", TWO, False, ("/b.jsa",))]
    assert world.read == [THREE]

    ((command, folder, variables),) = world.builds
    flags = ["--image", "spark", "--spark", "9.0", "--variant", "lake", "--no-cache"]
    assert command[1:] == ["-m", "invoke", "build.runtime", *flags]
    assert {name: value for name, value in variables.items() if name.startswith("SPARK_IMAGES_")} == {
        **reproduce._variables(parameters(world), "bookworm"),
        "SPARK_IMAGES_TAG": TAG,
        "SPARK_IMAGES_REGISTRY": "",
    }
    assert variables["PATH"] == os.environ["PATH"]
    assert not folder.exists()
    assert worktrees() == 1
    assert world.removed == [f"spark-k8s-spark-9.0-lake:{TAG}"]
    assert world.names == []


def test_the_build_has_the_registry_that_its_name_is_looked_up_with(full: Any, world: World) -> None:
    project = full.load({"SPARK_IMAGES_REGISTRY": "r.example/team"})
    with pytest.raises(SparkImagesError, match=r"^r.example/team/spark-k8s-spark-9.0-lake:reproduced-0a0a0a0a0a0a was"):
        run(project)
    ((_, _, variables),) = world.builds
    assert variables["SPARK_IMAGES_REGISTRY"] == "r.example/team/"


def test_layers_that_the_engine_saves_under_another_name_are_compared(small: Project, world: World) -> None:
    world.renamed = True
    assert [found.differing for found in run(small)] == [(), ("/b.jsa",)]


def test_an_equal_image_is_not_read(small: Project, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.built = world.published
    monkeypatch.setattr(measure, "read_layers", None)
    assert all(found.same for found in run(small))


def test_a_layer_with_the_same_files_in_another_order_differs(small: Project, world: World) -> None:
    world.published = {TWO: layer(("a", {}), ("b", {}))}
    world.built = {THREE: layer(("b", {}), ("a", {}))}
    (found,) = run(small)
    assert found.differing == (reproduce.ARRANGEMENT,)
    assert not found.is_reproduced


@pytest.mark.parametrize("more", ["published", "built"])
def test_a_layer_that_only_one_image_has_differs(small: Project, world: World, more: str) -> None:
    getattr(world, more)[OTHER] = layer(("a", {}))
    found = run(small)[-1]
    assert (found.digest, found.same, found.differing) == (OTHER, False, ("the whole layer",))


def test_a_failed_build_leaves_neither_worktree_nor_tag(small: Project, world: World) -> None:
    world.build = 1
    with pytest.raises(SparkImagesError, match=r"^the build of 9.0-lake in a checkout of the commit failed"):
        run(small)
    assert not world.builds[0][1].exists()
    assert worktrees() == 1
    assert world.names == []


def test_a_failed_comparison_leaves_no_tag(small: Project, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise SparkImagesError("docker save failed")

    monkeypatch.setattr(measure, "read_layers", fail)
    with pytest.raises(SparkImagesError, match="docker save failed"):
        run(small)
    assert world.names == []


def test_an_image_that_is_removed_after_its_build_is_an_error(
    small: Project, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "find", lambda _: None)
    with pytest.raises(SparkImagesError, match="was removed after its build: repeat the task"):
        run(small)


@pytest.mark.parametrize("commit", ["a" * 40, "0" * 64])
def test_a_commit_that_the_repository_lacks_is_an_error(small: Project, world: World, commit: str) -> None:
    parameters(world)["commit"] = commit
    with pytest.raises(
        SparkImagesError, match=f"is built from {commit}, which this repository does not have: fetch it"
    ):
        run(small)
    assert world.builds == []


def test_the_hash_of_a_file_is_no_commit(small: Project, world: World) -> None:
    parameters(world)["commit"] = git.ask("rev-parse", "HEAD:file")
    with pytest.raises(SparkImagesError, match="which this repository does not have"):
        run(small)


@pytest.mark.parametrize("commit", ["HEAD", "--help", "unknown", f"{'a' * 40}-dirty", ""])
def test_a_revision_that_is_no_hash_is_an_error(small: Project, world: World, commit: str) -> None:
    parameters(world)["commit"] = commit
    with pytest.raises(SparkImagesError, match=r"cannot be built again: it is built from uncommitted changes"):
        run(small)
    assert world.builds == []


def test_a_cell_that_is_not_in_the_matrix_any_more_is_an_error(small: Project, world: World) -> None:
    parameters(world)["cell"]["key"] = "8.0-lake"
    with pytest.raises(SparkImagesError) as raised:
        run(small)
    assert str(raised.value).startswith(
        'the provenance names a cell that is not in images.toml any more: unknown cell "8.0-lake"; expected one of '
    )
    assert str(raised.value).endswith(f"run this task in a checkout of {parameters(world)['commit']}")
    # The user's command is right, so the usage is not wrong.
    assert raised.value.exit_code == 1
    assert (world.builds, world.removed) == ([], [])


@pytest.mark.parametrize("document", [{}, {"buildDefinition": {"buildType": "https://slsa.dev/other"}}])
def test_the_provenance_of_another_tool_is_an_error(small: Project, world: World, document: dict[str, Any]) -> None:
    world.document = document
    with pytest.raises(SparkImagesError, match=r"has the build type .*: only urn:spark-images:build:v1 can be built"):
        run(small)


def test_a_checkout_that_git_cannot_make_is_an_error(
    small: Project, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = git.ask
    monkeypatch.setattr(git, "ask", lambda *words: "" if words[:2] == ("worktree", "add") else real(*words))
    with pytest.raises(SparkImagesError, match=r"^git worktree add failed for [0-9a-f]{40}"):
        run(small)
    assert world.builds == []


def test_the_table_has_the_layers_with_an_origin_or_a_difference() -> None:
    layers = [
        Layer("os", ONE, True),
        Layer("", TWO, True),
        Layer("", THREE, False, ("/a.jsa",)),
        Layer("core", OTHER, False, ("/b", "/c.jsa")),
    ]
    assert reproduce.table(layers) == [
        ("os", "same", ""),
        (THREE, "differs", "/a.jsa"),
        ("core", "differs", "/b, /c.jsa"),
    ]
    layers.append(Layer(reproduce.SETTINGS, "", True))
    assert reproduce.summary(layers) == "2 of 4 layers are the same; 1 differ only in archives of classes"
