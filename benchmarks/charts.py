"""Draws the results as charts: one SVG per part, with our images next to the references."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks import RESULTS
from benchmarks.queries import OFF, ON
from benchmarks.references import CONTENT, MONOLITH, OFFICIAL
from benchmarks.results import NAMES, QUANTITIES, Document, ratio
from benchmarks.statistics import Sample

COLOURS = {"ours": "#1b7f5c", "theirs": "#b0b7bf", OFFICIAL: "#b0b7bf", CONTENT: "#7d8792", MONOLITH: "#4b535c"}
LABELS = {"ours": "our image (median)", "theirs": "reference image (median)"}
WITHOUT_DATE = {"Date": None}
"""Metadata without a date, so that the same figures give the same bytes."""


def draw(part: str, document: Document, folder: Path = RESULTS) -> None:
    """Writes the chart of a part. Does nothing for a part without a chart."""
    figure = {"size": sizes, "start": times, "long": times, "queries": queries}.get(part, lambda _: None)(document)
    if figure:
        with mpl.rc_context({"svg.hashsalt": part, "svg.fonttype": "none"}):
            figure.savefig(folder / f"{part}.svg", metadata=WITHOUT_DATE)


def sizes(document: Document) -> Figure:
    """Returns the size chart: a group of bars per cell. The pale bar is unpacked, the solid bar compressed."""
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
    axes.set_xlabel("MB (pale bar: unpacked, solid bar: compressed with zstd)")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def times(document: Document) -> Figure:
    """Returns the chart of wall and CPU seconds. A bar is the median, a point is one run."""
    rows = [(key, name, timing) for key, entry in document.items() for name, timing in entry["workloads"].items()]
    figure = Figure(figsize=(11, 1.2 + 0.75 * len(rows)), layout="constrained")
    for number, (quantity, title) in enumerate(QUANTITIES.items()):
        axes = figure.add_subplot(1, 2, number + 1)
        for place, (_, _, timing) in enumerate(rows):
            found = ratio(timing, quantity)
            for offset, side, sample in ((-0.2, "ours", found.ours), (0.2, "theirs", found.reference)):
                label = LABELS[side] if place == 0 else None
                axes.barh(place + offset, sample.median, height=0.36, color=COLOURS[side], label=label)
                axes.plot(sample.values, [place + offset] * len(sample.values), ".", color="black", markersize=3)
        axes.set_yticks(
            range(len(rows)), [f"{key} {name}" for key, name, _ in rows] if number == 0 else [""] * len(rows)
        )
        axes.invert_yaxis()
        axes.set_xlabel(title)
        axes.spines[["top", "right"]].set_visible(False)
        if number == 0:
            axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return figure


def queries(document: Document) -> Figure:
    """Returns the chart of CPU seconds by query: a group of bars per query, and one part of the chart per cell."""
    figure = Figure(figsize=(11, 3.2 * len(document)), layout="constrained")
    for number, (key, entry) in enumerate(document.items()):
        axes = figure.add_subplot(len(document), 1, number + 1)
        for offset, side, colour in ((-0.27, ON, "ours"), (0.0, OFF, CONTENT), (0.27, OFFICIAL, OFFICIAL)):
            medians = [Sample(tuple(run["cpu"] for run in query[side])).median for query in entry["queries"].values()]
            label = f"{entry['feature']} {side}" if side != OFFICIAL else "official recipe"
            axes.bar(
                [place + offset for place in range(len(medians))], medians, 0.27, color=COLOURS[colour], label=label
            )
        axes.set_xticks(range(len(entry["queries"])), list(entry["queries"]))
        axes.set_ylabel("CPU time, s")
        axes.set_title(key, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, ncols=3)
    return figure
