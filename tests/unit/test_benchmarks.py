import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import benchmarks
from benchmarks import bench, charts, containers, kubernetes, queries, references, results, sizes, speed, start
from benchmarks.references import CONTENT, MONOLITH, OFFICIAL
from benchmarks.statistics import Ratio, Sample, alternating, doubts, verdict
from spark_images.checks import cluster
from spark_images.engine import build, daemon, rootfs
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project
from tests.unit.tree import Tree


def ratio(ours: tuple[float, ...], theirs: tuple[float, ...]) -> Ratio:
    return Ratio(Sample(ours), Sample(theirs))


def test_ratio_compares_medians_and_its_range_compares_pairs() -> None:
    found = ratio((1.0, 1.05, 0.9), (2.0, 2.1, 2.0))
    assert found.value == pytest.approx(0.5)
    assert list(found.range) == pytest.approx([0.45, 0.5])
    assert verdict(found, busy=0.0) == "0.50 (0.45–0.50)"


def test_spread_of_four_or_more_runs_is_the_width_of_the_middle_half() -> None:
    assert Sample((1, 1, 1, 1, 1, 1, 9)).spread == 0
    assert Sample((1, 2, 3, 4, 5)).spread == pytest.approx(2 / 3)
    assert Sample((1, 1, 2)).spread == 1


@pytest.mark.parametrize(
    ("ours", "theirs", "busy", "reason"),
    [
        ((1.0, 1.0, 1.0), (2.0, 2.0, 2.0), 0.0, ""),
        ((1.0, 1.0, 1.0), (2.0, 2.0, 2.0), 0.6, "the machine was 60% busy before the first run"),
        ((1.0, 1.0, 1.3), (2.0, 2.0, 2.0), 0.0, "the spread over runs is 30%"),
        ((1.0, 1.0, 1.0), (2.0, 2.0, 2.6), 0.0, "the spread over runs is 30%"),
        ((1.0,), (2.0,), 0.0, "1 run has no spread"),
    ],
)
def test_unreliable_ratio_is_printed_as_unsure_with_the_reason(
    ours: tuple[float, ...], theirs: tuple[float, ...], busy: float, reason: str
) -> None:
    found = ratio(ours, theirs)
    assert doubts(found, busy) == reason
    assert verdict(found, busy) == (f"unsure: {reason}" if reason else "0.50 (0.50–0.50)")


def test_each_round_starts_with_the_other_side() -> None:
    assert alternating(("a", "b"), 3) == ["a", "b", "b", "a", "a", "b"]


def test_engine_timestamps_may_have_nanoseconds() -> None:
    assert containers.seconds("2026-11-24T12:00:59.900000001Z", "2026-11-24T12:01:00.1Z") == pytest.approx(0.2)


def test_find_returns_the_first_matching_line() -> None:
    log = "2026-11-24T12:00:00Z no\n2026-11-24T12:00:01Z ANSWER 1\n2026-11-24T12:00:02Z ANSWER 2\n"
    assert containers.find(log, "^ANSWER") == ("2026-11-24T12:00:01Z", "ANSWER 1")
    assert containers.find(log, "^no such") is None


def client(log: str, code: int = 0) -> Any:
    """Returns a fake engine client whose containers exit at once with this log and exit code."""
    state = {"StartedAt": "2026-11-24T12:00:00.5Z", "FinishedAt": "2026-11-24T12:00:03Z"}
    container = SimpleNamespace(
        start=lambda: None,
        wait=lambda **_: {"StatusCode": code},
        reload=lambda: None,
        attrs={"State": state},
        logs=lambda **_: log.encode(),
        remove=lambda **_: None,
    )
    return SimpleNamespace(containers=SimpleNamespace(create=lambda *_, **__: container))


LOG = "2026-11-24T12:00:02.0Z ANSWER 42\n2026-11-24T12:00:02.9Z CPU-NANOSECONDS 3500000000\n"


def test_run_uses_the_timestamps_of_the_engine() -> None:
    found = containers.run(client(LOG), "image", ["job"], "^ANSWER")
    assert found.as_document() == {"wall": 1.5, "end": 2.5, "cpu": 3.5, "answer": "ANSWER 42"}
    assert found.lines == ("ANSWER 42", "CPU-NANOSECONDS 3500000000")


@pytest.mark.parametrize(("log", "code"), [(LOG, 1), (LOG.replace("ANSWER", "ANSER"), 0)])
def test_run_fails_if_the_command_fails_or_prints_no_answer(log: str, code: int) -> None:
    with pytest.raises(SparkImagesError, match=rf"image: job: exit code {code}, the end of its log:"):
        containers.run(client(log, code), "image", ["job"], "^ANSWER")


def test_each_side_has_one_uncounted_run_first(small: Project) -> None:
    ran: list[str] = []

    def timed(image: str) -> containers.Run:
        ran.append(image)
        return containers.Run(len(ran), 0, 0, "")

    cell = cell_of(small.matrix, "9.0-baseline")
    images = {start.OURS: "a", start.REFERENCE: "b"}
    timing = start.measure(cell, "pi", OFFICIAL, images, timed, 2)
    assert "".join(ran) == "ab" + "abba"
    assert [run.wall for run in timing.ours] == [3, 6]
    assert [run.wall for run in timing.theirs] == [4, 5]


def order(project: Project, *only: str, cells: tuple[str, ...] = (), runs: int = 0) -> bench.Order:
    return bench.order(project.matrix, only, cells, runs)


def test_default_is_every_part_on_the_newest_baseline_of_each_line(
    small: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "reason_to_skip", lambda: "")
    everything = order(small)
    assert everything.parts == results.PARTS
    monkeypatch.setattr(cluster, "reason_to_skip", lambda: "no cluster")
    assert set(results.PARTS) - set(order(small).parts) == {"kubernetes"}
    with pytest.raises(SparkImagesError, match="--only kubernetes: no cluster"):
        kubernetes.check()
    assert [cell.key for cell in everything.cells] == ["9.1-baseline", "10.0-baseline"]
    one = order(small, "start", cells=("10.0-lake",))
    assert (one.parts, [cell.key for cell in one.cells], one.every) == (("start",), ["10.0-lake"], False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"only": ("sise",)}, r'unknown part of the benchmark "sise".*did you mean "size"'),
        ({"cells": ("9.0-basline",)}, r'unknown cell "9\.0-basline".*did you mean "9\.0-baseline"'),
        ({"runs": -1}, r"--runs is -1: expected 1 or more"),
    ],
)
def test_invalid_argument_is_refused_with_the_nearest_valid_one(
    small: Project, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        order(small, *arguments.pop("only", ()), **arguments)


def test_context_of_a_reference_contains_every_python_lock(full: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "ROOT", full.root)
    monkeypatch.setattr(references, "CONTEXTS", full.root / "contexts")
    references.write_contexts(full.load().recipes)
    context = full.root / "contexts" / MONOLITH / "requirements"
    sets = [f"{layer}-{python}" for layer in ("deps", "gpu-deps", "lake-deps") for python in ("3.11", "3.13")]
    assert sorted(file.name for file in context.iterdir()) == [f"{name}.lock" for name in sets]
    assert "pandas==2.0" in (context / "deps-3.13.lock").read_text()
    assert (full.root / "contexts" / OFFICIAL / "entrypoint.sh").stat().st_mode & 0o111


def test_cold_build_keeps_the_cache_and_the_tags_of_the_user(small: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[Any] = []
    releases: list[str] = []
    monkeypatch.setattr(build, "build", lambda *given: built.append(given))
    monkeypatch.setattr(rootfs, "bootstrap", lambda suite, _: releases.append(suite))
    monkeypatch.setattr(daemon, "find", lambda _: None)
    monkeypatch.setattr(daemon, "is_empty", lambda: False)
    monkeypatch.setattr(speed, "load_project", lambda: small)
    cells = [cell_of(small.matrix, "10.0-baseline")]
    assert speed.measured(small, cells, moment=12345.6).keys() == {"unchanged", "cold"}
    apart, graph, _ = built[-1]
    assert apart.matrix.tag("x").endswith(":bench-cold")
    ours = small.graph(cells)
    for name, target in graph.targets.items():
        if "LAYER_EPOCH" in target.arguments:
            assert target.arguments["LAYER_EPOCH"] != ours.targets[name].arguments["LAYER_EPOCH"]
    assert graph.targets["os-trixie"].arguments["LAYER_EPOCH"] == "1767237945"
    assert releases == ["bookworm", "trixie"]


def test_cold_build_bootstraps_only_releases_without_an_os_image(full: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    releases: list[str] = []
    monkeypatch.setattr(build, "build", lambda *_: None)
    monkeypatch.setattr(rootfs, "bootstrap", lambda suite, _: releases.append(suite))
    project = full.load({"SPARK_IMAGES_OS_IMAGE": "trixie=debian:trixie"})
    monkeypatch.setattr(daemon, "is_empty", lambda: True)
    monkeypatch.setattr(speed, "load_project", lambda: project)
    speed.measured(project, [cell_of(project.matrix, "10.0-baseline")], moment=0)
    assert releases == ["bookworm"]


def test_first_build_on_an_empty_engine_is_the_cold_build(small: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    monkeypatch.setattr(build, "build", lambda given, *_: steps.append(given.matrix.settings.tag))
    monkeypatch.setattr(rootfs, "bootstrap", lambda *_: steps.append("rootfs"))
    monkeypatch.setattr(daemon, "is_empty", lambda: True)
    monkeypatch.setattr(speed, "load_project", lambda: small)
    cells = [cell_of(small.matrix, "9.0-baseline")]
    assert speed.measured(small, cells, moment=0).keys() == {"cold", "unchanged"}
    assert steps == ["rootfs", "latest", "latest"]


@pytest.mark.parametrize(
    ("created_by", "name"),
    [
        ("ADD rootfs.tar / # buildkit", "ADD rootfs.tar /"),
        (
            "RUN |2 A=1 B=x y /bin/sh -c set -eu\napt-get -q update\napt-get -q install -y gnupg2",
            "RUN apt-get -q install -y gnupg2",
        ),
        ("COPY " + "x" * 100, "COPY " + "x" * 64 + "…"),
    ],
)
def test_step_is_named_after_its_first_words(created_by: str, name: str) -> None:
    assert sizes.step_name(created_by) == name


def test_layers_are_numbered_if_the_history_does_not_match() -> None:
    history = [{"CreatedBy": "ENV X=1", "Size": 0}, {"CreatedBy": "COPY a b", "Size": 5}]
    assert sizes.step_names(history, 1) == ["COPY a b"]
    assert sizes.step_names(history, 2) == ["layer 1", "layer 2"]


RUN = {"wall": 1.0, "end": 1.5, "cpu": 2.0, "answer": ""}
CIRCUMSTANCES = {"busy": 0.01, "cores": 2, "revision": "abcdef0123456789", "date": "2026-11-24"}
TIMES = {
    "9.0-baseline": CIRCUMSTANCES
    | {
        "workloads": {
            "pi": {"reference": CONTENT, "ours": [RUN] * 3, "theirs": [RUN | {"wall": 4.0, "cpu": 8.0}] * 3},
            "wild": {"reference": OFFICIAL, "ours": [RUN, RUN, RUN | {"wall": 3.0}], "theirs": [RUN] * 3},
        }
    }
}
IMAGE = {"size": 800_000_000, "compressed": 400_000_000, "layers": [{"layer": "core", "size": 1e9, "compressed": 5e8}]}
SIZES = {
    "10.0-lake": CIRCUMSTANCES | {"images": {"ours": IMAGE, CONTENT: IMAGE | {"size": 1_600_000_000}}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    results.store("start", TIMES, tmp_path)
    results.store("size", SIZES, tmp_path)
    return tmp_path


def test_page_shows_both_medians_and_the_ratio(folder: Path) -> None:
    page = (folder / "README.md").read_text()
    assert "| 9.0-baseline | pi | official + content | 1.00 | 4.00 | 0.25 (0.25–0.25) | 0% | 3 |" in page
    assert "| 9.0-baseline | pi | official + content | 2.00 | 8.00 | 0.25 (0.25–0.25) | 0% | 3 |" in page
    assert "| 9.0-baseline | wild | official | 1.00 | 1.00 | unsure: the spread over runs is 200% | 200% | 3 |" in page
    assert "| 10.0-lake | 800 |  | 1,600: 0.50 |  |" in page
    assert "2026-11-24, commit abcdef012345, 2 cores, 1% of them busy before the first run" in page


def test_measuring_one_cell_keeps_the_results_of_the_others(folder: Path) -> None:
    results.store("start", {"9.1-baseline": TIMES["9.0-baseline"]}, folder)
    assert list(json.loads((folder / "start.json").read_text())) == ["9.0-baseline", "9.1-baseline"]
    assert "## Image sizes" in (folder / "README.md").read_text()


def test_same_figures_give_the_same_chart_bytes(folder: Path) -> None:
    charts.draw("start", TIMES, folder)
    first = (folder / "start.svg").read_bytes()
    charts.draw("start", TIMES, folder)
    assert (folder / "start.svg").read_bytes() == first
    assert b"9.0-baseline pi" in first
    charts.draw("size", SIZES, folder)
    assert b"official + content" in (folder / "size.svg").read_bytes()


def test_kubernetes_part_has_no_cpu_table() -> None:
    runs = [{"wall": 10.0, "end": 10.0, "cpu": 0.0}] * 3
    timing = {"reference": OFFICIAL, "ours": runs, "theirs": [{**run, "wall": 20.0} for run in runs]}
    (table,) = results.tables("kubernetes", {"9.0-baseline": {"busy": 0.0, "workloads": {"pi": timing}}})
    assert table.rows[0][3:6] == ("10.00", "20.00", "0.50 (0.50–0.50)")


def test_both_images_run_the_same_job_on_kubernetes() -> None:
    ours, theirs = (kubernetes.submitter("here", image) for image in ("ours", "theirs"))
    assert json.dumps(ours).replace('"ours"', '"theirs"').replace("=ours", "=theirs") == json.dumps(theirs)


def printed(cpu: float, digest: str = "d") -> list[str]:
    """Returns the log of one run of jobs/queries.py with two queries."""
    queries = [{"name": name, "wall": 2 * cpu, "cpu": cpu, "rows": 1, "digest": digest} for name in ("q01", "q02")]
    return ["26/11/28 INFO started", *(f"QUERY {json.dumps(query)}" for query in queries), "ANSWER 3000000000"]


def passes(**cpu: tuple[float, ...]) -> dict[str, list[queries.Pass]]:
    return {side: [queries.read(printed(value)) for value in values] for side, values in cpu.items()}


def test_queries_are_compared_by_side_and_summed() -> None:
    found = queries.entry("comet", passes(on=(1, 1, 1), off=(2, 2, 2), official=(4, 4, 4)))
    assert found["queries"]["q02"]["off"] == [{"wall": 4, "cpu": 2}] * 3
    assert found["resident"]["on"] == [3_000_000_000] * 3
    document = {"1-comet": {**found, "busy": 0.0}}
    wall, cpu, resident = results.tables("queries", document)
    assert wall.title == "1-comet, comet: wall time, s"
    assert cpu.rows[-1] == (*("**sum**", "2.00", "4.00", "8.00", "0.50 (0.50–0.50)", "0.25 (0.25–0.25)", "0%", "3"),)
    assert [row[0] for row in cpu.rows] == ["q01", "q02", "**sum**"]
    assert resident.rows[0][1:4] == ("3.00", "3.00", "3.00")


def test_chart_of_the_queries_has_a_part_for_each_cell(tmp_path: Path) -> None:
    found = queries.entry("comet", passes(on=(1,), off=(2,), official=(4,)))
    charts.draw("queries", {"1-comet": found, "2-comet": found}, tmp_path)
    chart = (tmp_path / "queries.svg").read_text()
    for text in ("1-comet", "2-comet", "comet on", "comet off", "official recipe", "q02"):
        assert text in chart


def test_query_with_different_results_is_an_error() -> None:
    taken = passes(on=(1,), off=(1,), official=(1,))
    taken["on"] = [queries.read(printed(1, digest="other"))]
    with pytest.raises(SparkImagesError, match=r"^q01: the results of the sides differ"):
        queries.entry("comet", taken)


@pytest.mark.parametrize(("side", "file"), [("on", "comet.conf"), ("off", ""), ("official", "")])
def test_only_one_side_has_the_settings_of_the_accelerator(side: str, file: str) -> None:
    command = queries.command(side, "comet")
    assert any(file and part.endswith(file) for part in command) == bool(file)
    heap = int(command[command.index("--driver-memory") + 1].removesuffix("g"))
    outside = 2 if "spark.memory.offHeap.size=2g" in command else 0
    assert heap + outside == 4


def test_image_without_an_accelerator_has_no_queries_to_compare(full: Tree) -> None:
    matrix = full.matrix()
    assert queries.accelerator(cell_of(matrix, "9.0-gpu")) == "gpu"
    with pytest.raises(
        UsageError, match=r"9\.0-lake runs queries as plain Spark does: expected an image with comet or"
    ):
        queries.accelerator(cell_of(matrix, "9.0-lake"))


def test_there_are_22_queries() -> None:
    files = sorted((benchmarks.FOLDER / "tpch").glob("*.sql"))
    assert [file.stem for file in files] == [f"q{number:02}" for number in range(1, 23)]


def test_tables_that_were_not_finished_are_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The generator fails in the middle, and the next call starts again."""
    monkeypatch.setattr(queries, "BUILD", tmp_path)
    folder = tmp_path / f"benchmarks/tpch-{queries.SCALE}"
    generator = tmp_path / "bin/tpchgen-cli"
    generator.parent.mkdir()
    generator.write_text(
        '#!/bin/sh\nfor last; do :; done\necho half > "$last/lineitem.parquet"\necho full disk >&2\nexit 3\n'
    )
    generator.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(generator.with_name("python")))
    with pytest.raises(SparkImagesError, match="tpchgen-cli failed with exit code 3:\nfull disk"):
        queries.tables()
    assert not folder.exists()
    generator.write_text(
        '#!/bin/sh\nfor last; do :; done\ntest -z "$(ls "$last")"\necho all > "$last/lineitem.parquet"\n'
    )
    assert (queries.tables() / "lineitem.parquet").read_text() == "all\n"
    generator.unlink()
    assert queries.tables() == folder
