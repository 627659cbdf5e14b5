"""Writes the results to benchmarks/results: raw figures (JSON), the page of tables (README.md) and charts (SVG).

Each part (size, start, …) has one JSON file. If a cell is measured again, its new entry replaces the old one. The page
and the charts are rendered from these files, so a run of one part keeps the figures of the others.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import RESULTS
from benchmarks.queries import SIDES
from benchmarks.references import CONTENT, MONOLITH, OFFICIAL
from benchmarks.statistics import Ratio, Sample, verdict

PARTS = ("size", "start", "long", "queries", "kubernetes", "build")
NAMES = {OFFICIAL: "official", CONTENT: "official + content", MONOLITH: "monolith"}
QUANTITIES = {"wall": "time to the answer, s", "cpu": "CPU time, s"}

Document = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A table with a title. The first `texts` columns are text, the others are figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1


def read(part: str, folder: Path = RESULTS) -> Document:
    """Returns the stored entries of a part by cell key, or {} if the part was never measured."""
    file = folder / f"{part}.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def store(part: str, cells: Document, folder: Path = RESULTS) -> None:
    """Stores the entries of these cells and writes the page again. charts.draw writes the charts."""
    folder.mkdir(parents=True, exist_ok=True)
    merged = read(part, folder) | cells
    (folder / f"{part}.json").write_text(json.dumps(dict(sorted(merged.items())), indent=1) + "\n")
    (folder / "README.md").write_text(page({part: read(part, folder) for part in PARTS}))


def ratio(timing: Mapping[str, Any], quantity: str) -> Ratio:
    """Returns our image against the reference for one stored workload, in `wall` or `cpu` seconds."""
    return Ratio(*(Sample(tuple(run[quantity] for run in timing[side])) for side in ("ours", "theirs")))


def tables(part: str, document: Document) -> Iterator[Table]:
    """Yields the tables of a part."""
    if document:
        yield from {
            "size": _sizes,
            "start": _times,
            "long": _times,
            "queries": _queries,
            "kubernetes": _waits,
            "build": _builds,
        }[part](document)


def _sizes(document: Document) -> Iterator[Table]:
    for quantity, title in (("size", "Unpacked, MB"), ("compressed", "Compressed with zstd, as pushed, MB")):
        rows = []
        for key, entry in document.items():
            images = entry["images"]
            ours = images["ours"][quantity]
            cells = [_against(ours, images[name][quantity]) if name in images else "" for name in NAMES]
            rows.append((key, _mb(ours), *cells))
        yield Table(title, ("cell", "ours", *NAMES.values()), rows)
    for key, entry in document.items():
        layers = [
            (layer["layer"], _mb(layer["size"]), _mb(layer["compressed"]))
            for layer in entry["images"]["ours"]["layers"]
            if layer["size"] >= 500_000
        ]
        yield Table(f"Layers of {key}, our image", ("layer", "unpacked, MB", "compressed, MB"), layers)


def _waits(document: Document) -> Iterator[Table]:
    # CPU time is not measured on a cluster.
    yield from _times(document, ("wall",))


def _times(document: Document, quantities: Sequence[str] = tuple(QUANTITIES)) -> Iterator[Table]:
    for quantity in quantities:
        title = QUANTITIES[quantity]
        rows = []
        for key, entry in document.items():
            for workload, timing in entry["workloads"].items():
                found = ratio(timing, quantity)
                rows.append(
                    (
                        *(key, workload, NAMES[timing["reference"]]),
                        *(f"{found.ours.median:.2f}", f"{found.reference.median:.2f}"),
                        verdict(found, entry["busy"]),
                        f"{found.spread:.0%}",
                        str(len(found.ours.values)),
                    )
                )
        columns = ("cell", "workload", "reference", "our median", "reference median", "ratio (range)", "spread", "runs")
        yield Table(title[0].upper() + title[1:], columns, rows, texts=3)


def _totals(entry: Mapping[str, Any], quantity: str) -> dict[str, Sample]:
    """Returns the sum over all queries of a stored entry, by side: one value for each run."""
    queries = entry["queries"].values()
    return {
        side: Sample(tuple(sum(query[side][run][quantity] for query in queries) for run in range(len(resident))))
        for side, resident in entry["resident"].items()
    }


def _queries(document: Document) -> Iterator[Table]:
    columns = ("query", *SIDES, "on ÷ off (range)", "on ÷ official (range)", "spread", "runs")
    for key, entry in document.items():
        for quantity, title in (("wall", "wall time, s"), ("cpu", "CPU time, s")):
            found = {
                name: {side: Sample(tuple(run[quantity] for run in runs)) for side, runs in query.items()}
                for name, query in entry["queries"].items()
            }
            found["**sum**"] = _totals(entry, quantity)
            rows = [_query(name, samples, entry["busy"]) for name, samples in found.items()]
            yield Table(f"{key}, {entry['feature']}: {title}", columns, rows)
        resident = {side: Sample(tuple(size / 1e9 for size in sizes)) for side, sizes in entry["resident"].items()}
        rows = [_query("all", resident, entry["busy"])]
        yield Table(f"{key}, {entry['feature']}: largest resident size, GB", ("queries", *columns[1:]), rows)


def _query(name: str, samples: Mapping[str, Sample], busy: float) -> tuple[str, ...]:
    on, *others = (samples[side] for side in SIDES)
    ratios = [Ratio(on, other) for other in others]
    return (
        name,
        *(f"{samples[side].median:.2f}" for side in SIDES),
        *(verdict(found, busy) for found in ratios),
        f"{max(found.spread for found in ratios):.0%}",
        str(len(on.values)),
    )


def _builds(document: Document) -> Iterator[Table]:
    rows = [
        (
            key,
            f"{entry['cold']:.0f}" if entry.get("cold") else "",
            f"{entry['unchanged']:.1f}",
            *(_share(entry["registry"], quantity) for quantity in ("compressed", "size")),
        )
        for key, entry in document.items()
    ]
    columns = (
        "cells",
        "cold build, s",
        "unchanged build, s",
        "stored in a registry, MB (zstd)",
        "stored in an engine, MB",
    )
    yield Table("Times and storage", columns, rows)


def _share(registry: Mapping[str, Any], quantity: str) -> str:
    stored, whole = registry["stored"][quantity], registry["sum"][quantity]
    return f"{_mb(stored)} of {_mb(whole)}: {stored / whole:.2f} ({registry['images']} images)"


def _against(ours: int, theirs: int) -> str:
    return f"{_mb(theirs)}: {ours / theirs:.2f}"


def _mb(size: float) -> str:
    return f"{size / 1e6:,.0f}"


TITLES = {
    "size": (
        "Image sizes",
        "The column of a reference shows its size and then, after the colon, the size of our image divided by it. "
        "Below 1, our image is smaller. The layer tables omit layers below 0.5 MB.",
    ),
    "start": (
        "Time to the first result",
        "The first table shows the seconds from the start of the container to the line with the answer. The second "
        "shows the CPU seconds of every process in the container until it ended. For `executor`, both end when the "
        "executor has registered with its driver. The ratio is our median divided by the median of the reference: "
        "below 1, our image is faster. The range is the lowest and highest ratio of a pair of runs. The spread is the "
        "width of the middle half of the runs as a share of the median, for the side where it is larger. With fewer "
        "than 4 runs, it is the width of all of them. In the chart, a bar is a median and a dot is one run.",
    ),
    "long": (
        "A long job",
        "The same measurements for a job of more than a minute. They show whether a fast start costs speed later.",
    ),
    "queries": (
        "The queries of TPC-H with an accelerator",
        "The 22 queries of TPC-H at scale 1, on Parquet files, with two cores and 4 GB. `on` is our image with the "
        "settings of its accelerator, `off` the same image without them, `official` the official recipe. In each run, "
        "each query runs twice, and the second time counts. All sides gave the same results. CPU time is that of the "
        "JVM and of the native code in it.",
    ),
    "kubernetes": (
        "On Kubernetes",
        "pi.py in cluster mode with two executors: the seconds from its submission to the end of the driver.",
    ),
    "build": (
        "Builds",
        "The time to build every layer and image of the cells. A cold build starts with an empty cache and includes "
        "the downloads. An unchanged build repeats a build when nothing has changed. The storage columns compare the "
        "space that all images take with the sum of their sizes. Because images share layers, and each layer is "
        "stored once, the space is much smaller.",
    ),
}


def page(documents: Mapping[str, Document]) -> str:
    """Returns the results page in Markdown."""
    lines = ["# Benchmark results", "", "`inv bench` writes this page. [How it measures](../README.md)."]
    for part, document in documents.items():
        if not document:
            continue
        title, text = TITLES[part]
        lines += ["", f"## {title}", "", text]
        lines += ["", f"![Chart: {title}]({part}.svg)"] if part not in ("build", "kubernetes") else []
        lines += ["", "Measured:", ""] + [f"- `{key}`: {circumstances(entry)}" for key, entry in document.items()]
        for table in tables(part, document):
            lines += ["", f"### {table.title}", "", *markdown(table)]
    return "\n".join(lines) + "\n"


def markdown(table: Table) -> Iterator[str]:
    """Yields the lines of a Markdown table."""
    yield f"| {' | '.join(table.columns)} |"
    yield "|" + " --- |" * table.texts + " ---: |" * (len(table.columns) - table.texts)
    for row in table.rows:
        yield f"| {' | '.join(row)} |"


def circumstances(entry: Mapping[str, Any]) -> str:
    """Returns when, at which commit and on which host a cell was measured."""
    return (
        f"{entry['date']}, commit {entry['revision'][:12]}, {entry['cores']} cores, "
        f"{entry['busy']:.0%} of them busy before the first run"
    )


def summary(documents: Mapping[str, Document]) -> Iterator[Table]:
    """Yields the tables to print. Only the page shows the tables of single layers."""
    for part, document in documents.items():
        yield from (table for table in tables(part, document) if table.columns[0] != "layer")
