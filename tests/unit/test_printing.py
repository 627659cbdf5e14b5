import json

import pytest

from spark_images.engine import build
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project
from spark_images.reports import printing
from spark_images.reports.measure import Layer, Sizes

OS = Layer("sha256:1", "os-bookworm", 100_000_000, 30_000_000)
SIZES = Sizes(
    {
        "one": (OS, Layer("sha256:2", "small", 400_000, 100_000)),
        "two": (OS, Layer("sha256:3", "core", 60_000_000, 50_000_000)),
    }
)


def test_cells_are_plain_data(project: Project) -> None:
    rows = {row["cell"]: row for row in printing.cells(project.matrix)}
    assert len(rows) == len(project.matrix.cells)
    assert rows["3.5.8-iceberg"] == {
        "cell": "3.5.8-iceberg",
        "image": "spark-k8s-spark-3.5.8-iceberg:latest",
        "kind": "spark",
        "spark": "3.5.8",
        "variant": "iceberg",
        "rapids": None,
        "refused": None,
    }
    assert "RAPIDS" in rows["jupyter-3.5.8-gpu-iceberg"]["refused"]


def test_the_table_of_cells_is_whole_where_it_is_piped(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_cells(project.matrix)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + len(project.matrix.cells)
    assert any("jupyter-3.5.8-gpu-iceberg" in line and "exists for Spark 4.1 only" in line for line in lines)


def test_brackets_of_a_reason_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_table(("cell", "state"), [("a", "needs [gpu] first")])
    assert "needs [gpu] first" in capsys.readouterr().out


def test_a_plan_tells_what_gets_a_name(project: Project) -> None:
    graph = project.graph([cell_of(project.matrix, "3.5.8-baseline")])
    rows = {
        row["target"]: row
        for row in printing.plan(project.matrix, build.plan(project, graph, graph.of_levels(["runtime"])))
    }
    assert [row["image"] for row in rows.values() if row["image"]] == ["spark-k8s-spark-3.5.8:latest"]
    assert rows["os-bookworm"] == {
        "target": "os-bookworm",
        "folder": "docker/base/os",
        "image": None,
        "from": ["rootfs-bookworm"],
    }


def test_a_plan_lists_what_would_be_built(project: Project) -> None:
    graph = project.graph([cell_of(project.matrix, "3.5.8-baseline")])
    plan = build.plan(project, graph, graph.of_levels(["base"]))
    assert len(printing.plan(project.matrix, plan)) == len(plan.definition["target"])


@pytest.mark.parametrize(("size", "text"), [(0, "0 MB"), (1_042_400_000, "1,042 MB"), (600_000, "1 MB")])
def test_megabytes(size: int, text: str) -> None:
    assert printing.megabytes(size) == text


def test_sizes_count_shared_layers_once(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_sizes(SIZES)
    out = capsys.readouterr().out
    assert out.splitlines()[-3:] == [
        "2 images, in all and with each layer counted once:",
        "unpacked: 260 MB, 160 MB (0.62)",
        "compressed (zstd): 110 MB, 80 MB (0.73)",
    ]
    assert "small" not in out
    assert "os-bookworm" in out


def test_no_image_is_held(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_sizes(Sizes({}))
    assert capsys.readouterr().out.startswith("0 images")


def test_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    printing.print_json({"a": ["×"]})
    assert json.loads(capsys.readouterr().out) == {"a": ["×"]}
