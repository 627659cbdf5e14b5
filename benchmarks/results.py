"""What was measured, as files: raw figures (JSON), tables (README.md) and charts (SVG) in benchmarks/results.

A part (size, start, …) is one JSON file; a cell in it is replaced as a whole when it is measured again. The page and
the charts are made from the files, so that a run of one part leaves the others as they were.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import RESULTS
from benchmarks.references import CONTENT, MONOLITH, OFFICIAL
from benchmarks.statistics import Ratio, Sample, verdict

PARTS = ("size", "start", "long", "kubernetes", "build")
NAMES = {OFFICIAL: "official", CONTENT: "official + content", MONOLITH: "monolith"}
QUANTITIES = {"wall": "to the answer, s", "cpu": "CPU, s"}

Document = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """A table with a title: the columns after the first `texts` are figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    texts: int = 1


def read(part: str, folder: Path = RESULTS) -> Document:
    """Returns what is stored of a part: its cells by key; {} where it was never measured."""
    file = folder / f"{part}.json"
    return dict(json.loads(file.read_text())) if file.exists() else {}


def store(part: str, cells: Document, folder: Path = RESULTS) -> None:
    """Stores what was measured of these cells, and writes the page anew. Charts are chart.draw's."""
    folder.mkdir(parents=True, exist_ok=True)
    merged = read(part, folder) | cells
    (folder / f"{part}.json").write_text(json.dumps(dict(sorted(merged.items())), indent=1) + "\n")
    (folder / "README.md").write_text(page({part: read(part, folder) for part in PARTS}))


def ratio(timing: Mapping[str, Any], quantity: str) -> Ratio:
    """Returns ours against the reference of one stored workload, in `wall` or `cpu` seconds."""
    return Ratio(*(Sample(tuple(run[quantity] for run in timing[side])) for side in ("ours", "theirs")))


def tables(part: str, document: Document) -> Iterator[Table]:
    """Yields the tables of a part."""
    if document:
        yield from {"size": _sizes, "start": _times, "long": _times, "kubernetes": _waits, "build": _builds}[part](
            document
        )


def _sizes(document: Document) -> Iterator[Table]:
    for quantity, title in (("size", "Unpacked, MB"), ("compressed", "Compressed as pushed (zstd), MB")):
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
        yield Table(f"The layers of {key}", ("layer", "unpacked, MB", "compressed, MB"), layers)


def _waits(document: Document) -> Iterator[Table]:
    # What a cluster's pods take in CPU is nobody's account: only the waiting is timed.
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
        columns = ("cell", "workload", "reference", "ours", "theirs", "ratio (range)", "spread", "runs")
        yield Table(title[0].upper() + title[1:], columns, rows, texts=3)


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
    columns = ("cells", "cold, s", "nothing changed, s", "a registry holds, MB (zstd)", "an engine holds, MB")
    yield Table("Building", columns, rows)


def _share(registry: Mapping[str, Any], quantity: str) -> str:
    stored, whole = registry["stored"][quantity], registry["sum"][quantity]
    return f"{_mb(stored)} of {_mb(whole)}: {stored / whole:.2f} ({registry['images']} images)"


def _against(ours: int, theirs: int) -> str:
    return f"{_mb(theirs)}: {ours / theirs:.2f}"


def _mb(size: float) -> str:
    return f"{size / 1e6:,.0f}"


TITLES = {
    "size": ("Sizes", "A reference's cell holds its size and, after the colon, ours divided by it."),
    "start": (
        "Time to the first result",
        "From the container's start to the line that answers, and the CPU time of all that ran in it until it ended "
        "(for `executor`: until it was registered with its driver). Medians; the ratio is ours divided by theirs, the "
        "range is that of the pairs of runs.",
    ),
    "long": ("A long job", "The same for a job of a minute: what starts fast must not run slowly."),
    "kubernetes": (
        "On Kubernetes",
        "pi.py in cluster mode with two executors, from submitting it to the driver's end.",
    ),
    "build": ("Building", "Every layer and image of the cells, downloads included."),
}


def page(documents: Mapping[str, Document]) -> str:
    """Returns the page of results, in Markdown."""
    lines = ["# Benchmark results", "", "Written by `inv bench`; [what is compared, and how](../README.md)."]
    for part, document in documents.items():
        if not document:
            continue
        title, text = TITLES[part]
        lines += ["", f"## {title}", "", text]
        lines += ["", f"![{title}]({part}.svg)"] if part not in ("build", "kubernetes") else []
        lines += [""] + [f"- `{key}`: {circumstances(entry)}" for key, entry in document.items()]
        for table in tables(part, document):
            lines += ["", f"### {table.title}", "", *markdown(table)]
    return "\n".join(lines) + "\n"


def markdown(table: Table) -> Iterator[str]:
    """Yields the lines of a table in Markdown."""
    yield f"| {' | '.join(table.columns)} |"
    yield "|" + " --- |" * table.texts + " ---: |" * (len(table.columns) - table.texts)
    for row in table.rows:
        yield f"| {' | '.join(row)} |"


def circumstances(entry: Mapping[str, Any]) -> str:
    """Returns what a cell was measured on."""
    return (
        f"{entry['date']}, {entry['revision'][:12]}, {entry['cores']} cores, "
        f"{entry['busy']:.0%} busy before the first run"
    )


def summary(documents: Mapping[str, Document]) -> Iterator[Table]:
    """Yields the tables of what was measured, those of single layers left to the page."""
    for part, document in documents.items():
        yield from (table for table in tables(part, document) if table.columns[0] != "layer")
