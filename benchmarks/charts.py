"""The charts of the results: one SVG for each part, ours beside the references."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks import RESULTS
from benchmarks.references import CONTENT, MONOLITH, OFFICIAL
from benchmarks.results import NAMES, QUANTITIES, Document, ratio

COLOURS = {"ours": "#1b7f5c", "theirs": "#b0b7bf", OFFICIAL: "#b0b7bf", CONTENT: "#7d8792", MONOLITH: "#4b535c"}
WITHOUT_DATE = {"Date": None}
"""The same figures are the same file."""


def draw(part: str, document: Document, folder: Path = RESULTS) -> None:
    """Writes the chart of a part, where it has one."""
    figure = {"size": sizes, "start": times, "long": times}.get(part, lambda _: None)(document)
    if figure:
        with mpl.rc_context({"svg.hashsalt": part, "svg.fonttype": "none"}):
            figure.savefig(folder / f"{part}.svg", metadata=WITHOUT_DATE)


def sizes(document: Document) -> Figure:
    """Returns the chart of sizes: a group of bars for each cell, unpacked (pale) and compressed (full)."""
    figure = Figure(figsize=(9, 1.2 + 1.2 * len(document)), layout="constrained")
    axes = figure.add_subplot()
    labels, place = [], 0
    for key, entry in document.items():
        for name, image in entry["images"].items():
            colour = COLOURS[name]
            axes.barh(place, image["size"] / 1e6, color=colour, alpha=0.45)
            axes.barh(place, image["compressed"] / 1e6, color=colour)
            labels.append((place, f"{key} {NAMES.get(name, name)}"))
            place += 1
        place += 1
    axes.set_yticks([y for y, _ in labels], [label for _, label in labels])
    axes.invert_yaxis()
    axes.set_xlabel("MB, unpacked; the darker part: compressed (zstd)")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def times(document: Document) -> Figure:
    """Returns the chart of timings: seconds to the answer and CPU seconds, every run a point, the median a bar."""
    rows = [(key, name, timing) for key, entry in document.items() for name, timing in entry["workloads"].items()]
    figure = Figure(figsize=(11, 1.2 + 0.75 * len(rows)), layout="constrained")
    for number, (quantity, title) in enumerate(QUANTITIES.items()):
        axes = figure.add_subplot(1, 2, number + 1)
        for place, (_, _, timing) in enumerate(rows):
            found = ratio(timing, quantity)
            for offset, side, sample in ((-0.2, "ours", found.ours), (0.2, "theirs", found.reference)):
                label = {"ours": "ours", "theirs": "reference"}[side] if place == 0 else None
                axes.barh(place + offset, sample.median, height=0.36, color=COLOURS[side], label=label)
                axes.plot(sample.values, [place + offset] * len(sample.values), ".", color="black", markersize=3)
        axes.set_yticks(
            range(len(rows)), [f"{key} {name}" for key, name, _ in rows] if number == 0 else [""] * len(rows)
        )
        axes.invert_yaxis()
        axes.set_xlabel(title)
        axes.spines[["top", "right"]].set_visible(False)
        if number == 0:
            axes.legend(frameon=False)
    return figure
