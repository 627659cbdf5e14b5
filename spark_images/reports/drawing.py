"""Draws the DAG: docs/graph.svg with Graphviz, and a Mermaid flowchart between two markers in docs/dag.md."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from graphviz import Digraph, ExecutableNotFound

from spark_images import ROOT, files
from spark_images.errors import SparkImagesError
from spark_images.plan.project import Project
from spark_images.recipes.dockerfiles import LEVELS

DRAWING = ROOT / "docs/graph.svg"
PAGE = ROOT / "docs/dag.md"
BEGIN, END = "<!-- graph: written by `inv graph` -->", "<!-- end of graph -->"


@dataclass(frozen=True, order=True)
class Edge:
    """`target` is built from the folder `source`. `shipped` says that the files of `source` are in the result."""

    source: str
    target: str
    shipped: bool


@dataclass(frozen=True)
class Picture:
    """The content of a drawing: the folders of each level with their labels, and the edges."""

    nodes: dict[str, dict[str, str]]
    edges: tuple[Edge, ...]


def picture(project: Project) -> Picture:
    """Returns the folders that the cells need, with their edges. A label says how often a folder is built."""
    graph = project.graph(project.matrix.buildable)
    nodes: dict[str, dict[str, str]] = {level: {} for level in LEVELS}
    edges: dict[tuple[str, str], bool] = {}
    for target in graph.targets.values():
        folder = target.recipe.name
        times = sum(other.recipe.name == folder for other in graph.targets.values())
        nodes[target.recipe.level][folder] = folder if times == 1 else f"{folder} × {times}"
        for source, shipped in target.recipe.reached(target.arguments):
            edges[source, folder] = edges.get((source, folder), False) or shipped
    shown = {level: dict(sorted(folders.items())) for level, folders in nodes.items()}
    return Picture(shown, tuple(sorted(Edge(*pair, shipped) for pair, shipped in edges.items())))


def mermaid(drawn: Picture) -> str:
    """Returns the picture as a Mermaid flowchart.

    Solid arrows copy files into the target. Dotted arrows are build-time dependencies.
    """

    def lines() -> Iterator[str]:
        yield "flowchart LR"
        for level, folders in drawn.nodes.items():
            yield f"    subgraph {level}"
            yield from (f'        {folder}["{label}"]' for folder, label in folders.items())
            yield "    end"
        for edge in drawn.edges:
            yield f"    {edge.source} {'-->' if edge.shipped else '-.->'} {edge.target}"

    return "\n".join(lines())


def dot(drawn: Picture) -> Digraph:
    """Returns the picture as a Graphviz graph, with the same arrows."""
    graph = Digraph(
        graph_attr={"rankdir": "LR", "fontname": "sans-serif"}, node_attr={"shape": "box", "fontname": "sans-serif"}
    )
    for level, folders in drawn.nodes.items():
        with graph.subgraph(name=f"cluster_{level}", graph_attr={"label": level, "style": "rounded"}) as cluster:
            for folder, label in folders.items():
                cluster.node(folder, label)
    for edge in drawn.edges:
        graph.edge(edge.source, edge.target, style="solid" if edge.shipped else "dotted")
    return graph


def write(project: Project) -> None:
    """Writes both drawings. Raises SparkImagesError if Graphviz is missing or the page has lost its markers."""
    drawn = picture(project)
    files.write(PAGE, _page(mermaid(drawn)))
    try:
        svg = dot(drawn).pipe(format="svg", encoding="utf-8")
    except ExecutableNotFound:
        raise SparkImagesError(
            "Graphviz is missing, so only the Mermaid drawing was written: install graphviz and run `inv graph` again"
        ) from None
    files.write(DRAWING, f"{svg.rstrip()}\n{_mark(drawn)}\n")


def check(project: Project) -> None:
    """Raises SparkImagesError if a drawing does not match the Dockerfiles."""
    drawn = picture(project)
    if PAGE.read_text() != _page(mermaid(drawn)) or not _is_of(DRAWING, drawn):
        raise SparkImagesError("the drawings of the DAG are out of date: run `inv graph`")


def _mark(drawn: Picture) -> str:
    # The SVG differs between Graphviz versions. The hash of the Graphviz source does not.
    return f"<!-- {hashlib.sha256(dot(drawn).source.encode()).hexdigest()} -->"


def _is_of(file: Path, drawn: Picture) -> bool:
    return file.exists() and _mark(drawn) in file.read_text()


def _page(drawing: str) -> str:
    text = PAGE.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SparkImagesError(f"{PAGE.name} has no markers for the drawing. Add these two lines: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n```mermaid\n{drawing}\n```\n\n{END}{after}"
