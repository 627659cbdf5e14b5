from pathlib import Path

import pytest
from graphviz import Digraph, ExecutableNotFound

from spark_images.errors import SparkImagesError
from spark_images.plan.project import Project
from spark_images.reports import drawing
from spark_images.reports.drawing import BEGIN, END, Edge
from tests.unit.tree import DOCKERFILES, Tree


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page with markers and without a drawing. The tests need no Graphviz."""
    monkeypatch.setattr(drawing, "PAGE", tmp_path / "dag.md")
    monkeypatch.setattr(drawing, "DRAWING", tmp_path / "graph.svg")
    monkeypatch.setattr(Digraph, "pipe", lambda *_, **__: "<svg/>\n")
    (tmp_path / "dag.md").write_text(f"# Title\n{BEGIN}\n{END}\nThe rest.\n")
    return tmp_path


def test_the_picture_has_every_folder_and_edge(tree: Tree) -> None:
    drawn = drawing.picture(tree.load())
    assert drawn.nodes == {
        "base": {name: name for name in ("jdk", "os", "rootfs", "sealer", "tools")},
        "intermediate": {"conf": "conf", "core": "core × 2", "lake-jars": "lake-jars"},
        "runtime": {"app": "app × 4"},
    }
    assert drawn.edges == (
        Edge("conf", "app", True),
        Edge("core", "app", True),
        Edge("jdk", "app", True),
        Edge("lake-jars", "app", True),
        Edge("os", "app", True),
        Edge("os", "sealer", True),
        Edge("os", "tools", True),
        Edge("rootfs", "os", True),
        Edge("sealer", "conf", False),
        Edge("tools", "app", False),
        Edge("tools", "core", False),
        Edge("tools", "jdk", False),
        Edge("tools", "lake-jars", False),
    )


def test_the_picture_has_every_folder_of_a_feature_and_says_how_often_it_is_built(small: Project) -> None:
    drawn = drawing.picture(small)
    assert {folder for folders in drawn.nodes.values() for folder in folders} == set(small.recipes.by_name)
    assert drawn.nodes["base"]["jdk"] == "jdk × 2"


def test_mermaid_uses_different_arrows_for_copies_and_build_dependencies(tree: Tree) -> None:
    lines = drawing.mermaid(drawing.picture(tree.load())).splitlines()
    assert lines[0] == "flowchart LR"
    assert '        core["core × 2"]' in lines
    assert "    core --> app" in lines
    assert "    tools -.-> core" in lines


def test_graphviz_uses_the_same_edges_as_mermaid(tree: Tree) -> None:
    source = drawing.dot(drawing.picture(tree.load())).source
    assert "core -> app [style=solid]" in source
    assert "tools -> core [style=dotted]" in source
    assert "subgraph cluster_intermediate" in source


def test_a_written_drawing_is_up_to_date(tree: Tree, pages: Path) -> None:
    project = tree.load()
    drawing.write(project)
    drawing.check(project)
    text = (pages / "dag.md").read_text()
    assert text.startswith(f"# Title\n{BEGIN}\n\n```mermaid\nflowchart LR\n")
    assert text.endswith(f"```\n\n{END}\nThe rest.\n")


def test_writing_twice_changes_nothing(tree: Tree, pages: Path) -> None:
    project = tree.load()
    drawing.write(project)
    once = (pages / "dag.md").read_text()
    drawing.write(project)
    assert (pages / "dag.md").read_text() == once


@pytest.mark.parametrize("stale", ["dag.md", "graph.svg"])
def test_an_outdated_drawing_is_an_error(tree: Tree, pages: Path, stale: str) -> None:
    drawing.write(tree.load())
    before = (pages / stale).read_text()
    tree.dockerfile("runtime/app", DOCKERFILES["runtime/app"] + "COPY --from=tools / /\n")
    drawing.write(tree.load())
    (pages / stale).write_text(before)
    with pytest.raises(SparkImagesError, match=r"out of date: run `inv graph`"):
        drawing.check(tree.load())


def test_a_missing_drawing_is_an_error(tree: Tree, pages: Path) -> None:
    drawing.write(tree.load())
    (pages / "graph.svg").unlink()
    with pytest.raises(SparkImagesError, match="out of date"):
        drawing.check(tree.load())


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}\n{BEGIN}"])
def test_a_page_without_markers_is_an_error_and_stays_unchanged(tree: Tree, pages: Path, text: str) -> None:
    (pages / "dag.md").write_text(text)
    with pytest.raises(SparkImagesError, match=r"dag\.md has no markers for the drawing"):
        drawing.write(tree.load())
    assert (pages / "dag.md").read_text() == text


def test_without_graphviz_the_mermaid_drawing_is_written(
    tree: Tree, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ExecutableNotFound(["dot"])

    monkeypatch.setattr(Digraph, "pipe", missing)
    with pytest.raises(SparkImagesError, match="Graphviz is missing"):
        drawing.write(tree.load())
    assert "flowchart LR" in (pages / "dag.md").read_text()
