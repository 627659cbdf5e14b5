import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import requests
from docker.errors import ImageNotFound, NullResource

from spark_images.engine import build, builders, buildx, daemon, host, rootfs
from spark_images.engine import git as git_tool
from spark_images.engine.daemon import Engine
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.selection import cell_of
from spark_images.plan import bake, keys
from spark_images.plan.graph import Graph, Target
from spark_images.plan.project import Project
from tests.unit.tree import Tree

CONTAINERD = Engine("26.1.5", "0.13.1", True, Path("/nowhere"))
CLASSIC = Engine("26.1.5", "0.13.1", False, Path("/nowhere"))


@pytest.fixture
def graph(small: Project) -> Graph:
    return small.graph([cell_of(small.matrix, f"9.0-{variant}") for variant in ("baseline", "lake")])


class Images:
    """An image store: the digests of its images with their labels, and its tags with their digests."""

    def __init__(self, *held: str) -> None:
        self.held = held
        self.labels: dict[str, dict[str, str]] = {}
        self.named: dict[str, str] = {}

    def get(self, reference: str | None) -> Any:
        if not reference:
            raise NullResource("Resource ID was not provided")
        digest = self.named.get(reference, reference)
        if digest not in self.held:
            raise ImageNotFound(reference)
        labels = self.labels.get(digest, {})
        return SimpleNamespace(id=digest, labels=labels, tag=lambda name: self.named.update({name: digest}))

    def remove(self, name: str) -> None:
        if name not in self.named:
            raise ImageNotFound(name)
        del self.named[name]


class Edges:
    """Replaces the engine and the host of a build."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, found: Engine = CONTAINERD) -> None:
        self.images = Images()
        self.metadata: dict[str, dict[str, str]] = {}
        self.failure: SparkImagesError | None = None
        self.calls: list[tuple[str, Any]] = []
        self.how: dict[str, Any] = {}
        self.suites: dict[str, str] = {}
        self.made = self.online = True
        self.meanwhile: Callable[[], None] = lambda: None
        monkeypatch.setattr(daemon, "inspect", lambda: found)
        monkeypatch.setattr(daemon, "client", lambda: SimpleNamespace(images=self.images))
        monkeypatch.setattr(host, "read", lambda: host.Host(None, host.Apt(), {}, None, {}))
        monkeypatch.setattr(buildx, "reachable", lambda _: self.online)
        monkeypatch.setattr(rootfs, "is_made", lambda _: self.made)
        monkeypatch.setattr(rootfs, "bootstrap", lambda suite, _: self.calls.append(("rootfs", suite)))
        monkeypatch.setattr(builders, "require", lambda name: self.calls.append(("require", name)))
        monkeypatch.setattr(builders, "start", lambda name: self.calls.append(("start", name)))
        monkeypatch.setattr(buildx, "bake", self.bake)

    def bake(self, definition: Any, _: Any, suites: dict[str, str], **how: Any) -> Any:
        self.calls.append(("bake", definition))
        self.suites = suites
        self.how = how
        self.meanwhile()
        if self.failure:
            raise self.failure
        for name, target in definition["target"].items():
            digest = self.metadata.get(name, {}).get("containerimage.digest", "")
            self.images.labels[digest] = target["labels"]
        return self.metadata


@pytest.fixture
def edges(monkeypatch: pytest.MonkeyPatch) -> Edges:
    return Edges(monkeypatch)


@pytest.fixture
def baseline(graph: Graph, edges: Edges) -> list[Target]:
    """One image that the engine can build."""
    edges.images.held = ("sha256:1",)
    edges.metadata = {"spark-9_0": {"containerimage.digest": "sha256:1"}}
    return [graph.targets["spark-9.0"]]


def test_tags_are_applied_after_every_target_is_built(small: Project, graph: Graph, edges: Edges) -> None:
    edges.images.held = ("sha256:1", "sha256:2")
    edges.metadata = {
        "spark-9_0": {"containerimage.digest": "sha256:1"},
        "spark-9_0-lake": {"containerimage.digest": "sha256:2"},
    }
    build.build(small, graph, graph.of_levels(("runtime",)))
    assert edges.images.named == {
        "spark-k8s-spark-9.0:latest": "sha256:1",
        "spark-k8s-spark-9.0-lake:latest": "sha256:2",
    }


@pytest.fixture
def newest(small: Project) -> Graph:
    """The images of 10.0, the newest Spark of its line."""
    return small.graph([cell_of(small.matrix, f"10.0-{variant}") for variant in ("baseline", "lake")])


def built(edges: Edges) -> None:
    """Makes the build of `newest` succeed."""
    edges.images.held = ("sha256:1", "sha256:2")
    edges.metadata = {
        "spark-10_0": {"containerimage.digest": "sha256:1"},
        "spark-10_0-lake": {"containerimage.digest": "sha256:2"},
    }


ALIASES = {
    "k8s-spark:10.0-scala3-debian13": "sha256:1",
    "k8s-spark:10": "sha256:1",
    "k8s-spark:10-java21": "sha256:1",
    "k8s-spark:10.0-scala3-debian13-lake": "sha256:2",
    "k8s-spark:10-lake": "sha256:2",
    "k8s-spark:10-java21-lake": "sha256:2",
}
NAMES = {"spark-k8s-spark-10.0:latest": "sha256:1", "spark-k8s-spark-10.0-lake:latest": "sha256:2"}


@pytest.mark.parametrize(("aliases", "named"), [(True, {**NAMES, **ALIASES}), (False, NAMES)])
def test_aliases_are_set_only_if_they_are_asked_for(
    small: Project, newest: Graph, edges: Edges, aliases: bool, named: dict[str, str]
) -> None:
    built(edges)
    build.build(small, newest, newest.of_levels(("runtime",)), aliases=aliases)
    assert edges.images.named == named


def test_up_to_date_images_get_their_aliases_without_a_build(
    small: Project, newest: Graph, edges: Edges, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keyed(monkeypatch, "same")
    built(edges)
    build.build(small, newest, newest.of_levels(("runtime",)))
    build.build(small, newest, newest.of_levels(("runtime",)), aliases=True)
    assert len(edges.calls) == 1
    assert edges.images.named == {**NAMES, **ALIASES}
    said = capsys.readouterr().out
    assert "everything requested is up to date (2 images)" in said
    assert "aliases set: 6 (" in said


def test_aliases_are_set_for_built_and_up_to_date_images(
    small: Project, newest: Graph, edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(monkeypatch, "same")
    built(edges)
    build.build(small, newest, [newest.targets["spark-10.0"]])
    build.build(small, newest, newest.of_levels(("runtime",)), aliases=True)
    assert edges.calls[-1][1]["group"]["default"]["targets"] == ["spark-10_0-lake"]
    assert edges.images.named == {**NAMES, **ALIASES}


def test_a_failed_build_sets_no_alias(
    small: Project, newest: Graph, edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(monkeypatch, "same")
    built(edges)
    build.build(small, newest, [newest.targets["spark-10.0"]])
    edges.failure = SparkImagesError("the build failed")
    with pytest.raises(SparkImagesError, match="the build failed"):
        build.build(small, newest, newest.of_levels(("runtime",)), aliases=True)
    assert edges.images.named == {"spark-k8s-spark-10.0:latest": "sha256:1"}


def test_a_removed_image_sets_no_alias(
    small: Project, newest: Graph, edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(edges)

    def removes(_: str) -> None:
        edges.images.named.pop("spark-k8s-spark-10.0-lake:latest", None)

    monkeypatch.setattr(daemon, "remove_name", removes)
    with pytest.raises(SparkImagesError, match=r"^spark-k8s-spark-10\.0-lake:latest was removed during the build"):
        build.build(small, newest, newest.of_levels(("runtime",)), aliases=True)
    assert edges.images.named.keys() & ALIASES.keys() == set()


def test_an_engine_that_refuses_an_alias_is_an_error(
    small: Project, newest: Graph, edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_: str) -> None:
        raise requests.ConnectionError("refused")

    keyed(monkeypatch, "same")
    built(edges)
    build.build(small, newest, newest.of_levels(("runtime",)))
    labels = {keys.INPUTS: "same"}
    monkeypatch.setattr(daemon, "find", lambda _: SimpleNamespace(id="sha256:1", labels=labels, tag=dies))
    with pytest.raises(
        SparkImagesError, match=r"^k8s-spark:10\.0-scala3-debian13 cannot be tagged: the container engine"
    ):
        build.build(small, newest, newest.of_levels(("runtime",)), aliases=True)


def test_aliases_of_layers_are_an_error(small: Project, newest: Graph, edges: Edges) -> None:
    with pytest.raises(
        UsageError, match=r"^--aliases: nothing requested has an alias: .* `inv build\.runtime --aliases`$"
    ):
        build.build(small, newest, newest.of_levels(("base",)), aliases=True)
    assert edges.calls == []


def test_aliases_of_images_without_templates_are_an_error(tree: Tree, edges: Edges) -> None:
    project = tree.load()
    graph = project.graph(project.matrix.buildable)
    with pytest.raises(UsageError, match=r"from the templates in \[aliases\] of images\.toml"):
        build.build(project, graph, graph.of_levels(("runtime",)), aliases=True)
    assert edges.calls == []


def test_a_built_image_loses_the_name_that_buildkit_gave_it(small: Project, graph: Graph, edges: Edges) -> None:
    edges.images.held = ("sha256:1",)
    edges.images.named = {"moby-dangling@sha256:1": "sha256:1", "moby-dangling@sha256:2": "sha256:2"}
    edges.metadata = {"spark-9_0": {"containerimage.digest": "sha256:1"}}
    build.build(small, graph, [graph.targets["spark-9.0"]])
    assert sorted(edges.images.named) == ["moby-dangling@sha256:2", "spark-k8s-spark-9.0:latest"]


def test_a_failed_build_changes_no_tag(small: Project, graph: Graph, edges: Edges) -> None:
    edges.images.held = ("sha256:1",)
    edges.metadata = {"spark-9_0": {"containerimage.digest": "sha256:1"}}
    edges.failure = SparkImagesError("the build failed")
    with pytest.raises(SparkImagesError, match="the build failed"):
        build.build(small, graph, graph.of_levels(("runtime",)))
    assert edges.images.named == {}


def test_the_classic_store_finds_an_image_by_its_config_digest(small: Project, graph: Graph, edges: Edges) -> None:
    edges.images.held = ("sha256:config",)
    edges.metadata = {
        "spark-9_0": {"containerimage.digest": "sha256:1", "containerimage.config.digest": "sha256:config"}
    }
    build.build(small, graph, [graph.targets["spark-9.0"]])
    assert edges.images.named == {"spark-k8s-spark-9.0:latest": "sha256:config"}


def test_a_built_image_that_the_engine_does_not_have_is_an_error(small: Project, graph: Graph, edges: Edges) -> None:
    edges.metadata = {
        "spark-9_0": {"containerimage.digest": "sha256:1", "containerimage.config.digest": "sha256:config"}
    }
    with pytest.raises(SparkImagesError, match=r"spark-9\.0 was built, but the engine does not have the image"):
        build.build(small, graph, [graph.targets["spark-9.0"]])


@pytest.mark.parametrize("results", [{}, {"containerimage.config.digest": "sha256:1"}])
def test_missing_digests_in_the_metadata_are_an_error(
    small: Project, graph: Graph, edges: Edges, results: dict[str, str]
) -> None:
    edges.metadata = {"spark-9_0": results}
    with pytest.raises(SparkImagesError, match=r"spark-9\.0 was built, but the engine does not have the image"):
        build.build(small, graph, [graph.targets["spark-9.0"]])


def test_one_missing_image_changes_no_tag(small: Project, graph: Graph, edges: Edges) -> None:
    edges.images.held = ("sha256:1",)
    gone = {"containerimage.digest": "sha256:2", "containerimage.config.digest": "sha256:3"}
    edges.metadata = {"spark-9_0": {"containerimage.digest": "sha256:1"}, "spark-9_0-lake": gone}
    with pytest.raises(SparkImagesError, match="does not have the image"):
        build.build(small, graph, [graph.targets["spark-9.0"], graph.targets["spark-9.0-lake"]])
    assert edges.images.named == {}


def test_an_engine_that_dies_before_the_tags_is_an_error(
    small: Project, graph: Graph, baseline: list[Target], edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(_: str) -> None:
        raise requests.ConnectionError("refused")

    monkeypatch.setattr(daemon, "find", lambda _: SimpleNamespace(id="sha256:1", tag=dies))
    with pytest.raises(
        SparkImagesError, match=r"^spark-k8s-spark-9\.0:latest cannot be tagged: the container engine no longer answers"
    ):
        build.build(small, graph, baseline)


def test_a_full_disk_stops_a_build_before_its_first_step(
    small: Project, graph: Graph, edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(found: Engine, minimum: int) -> None:
        raise SparkImagesError(f"{minimum} GB")

    monkeypatch.setattr(daemon, "check_disk", full)
    with pytest.raises(SparkImagesError, match="10 GB"):
        build.build(small, graph, graph.of_levels(("runtime",)))
    assert edges.calls == []


@pytest.mark.parametrize(
    ("made", "no_cache", "steps"),
    [(False, False, ["rootfs", "bake"]), (True, False, ["bake"]), (True, True, ["rootfs", "bake"])],
)
def test_a_missing_root_file_system_is_bootstrapped_before_the_build(
    small: Project, graph: Graph, baseline: list[Target], edges: Edges, made: bool, no_cache: bool, steps: list[str]
) -> None:
    edges.made = made
    build.build(small, graph, baseline, no_cache=no_cache)
    assert [name for name, _ in edges.calls] == steps


def test_a_missing_root_file_system_cannot_be_bootstrapped_offline(
    small: Project, graph: Graph, baseline: list[Target], edges: Edges
) -> None:
    edges.online = edges.made = False
    with pytest.raises(SparkImagesError, match="no network"):
        build.build(small, graph, baseline)
    assert edges.calls == []


def test_a_build_offline_tells_bake_so(small: Project, graph: Graph, baseline: list[Target], edges: Edges) -> None:
    edges.online = False
    build.build(small, graph, baseline)
    assert edges.how["online"] is False


def test_an_os_image_of_the_user_replaces_the_bootstrap(full: Tree, baseline: list[Target], edges: Edges) -> None:
    edges.made = False
    project = full.load({"SPARK_IMAGES_OS_IMAGE": "bookworm=debian@sha256:1"})
    build.build(project, project.graph(project.matrix.buildable), baseline)
    assert [name for name, _ in edges.calls] == ["bake"]


def test_a_release_without_an_os_image_is_bootstrapped(full: Tree, edges: Edges) -> None:
    edges.made = False
    edges.images.held = ("sha256:1",)
    edges.metadata = {"spark-10_0": {"containerimage.digest": "sha256:1"}}
    project = full.load({"SPARK_IMAGES_OS_IMAGE": "bookworm=debian@sha256:1"})
    graph = project.graph([cell_of(project.matrix, "10.0-baseline")])
    build.build(project, graph, [graph.targets["spark-10.0"]])
    assert [what for name, what in edges.calls if name == "rootfs"] == ["trixie"]


@pytest.mark.parametrize(("made", "planned"), [(True, 2), (False, 3)])
def test_only_a_new_root_file_system_makes_the_plan_once_more(
    small: Project,
    graph: Graph,
    baseline: list[Target],
    edges: Edges,
    monkeypatch: pytest.MonkeyPatch,
    made: bool,
    planned: int,
) -> None:
    """Keys change only with a new root file system. A plan of all images hashes every input."""
    edges.made = made
    plan = mock.Mock(wraps=build.plan)
    monkeypatch.setattr(build, "plan", plan)
    build.build(small, graph, baseline)
    assert plan.call_count == planned


def test_every_required_debian_release_is_bootstrapped(small: Project, edges: Edges) -> None:
    """The image of the newer stack copies layers of plain files that the first stack builds."""
    edges.made = False
    edges.images.held = ("sha256:1",)
    edges.metadata = {"spark-10_0": {"containerimage.digest": "sha256:1"}}
    graph = small.graph([cell_of(small.matrix, "10.0-baseline")])
    build.build(small, graph, [graph.targets["spark-10.0"]])
    assert [what for name, what in edges.calls if name == "rootfs"] == ["bookworm", "trixie"]
    edges.calls.clear()
    edges.metadata = {"os-trixie": {"containerimage.digest": "sha256:1"}}
    build.build(small, graph, [graph.targets["os-trixie"]])
    assert [what for name, what in edges.calls if name == "rootfs"] == ["trixie"]


def test_bake_gets_the_debian_release_of_every_target(small: Project, edges: Edges) -> None:
    edges.images.held = ("sha256:1",)
    edges.metadata = {"spark-10_0": {"containerimage.digest": "sha256:1"}}
    graph = small.graph([cell_of(small.matrix, "10.0-baseline")])
    build.build(small, graph, [graph.targets["spark-10.0"]])
    assert edges.suites["spark-10_0"] == edges.suites["core-10_0"] == "trixie"
    assert edges.suites["conf"] == edges.suites["sealer"] == "bookworm"
    assert edges.suites.keys() >= edges.calls[-1][1]["target"].keys()


@pytest.mark.parametrize(
    ("found", "builder", "output"),
    [
        (CONTAINERD, "", "type=image,compression=uncompressed,unpack=true"),
        (CLASSIC, "", "type=docker"),
        (CONTAINERD, "kube", "type=docker,compression=uncompressed,force-compression=true"),
        (CLASSIC, "kube", "type=docker,compression=uncompressed,force-compression=true"),
    ],
)
def test_the_output_depends_on_the_image_store_and_the_builder(
    small: Project, graph: Graph, monkeypatch: pytest.MonkeyPatch, found: Engine, builder: str, output: str
) -> None:
    edges = Edges(monkeypatch, found)
    edges.images.held = ("sha256:1",)
    edges.metadata = {"spark-9_0": {"containerimage.digest": "sha256:1"}}
    build.build(small, graph, [graph.targets["spark-9.0"]], builder=builder)
    assert edges.calls[-1][1]["target"]["spark-9_0"]["output"] == [output]


def test_a_named_builder_is_checked_and_starts_before_anything_is_made(
    small: Project, graph: Graph, baseline: list[Target], edges: Edges
) -> None:
    edges.made = False
    build.build(small, graph, baseline, builder="kube")
    assert [name for name, _ in edges.calls] == ["require", "start", "rootfs", "bake"]
    assert edges.how["builder"] == "kube"


def test_an_up_to_date_build_checks_the_name_of_the_builder_and_does_not_start_it(
    small: Project, graph: Graph, baseline: list[Target], edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(monkeypatch, "same")
    build.build(small, graph, baseline)
    edges.calls.clear()
    build.build(small, graph, baseline, builder="kube")
    assert edges.calls == [("require", "kube")]


def keyed(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Gives every target this key. A real key needs a bootstrapped Debian."""
    monkeypatch.setattr(keys, "keys", lambda definition, _: dict.fromkeys(definition["target"], key))


def test_an_up_to_date_image_is_not_rebuilt(
    small: Project,
    graph: Graph,
    baseline: list[Target],
    edges: Edges,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    keyed(monkeypatch, "before")
    build.build(small, graph, baseline)
    build.build(small, graph, baseline)
    assert len(edges.calls) == 1
    assert "everything requested is up to date" in capsys.readouterr().out
    build.build(small, graph, baseline, no_cache=True)
    keyed(monkeypatch, "after")
    build.build(small, graph, baseline)
    assert [name for name, _ in edges.calls] == ["bake", "rootfs", "bake", "bake"]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["spark-9.0"], "1 image"),
        (["conf"], "1 layer"),
        (["spark-9.0", "conf"], "1 layer and 1 image"),
        (["spark-9.0", "spark-9.0-lake", "conf"], "1 layer and 2 images"),
    ],
)
def test_the_summary_counts_layers_and_images(
    small: Project,
    graph: Graph,
    edges: Edges,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    names: list[str],
    said: str,
) -> None:
    keyed(monkeypatch, "same")
    monkeypatch.setattr(daemon, "find", lambda _: SimpleNamespace(labels={keys.INPUTS: "same"}))
    build.build(small, graph, [graph.targets[name] for name in names])
    assert capsys.readouterr().out == f"everything requested is up to date ({said})\n"


def test_images_of_another_clone_are_not_rebuilt(
    small: Project, graph: Graph, edges: Edges, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new clone has no keys before it bootstraps Debian."""
    runtime = graph.of_levels(("runtime",))
    edges.images.held = ("sha256:1", "sha256:2")
    edges.images.named = {"spark-k8s-spark-9.0:latest": "sha256:1"}
    edges.images.labels = {"sha256:1": {keys.INPUTS: "same"}}
    edges.metadata = {"spark-9_0-lake": {"containerimage.digest": "sha256:2"}}
    edges.made = False
    monkeypatch.setattr(keys, "keys", lambda definition, _: dict.fromkeys(definition["target"], "same") if made else {})
    made: list[str] = []
    monkeypatch.setattr(rootfs, "bootstrap", lambda suite, _: made.append(suite))
    build.build(small, graph, runtime)
    assert [call["group"]["default"]["targets"] for _, call in edges.calls] == [["spark-9_0-lake"]]
    made.clear()
    build.build(small, graph, runtime)
    assert len(edges.calls) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "everything requested is up to date (2 images)"


def test_a_change_during_a_build_causes_another_build(
    small: Project, graph: Graph, baseline: list[Target], edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(monkeypatch, "before")
    edges.meanwhile = lambda: keyed(monkeypatch, "after")
    build.build(small, graph, baseline)
    build.build(small, graph, baseline)
    assert [name for name, _ in edges.calls] == ["bake", "bake"]


def test_an_up_to_date_build_does_not_check_the_disk(
    small: Project, graph: Graph, baseline: list[Target], edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(monkeypatch, "same")
    build.build(small, graph, baseline)

    def full(found: Engine, minimum: int) -> None:
        raise SparkImagesError(f"{minimum} GB")

    monkeypatch.setattr(daemon, "check_disk", full)
    build.build(small, graph, baseline)


def test_only_outdated_images_are_built(
    small: Project, graph: Graph, baseline: list[Target], edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(monkeypatch, "same")
    build.build(small, graph, baseline)
    edges.images.held = ("sha256:1", "sha256:2")
    edges.metadata = {"spark-9_0-lake": {"containerimage.digest": "sha256:2"}}
    build.build(small, graph, graph.of_levels(("runtime",)))
    assert edges.calls[-1][1]["group"]["default"]["targets"] == ["spark-9_0-lake"]
    assert edges.calls[-1][1]["target"]["spark-9_0-lake"]["output"] != ["type=cacheonly"]


@pytest.mark.parametrize("named", [{}, {"spark-k8s-spark-9.0:latest": "sha256:another"}])
def test_an_image_that_the_engine_lost_is_rebuilt(
    small: Project,
    graph: Graph,
    baseline: list[Target],
    edges: Edges,
    monkeypatch: pytest.MonkeyPatch,
    named: dict[str, str],
) -> None:
    keyed(monkeypatch, "same")
    build.build(small, graph, baseline)
    edges.images.held = ("sha256:1", "sha256:another")
    edges.images.named = named
    build.build(small, graph, baseline)
    assert len(edges.calls) == 2


def test_a_failed_build_is_not_remembered(
    small: Project, graph: Graph, baseline: list[Target], edges: Edges, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed(monkeypatch, "before")
    build.build(small, graph, baseline)
    keyed(monkeypatch, "after")
    edges.failure = SparkImagesError("the build failed")
    with pytest.raises(SparkImagesError, match="the build failed"):
        build.build(small, graph, baseline)
    edges.failure = None
    build.build(small, graph, baseline)
    assert len(edges.calls) == 3


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T00:00:00Z")
    monkeypatch.setattr(git_tool, "ROOT", tmp_path)
    git(tmp_path, "init", "-q")
    for file in ("images.toml", "notes"):
        (tmp_path / file).write_text("one")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    return tmp_path


def test_the_stamp_is_the_commit_and_its_time(repository: Path) -> None:
    assert build.stamp() == bake.Stamp(git(repository, "rev-parse", "HEAD"), 1767312000)


@pytest.mark.parametrize("file", ["notes", "docs/page.md", "docker/images/README.md", "spark_images/checks/tiers.py"])
def test_a_commit_that_changes_no_input_of_images_does_not_change_the_stamp(repository: Path, file: str) -> None:
    before = build.stamp()
    commit(repository, file)
    assert build.stamp() == before


@pytest.mark.parametrize(
    "file",
    ["images.toml", "docker/base/os/Dockerfile", "docker/runtime/app/new/folder/extra", "spark_images/plan/bake.py"],
)
def test_a_commit_that_changes_an_input_of_images_changes_the_stamp(repository: Path, file: str) -> None:
    commit(repository, file)
    assert build.stamp().revision == git(repository, "rev-parse", "HEAD")
    (repository / file).write_text("three")
    assert build.stamp().revision == f"{git(repository, 'rev-parse', 'HEAD')}-dirty"


def commit(repository: Path, file: str) -> None:
    """Commits a change of a file."""
    (repository / file).parent.mkdir(parents=True, exist_ok=True)
    (repository / file).write_text("two")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", file)


@pytest.mark.parametrize("file", ["docker/base/os/extra", "docker/runtime/app/new/folder/extra"])
def test_an_untracked_file_in_a_layer_folder_changes_the_stamp(repository: Path, file: str) -> None:
    (repository / file).parent.mkdir(parents=True)
    (repository / file).write_text("two")
    assert build.stamp().revision.endswith("-dirty")


@pytest.mark.parametrize(
    "file", ["notes", "other", "docs/other", "docker/base/notes", "docker/images/other", "docker/base/os/x.tmp"]
)
def test_an_ignored_file_or_one_outside_the_layers_does_not_change_the_stamp(repository: Path, file: str) -> None:
    (repository / ".git/info/exclude").write_text("*.tmp\n")
    (repository / file).parent.mkdir(parents=True, exist_ok=True)
    (repository / file).write_text("two")
    assert not build.stamp().revision.endswith("-dirty")


def test_a_tree_without_a_commit_has_an_unknown_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git_tool, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert build.stamp() == bake.Stamp("unknown", 0)


def test_the_first_image_of_a_line_with_a_feature_needs_the_disk_space_of_the_feature(
    small: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = small.graph(small.matrix.buildable)

    def room(*names: str) -> int:
        return build._disk_gb(small.matrix, [graph.targets[name] for name in names])

    monkeypatch.setattr(daemon, "find", lambda _: None)
    minimum = small.matrix.settings.min_free_disk_gb
    assert room("spark-9.0-gpu", "spark-9.1-gpu-lake") == minimum + small.matrix.features["gpu"].disk_gb > minimum
    assert room("spark-9.0", "spark-9.0-lake", "gpu-jars-9") == minimum
    monkeypatch.setattr(daemon, "find", lambda name: name == small.matrix.tag("spark-9.1-gpu-lake") or None)
    assert room("spark-9.0-gpu") == minimum
    monkeypatch.setattr(daemon, "find", lambda name: name == small.matrix.tag("spark-9.0-lake") or None)
    assert room("spark-9.0-gpu") > minimum


def test_a_build_ends_with_the_names_of_the_images(
    small: Project, graph: Graph, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edges = Edges(monkeypatch)
    edges.images.held = ("sha256:1",)
    edges.metadata = {"spark-9_0": {"containerimage.digest": "sha256:1"}}
    build.build(small, graph, [graph.targets["spark-9.0"]])
    assert capsys.readouterr().out.splitlines()[-1] == f"built 1 image: {small.matrix.tag('spark-9.0')}"


def test_layer_builds_one_folder_and_returns_its_reference(small: Project, edges: Edges) -> None:
    edges.images.held = ("sha256:1",)
    edges.metadata = {"conf": {"containerimage.digest": "sha256:1"}}
    assert build.layer(small, "conf") == "spark-k8s-conf:latest"
    assert edges.images.named == {"spark-k8s-conf:latest": "sha256:1"}
