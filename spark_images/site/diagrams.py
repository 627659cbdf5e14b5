"""Draws the Mermaid flowcharts of the pages with Graphviz, since Material would load Mermaid from another machine."""

import re
from collections.abc import Iterator

from graphviz import Digraph, ExecutableNotFound

from spark_images.errors import SparkImagesError

FENCE = re.compile(r"^```mermaid\n(?P<source>.*?)^```$", re.MULTILINE | re.DOTALL)
DIRECTION = re.compile(r"flowchart (TB|TD|BT|LR|RL)")
NODE = re.compile(r'(?P<name>[\w-]+)\["(?P<label>[^"]*)"\]')
NAME = re.compile(r"[\w-]+")
SUBGRAPH = re.compile(r"subgraph (?P<name>[\w-]+)")
ARROW = re.compile(r"\s+(-->|-\.->)\s+")
STYLES = {"-->": "solid", "-.->": "dotted"}
FONT = "sans-serif"


def draw(markdown: str) -> str:
    """Returns the Markdown with an SVG in place of each Mermaid flowchart.

    Raises SparkImagesError if a flowchart has a line that this module cannot draw, or if Graphviz is missing.
    """
    return FENCE.sub(lambda found: _svg(found["source"]), markdown)


def dot(source: str) -> Digraph:
    """Returns a Mermaid flowchart as a Graphviz graph.

    Accepts nodes `a["label"]`, arrows `a --> b` and `a -.-> b`, and subgraphs. Raises SparkImagesError for other lines.
    """
    first, *lines = [line.strip() for line in source.splitlines() if line.strip()] or [""]
    if not (direction := DIRECTION.fullmatch(first)):
        raise SparkImagesError(
            f'a Mermaid diagram begins with "{first}": begin it with "flowchart LR" or "flowchart TD"'
        )
    rank = direction[1].replace("TD", "TB")
    whole = Digraph(graph_attr={"rankdir": rank, "fontname": FONT, "bgcolor": "transparent"})
    whole.attr("node", shape="box", fontname=FONT)
    graphs = [whole]
    for line in lines:
        if node := NODE.fullmatch(line):
            graphs[-1].node(node["name"], node["label"])
        elif found := SUBGRAPH.fullmatch(line):
            attributes = {"label": found["name"], "style": "rounded"}
            graphs.append(Digraph(f"cluster_{found['name']}", graph_attr=attributes))
        elif line == "end" and len(graphs) > 1:
            inner = graphs.pop()
            graphs[-1].subgraph(inner)
        else:
            for source_name, target, style in _edges(line):
                graphs[-1].edge(source_name, target, style=style)
    if len(graphs) > 1:
        raise SparkImagesError(f'a Mermaid diagram does not close its {len(graphs) - 1} last subgraphs: add "end"')
    return whole


def _edges(line: str) -> Iterator[tuple[str, str, str]]:
    names, arrows = ARROW.split(line)[::2], ARROW.split(line)[1::2]
    if not arrows or not all(NAME.fullmatch(name) for name in names):
        raise SparkImagesError(
            f'a Mermaid diagram has the line "{line}", which the site cannot draw: '
            'use nodes a["label"], arrows a --> b and a -.-> b, and subgraphs'
        )
    for source, arrow, target in zip(names, arrows, names[1:], strict=False):
        yield source, target, STYLES[arrow]


def _svg(source: str) -> str:
    try:
        drawn: str = dot(source).pipe(format="svg", encoding="utf-8")
    except ExecutableNotFound:
        raise SparkImagesError("Graphviz, which draws the diagrams, is missing: install graphviz") from None
    # Markdown ends a block of HTML at an empty line, and a page may not contain a second XML declaration.
    lines = [line for line in drawn[drawn.index("<svg") :].splitlines() if line.strip()]
    return "\n".join(['<div class="diagram">', *lines, "</div>"])
