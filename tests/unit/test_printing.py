import json
from datetime import date

import pytest

from spark_images.engine import build
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project
from spark_images.reports import printing
from spark_images.reports.measure import Layer, Sizes
from spark_images.wording import counted

OS = Layer("sha256:1", "os-bookworm", 100_000_000, 30_000_000)
TODAY = date(2027, 6, 1)
SIZES = Sizes(
    {
        "one": (OS, Layer("sha256:2", "small", 400_000, 100_000)),
        "two": (OS, Layer("sha256:3", "core", 60_000_000, 50_000_000)),
    }
)


def test_cells_are_plain_data(small: Project) -> None:
    rows = {row["cell"]: row for row in printing.cells(small.matrix, TODAY)}
    assert len(rows) == len(small.matrix.cells)
    assert rows["9.0-lake"] == {
        "cell": "9.0-lake",
        "image": "spark-k8s-spark-9.0-lake:latest",
        "kind": "spark",
        "spark": "9.0",
        "variant": "lake",
        "released": "2026-01-02",
        "superseded_by": "9.1",
        "end_of_life": "2027-06-30",
        "end_of_life_source": "https://spark.example/policy",
        "days_left": 29,
        "aliases": ["k8s-spark:9.0-scala2.13-debian12-lake"],
        "notes": [],
        "refused": None,
    }
    assert rows["9.0-gpu"]["notes"] == ["native: RAPIDS 5.0 has a shim for Spark 9.0"]
    assert rows["9.0-gpu"]["refused"] is None
    assert rows["10.0-lake"]["superseded_by"] is None
    assert rows["jupyter-9.0-gpu-lake"]["refused"] == "the accelerator of line 9 reads no lake"
    assert rows["jupyter-9.0-gpu-lake"]["notes"] == []
    assert rows["jupyter-9.0-gpu-lake"]["aliases"] == []


def test_the_table_of_cells_is_complete_in_a_pipe(small: Project, capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_cells(small.matrix, TODAY)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(small.matrix.cells)
    shown = {line.split()[0]: line.rstrip() for line in lines}
    assert shown["9.0-lake"].endswith(" offered")
    assert "native: RAPIDS 5.0 has a shim for Spark 9.0" in shown["9.0-gpu"]
    assert "reads no lake" in shown["jupyter-9.0-gpu-lake"]
    assert shown["9.0-lake"].split()[2:] == ["9.1", "2027-06-30", "(29", "days", "left)", "offered"]
    assert shown["10.0-lake"].split()[2:] == ["2027-06-30", "(29", "days", "left)", "offered"]


def test_the_table_of_aliases_has_one_line_for_each(small: Project, capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_aliases(small.matrix)
    first, *rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert first == ["cell", "alias"]
    assert rows == [[cell.key, alias] for cell in small.matrix.buildable for alias in small.matrix.aliases_of(cell)]
    assert ["jupyter-10.0-gpu-lake", "k8s-jupyter:10-gpu-lake"] in rows


def test_a_table_shows_text_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_table(("cell", "state"), [("a", "needs [gpu] first")])
    assert "needs [gpu] first" in capsys.readouterr().out


def test_a_plan_shows_which_targets_become_images(small: Project) -> None:
    graph = small.graph([cell_of(small.matrix, "9.0-baseline")])
    rows = {
        row["target"]: row
        for row in printing.plan(small.matrix, build.plan(small, graph, graph.of_levels(["runtime"])))
    }
    assert [row["image"] for row in rows.values() if row["image"]] == ["spark-k8s-spark-9.0:latest"]
    assert rows["os-bookworm"] == {
        "target": "os-bookworm",
        "folder": "docker/base/os",
        "image": None,
        "aliases": [],
        "from": ["rootfs-bookworm"],
    }
    assert rows["spark-9.0"]["aliases"] == ["k8s-spark:9.0-scala2.13-debian12"]


@pytest.mark.parametrize("aliases", [True, False])
def test_the_table_of_a_plan_shows_aliases_only_if_they_are_asked_for(
    small: Project, capsys: pytest.CaptureFixture[str], aliases: bool
) -> None:
    graph = small.graph([cell_of(small.matrix, "jupyter-9.0-baseline")])
    requested = [graph.targets["jupyter-9.0"]]
    printing.print_plan(small.matrix, build.plan(small, graph, requested), aliases=aliases)
    shown = capsys.readouterr().out
    assert ("spark-k8s-jupyter-9.0:latest, k8s-jupyter:9.0-scala2.13-debian12 " in shown) is aliases
    assert "spark-k8s-jupyter-9.0:latest" in shown
    assert "k8s-spark:9.0" not in shown


def test_a_plan_lists_every_target_of_the_build(small: Project) -> None:
    graph = small.graph([cell_of(small.matrix, "9.0-baseline")])
    plan = build.plan(small, graph, graph.of_levels(["base"]))
    assert len(printing.plan(small.matrix, plan)) == len(plan.definition["target"])


@pytest.mark.parametrize(("size", "text"), [(0, "0 MB"), (1_042_400_000, "1,042 MB"), (600_000, "1 MB")])
def test_megabytes_are_rounded_and_have_a_thousands_separator(size: int, text: str) -> None:
    assert printing.megabytes(size) == text


def test_sizes_count_shared_layers_once(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_sizes(SIZES)
    out = capsys.readouterr().out
    assert out.splitlines()[-3:] == [
        "2 images: total size, and total size with each layer counted once:",
        "unpacked: 260 MB, 160 MB (0.62)",
        "compressed (zstd): 110 MB, 80 MB (0.73)",
    ]
    assert "small" not in out
    assert "os-bookworm" in out


def test_print_sizes_uses_the_singular_for_one_image(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_sizes(Sizes({"one": SIZES.images["one"]}))
    assert "\n1 image: total size" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "text"), [(0, "0 layers"), (1, "1 layer"), (2, "2 layers"), (1000, "1,000 layers")])
def test_counted_uses_the_singular_only_for_1(number: int, text: str) -> None:
    assert counted(number, "layer") == text


def test_print_sizes_reports_that_no_image_is_built(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_sizes(Sizes({}))
    assert capsys.readouterr().out.startswith("0 images: ")


def test_print_json_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_json({"a": ["×"]})
    assert json.loads(capsys.readouterr().out) == {"a": ["×"]}
