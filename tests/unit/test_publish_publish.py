"""The order of a publication, with a registry in memory. tests/publish has a real registry and a real cosign."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from spark_images.checks.records import Record
from spark_images.engine import build
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.selection import cell_of
from spark_images.plan.bake import Stamp
from spark_images.plan.project import Project
from spark_images.publish import cosign, local, publish, statements, upload
from spark_images.publish.cosign import Signer
from spark_images.publish.local import Local
from spark_images.publish.publish import Order, Published
from spark_images.publish.references import Reference
from spark_images.publish.registry import Manifest
from spark_images.publish.upload import Blob, Job
from spark_images.sbom import write
from tests.unit.tree import Tree

PASSED = Record("sha256:0", "9.0-lake", "test-9.0-lake", "abc", "2026-11-27T22:30:00Z", ("a",), (), ())
TYPES = ("https://one.example", "https://two.example")
MOVING = ["9.0-scala2.13-debian12-lake"]
HOST = "r.example/team"


@dataclass
class World:
    """A registry, an engine and cosign in memory. `done` has each action that changes something, in its order.

    `manifests` has the manifests by repository and name. `failing` is the first word of an action that fails.
    """

    images: dict[str, Local] = field(default_factory=dict)
    manifests: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    failing: str = ""
    lossy: bool = False

    def act(self, *words: str) -> None:
        if words[0] == self.failing:
            raise SparkImagesError(f"{words[0]} failed")
        self.done.append(" ".join(words))

    def tags(self, path: str = "team/k8s-spark") -> dict[str, str]:
        """The tags of a repository, with the digests of their manifests."""
        return {
            name: manifest.digest
            for (repository, name), manifest in self.manifests.items()
            if repository == path and not name.startswith("sha256")
        }

    def find(self, _: Any, cells: Sequence[Any]) -> list[Local]:
        return [self.images[cell.key] for cell in cells]

    def upload(self, jobs: Sequence[Job]) -> list[Manifest]:
        found = []
        for job in jobs:
            self.act("upload", job.image.cell.key)
            content = content_of(job.image)
            file = upload._configuration(job.image)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            found.append(manifest_of(job.image))
        return found

    def attest(self, image: Reference, by: Signer, kind: str, predicate: str) -> None:
        assert (by, predicate) == (Signer("k"), "{}")
        self.act("attest", kind, image.digest)

    def sign(self, image: Reference, by: Signer, annotations: Mapping[str, str]) -> None:
        assert (by, annotations) == (Signer("k"), statements.listed(TYPES))
        self.act("sign", image.digest)
        self.manifests[image.path, cosign.place_of_signature(image.digest)] = Manifest("{}")


@dataclass
class Repository:
    """A repository of the registry in memory."""

    reference: Reference
    world: World

    def manifest(self, name: str) -> Manifest | None:
        return self.world.manifests.get((self.reference.path, name))

    def set_manifest(self, name: str, manifest: Manifest) -> None:
        self.world.act("set", name)
        if not self.world.lossy:
            self.world.manifests[self.reference.path, name] = manifest


def content_of(image: Local) -> bytes:
    return json.dumps({"name": image.tag, "identity": image.identity}).encode()


def manifest_of(image: Local) -> Manifest:
    return upload.manifest(content_of(image), [Blob("sha256:1", 1)])


def immutable(image: Local) -> str:
    suffix = image.cell.values["suffix"]
    return f"{image.cell.spark}{suffix}-20261127-{upload.digest_of(content_of(image))[7:19]}"


@pytest.fixture
def world(small: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    found = World()
    for number, key in enumerate(("9.0-lake", "9.1-lake", "jupyter-9.0-lake")):
        cell = cell_of(small.matrix, key)
        labels = ("a" * 40, "2026-11-27T10:00:00Z", (PASSED,))
        found.images[key] = Local(cell, f"k8s-{cell.name}:latest", f"sha256:0{number}", ("sha256:1",), *labels)
    monkeypatch.setattr(upload, "FOLDER", tmp_path / "published")
    monkeypatch.setattr(publish, "FILE", tmp_path / "published.json")
    monkeypatch.setattr(publish, "Repository", lambda reference: Repository(reference, found))
    monkeypatch.setattr(write, "bills", lambda _, cells: [None] * len(cells))
    monkeypatch.setattr(statements, "of", lambda *_: dict.fromkeys(TYPES, "{}"))
    monkeypatch.setattr(local, "find", found.find)
    monkeypatch.setattr(build, "stamp", lambda: Stamp("a" * 40, 0))
    monkeypatch.setattr(upload, "upload", found.upload)
    monkeypatch.setattr(cosign, "attest", found.attest)
    monkeypatch.setattr(cosign, "sign", found.sign)
    return found


def run(project: Project, *keys: str, **options: Any) -> list[Published]:
    """Publishes these cells. Returns the results."""
    cells = [cell_of(project.matrix, key) for key in keys or ("9.0-lake",)]
    order = publish.order(project, cells, HOST, **options)
    return publish.publish(project, order, Signer("k"), lambda _: None)


def test_a_registry_is_needed(small: Project) -> None:
    with pytest.raises(UsageError, match=r"^no registry: pass --registry registry.example:5000/team, or set registry"):
        publish.order(small, [], "")


def test_the_setting_is_the_registry_without_the_flag(full: Tree) -> None:
    project = full.load({"SPARK_IMAGES_REGISTRY": "r.example/setting"})
    assert publish.order(project, [], "").registry == "r.example/setting/"
    assert publish.order(project, [], "r.example/flag").registry == "r.example/flag/"


def test_a_registry_must_have_a_host(small: Project) -> None:
    with pytest.raises(UsageError, match='"team" names no registry'):
        publish.order(small, [], "team")


def test_a_tag_that_never_moves_is_needed(full: Tree) -> None:
    project = full.toml('immutable = "k8s-{image}:{spark}{suffix}-{day}-{content}"\n', "").load()
    with pytest.raises(UsageError, match=r"^images.toml: \[aliases\] immutable: the key is missing"):
        publish.order(project, [], HOST)


def test_a_plan_contacts_no_registry(small: Project, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "Repository", None)
    cell = cell_of(small.matrix, "9.0-lake")
    (found,) = publish.plan(small, Order([cell], f"{HOST}/"))
    assert found == Published(
        "9.0-lake",
        "planned",
        f"{HOST}/k8s-spark",
        publish.UNKNOWN,
        "a" * 40,
        (f"9.0-lake-20261127-{publish.UNKNOWN}", *MOVING),
    )
    assert world.done == []


def test_a_plan_knows_the_tag_of_an_image_that_was_read_before(small: Project, world: World) -> None:
    (published,) = run(small)
    (found,) = publish.plan(small, Order([cell_of(small.matrix, "9.0-lake")], f"{HOST}/"))
    assert (found.tags, found.configuration) == (published.tags, published.configuration)


def test_a_plan_refuses_what_a_publication_refuses(small: Project, world: World) -> None:
    world.images["9.0-lake"] = replace(world.images["9.0-lake"], records=())
    with pytest.raises(SparkImagesError, match="no session has tested this image"):
        publish.plan(small, Order([cell_of(small.matrix, "9.0-lake")], f"{HOST}/"))
    with pytest.raises(SparkImagesError, match="no session has tested this image"):
        run(small)
    assert world.done == []


def test_the_tags_follow_the_signature(small: Project, world: World) -> None:
    (found,) = run(small)
    digest = manifest_of(world.images["9.0-lake"]).digest
    assert world.done == [
        "upload 9.0-lake",
        f"set {digest}",
        *(f"attest {kind} {digest}" for kind in TYPES),
        f"sign {digest}",
        f"set {immutable(world.images['9.0-lake'])}",
        *(f"set {tag}" for tag in MOVING),
    ]
    assert found.state == "published"
    assert found.image == f"{HOST}/k8s-spark@{digest}"
    assert found.attestations == TYPES
    assert world.tags() == dict.fromkeys(found.tags, digest)


def test_no_tag_is_set_before_all_images_are_signed(small: Project, world: World) -> None:
    run(small, "9.0-lake", "9.1-lake", "jupyter-9.0-lake")
    signed = [number for number, action in enumerate(world.done) if action.startswith("sign ")]
    tagged = [number for number, action in enumerate(world.done) if action.startswith("set 9.")]
    assert len(signed) == 3
    assert max(signed) < min(tagged)


@pytest.mark.parametrize("failing", ["upload", "attest", "sign"])
def test_a_failure_leaves_no_tag_and_the_next_run_continues(small: Project, world: World, failing: str) -> None:
    world.failing = failing
    with pytest.raises(SparkImagesError, match=f"^{failing} failed$"):
        run(small, "9.0-lake", "jupyter-9.0-lake")
    assert world.tags() == world.tags("team/k8s-jupyter") == {}
    assert not publish.FILE.exists()
    world.failing = ""
    assert [each.state for each in run(small, "9.0-lake", "jupyter-9.0-lake")] == ["published", "published"]


def test_a_registry_that_keeps_no_manifest_is_an_error(small: Project, world: World) -> None:
    world.lossy = True
    with pytest.raises(
        SparkImagesError, match=rf"^{HOST}/k8s-spark@sha256:\w+: the registry did not keep the manifest"
    ):
        run(small)
    assert not [action for action in world.done if action.startswith(("attest", "sign"))]


def test_a_second_run_changes_nothing(small: Project, world: World) -> None:
    first = run(small)
    world.done.clear()
    second = run(small)
    assert world.done == []
    assert second == [replace(first[0], state="unchanged", attestations=())]


def test_an_image_that_lost_its_signature_is_signed_again(small: Project, world: World) -> None:
    (first,) = run(small)
    del world.manifests["team/k8s-spark", cosign.place_of_signature(first.image.partition("@")[2])]
    world.done.clear()
    (again,) = run(small)
    assert (again.state, again.image) == ("published", first.image)
    assert [action for action in world.done if action.startswith("sign")]


def test_a_new_image_is_published_beside_an_unchanged_one(small: Project, world: World) -> None:
    run(small)
    world.done.clear()
    found = run(small, "9.0-lake", "9.1-lake")
    assert [each.state for each in found] == ["unchanged", "published"]
    assert [action for action in world.done if action.startswith("upload")] == ["upload 9.1-lake"]
    assert len([action for action in world.done if action.startswith("sign")]) == 1


def test_renew_attaches_again_without_another_upload(small: Project, world: World) -> None:
    first = run(small)
    world.done.clear()
    found = run(small, renew=True)
    digest = manifest_of(world.images["9.0-lake"]).digest
    assert world.done == [*(f"attest {kind} {digest}" for kind in TYPES), f"sign {digest}"]
    assert found == first


def test_an_image_of_another_machine_keeps_its_digest(small: Project, world: World) -> None:
    # The other machine has compressed the layers in another way, so its manifest differs.
    image = world.images["9.0-lake"]
    other = upload.manifest(content_of(image), [Blob("sha256:2", 2)])
    world.manifests["team/k8s-spark", immutable(image)] = other
    world.manifests["team/k8s-spark", cosign.place_of_signature(other.digest)] = Manifest("{}")
    (found,) = run(small)
    assert (found.state, found.image) == ("unchanged", f"{HOST}/k8s-spark@{other.digest}")
    assert world.done == ["upload 9.0-lake", *(f"set {tag}" for tag in MOVING)]
    assert world.tags() == dict.fromkeys((immutable(image), *MOVING), other.digest)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("renew", [True, False])
def test_an_immutable_tag_of_another_image_is_an_error(small: Project, world: World, known: bool, renew: bool) -> None:
    image = world.images["9.0-lake"]
    if known:  # an earlier run has read the configuration
        run(small)
        world.done.clear()
    other = manifest_of(world.images["9.1-lake"])
    world.manifests["team/k8s-spark", immutable(image)] = other
    with pytest.raises(
        SparkImagesError, match=r"is another image \(sha256:\w+\), and this tag never moves: add {content}"
    ):
        run(small, renew=renew)
    assert world.manifests["team/k8s-spark", immutable(image)] == other
    assert [action for action in world.done if not action.startswith("upload")] == []


def test_a_moving_tag_that_points_elsewhere_is_set_again(small: Project, world: World) -> None:
    (found,) = run(small)
    world.manifests["team/k8s-spark", MOVING[0]] = manifest_of(world.images["9.1-lake"])
    world.done.clear()
    run(small)
    assert world.done == [f"set {MOVING[0]}"]
    assert world.tags() == dict.fromkeys(found.tags, found.image.partition("@")[2])


def test_the_newest_version_of_a_line_has_the_tags_of_the_line(small: Project, world: World) -> None:
    (found,) = run(small, "9.1-lake")
    assert {"9-lake", "9-java17-lake"} <= set(found.tags)
    (older,) = run(small, "9.0-lake")
    assert not {"9-lake", "9-java17-lake"} & set(older.tags)


def noted() -> dict[tuple[str, str], Any]:
    return {(each["cell"], each["image"].partition("@")[0]): each for each in json.loads(publish.FILE.read_text())}


def test_the_file_has_the_results_of_all_runs(small: Project, world: World) -> None:
    run(small, "9.0-lake")
    run(small, "9.1-lake")
    publish.publish(
        small, publish.order(small, [world.images["9.0-lake"].cell], "s.example"), Signer("k"), lambda _: None
    )
    assert set(noted()) == {
        ("9.0-lake", f"{HOST}/k8s-spark"),
        ("9.1-lake", f"{HOST}/k8s-spark"),
        ("9.0-lake", "s.example/k8s-spark"),
    }


def test_an_unchanged_result_keeps_its_attestations_in_the_file(small: Project, world: World) -> None:
    run(small)
    run(small)
    each = noted()["9.0-lake", f"{HOST}/k8s-spark"]
    assert (each["state"], each["attestations"]) == ("unchanged", list(TYPES))


def test_a_broken_file_of_results_is_replaced(small: Project, world: World) -> None:
    publish.FILE.write_text("{")
    run(small)
    assert len(noted()) == 1


def test_the_file_has_what_was_published_before_a_failure(
    small: Project, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Repository.set_manifest

    def refuse(self: Repository, name: str, manifest: Manifest) -> None:
        if self.reference.path.endswith("jupyter") and not name.startswith("sha256:"):
            raise SparkImagesError("no space left")
        real(self, name, manifest)

    monkeypatch.setattr(Repository, "set_manifest", refuse)
    with pytest.raises(SparkImagesError, match="no space left"):
        run(small, "9.0-lake", "jupyter-9.0-lake")
    assert set(noted()) == {("9.0-lake", f"{HOST}/k8s-spark")}


def test_the_table_and_the_data_have_each_image() -> None:
    found = Published("9.0", "published", "r.example/spark@sha256:0", "sha256:1", "abc", ("a", "b"), TYPES)
    assert publish.table([found]) == [("9.0", "published", "r.example/spark@sha256:0", "a, b")]
    assert publish.data([found])[0]["attestations"] == TYPES
