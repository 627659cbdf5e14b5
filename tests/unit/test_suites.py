import pytest

from spark_images.checks import suites
from spark_images.plan.project import Project


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("3.5.8-baseline", ["common"]),
        ("3.5.8-iceberg", ["common", "iceberg"]),
        ("4.1.1-gpu-iceberg", ["common", "gpu", "iceberg"]),
        ("jupyter-4.1.1-iceberg", [*suites.OF_ITS_OWN_LAYERS, "jupyter"]),
    ],
)
def test_the_folders_of_a_cell(project: Project, key: str, names: list[str]) -> None:
    cell = next(cell for cell in project.matrix.cells if cell.key == key)
    assert suites.tests(cell) == names


def test_every_cell_that_is_built_has_its_tests(project: Project) -> None:
    for name in {name for cell in project.matrix.buildable for name in suites.tests(cell)}:
        path, _, test = name.partition("::")
        assert (suites.SUITES / path).exists()
        assert not test or f"\ndef {test}(" in (suites.SUITES / path).read_text()


def test_the_quick_part_is_a_mark_on_the_same_folders(project: Project) -> None:
    cells = project.matrix.buildable
    quick = [*suites.arguments(cells[0], cells, "i", smoke=False), "-m", "smoke and not device"]
    assert suites.arguments(cells[0], cells, "i", smoke=True) == quick


def test_one_gpu_image_of_each_line_runs_all_that_needs_no_device(project: Project) -> None:
    cells = project.matrix.buildable
    whole = [cell.key for cell in cells if "not device" in suites.arguments(cell, cells, "i", smoke=True)]
    assert whole == ["3.5.8-gpu-iceberg", "4.1.1-gpu-iceberg", "jupyter-4.1.1-gpu-iceberg"]


def test_the_whole_contract_is_for_the_baseline_images(project: Project) -> None:
    whole = [cell.key for cell in project.matrix.buildable if "-m" not in suites.conformance(cell, "i")]
    assert whole == [f"{spark}-baseline" for spark in project.matrix.spark]


def test_what_runs_on_a_cluster(project: Project) -> None:
    cells = project.matrix.buildable
    here = suites.on_a_cluster(cells)
    assert {cell.variant for cell in here} == {"baseline", "iceberg"}
    default = [cell.key for cell in here if suites.is_default_on_a_cluster(cell, cells)]
    assert set(default) == {*(f"{spark}-baseline" for spark in project.matrix.spark), "3.5.8-iceberg", "4.1.1-iceberg"}
    thorough = [cell.key for cell in here if "not thorough" not in suites.kubernetes(cell, cells, "i")]
    assert {"3.5.8-baseline", "4.1.1-baseline"} <= set(thorough)
    assert "3.5.7-baseline" not in thorough


def test_the_browser_looks_at_the_newest_of_each_line(project: Project) -> None:
    keys = [cell.key for cell in suites.browsed(project.matrix.buildable)]
    assert keys == ["jupyter-3.5.8-baseline", "jupyter-4.1.1-baseline"]


def test_the_default_run_asks_every_cell_once(project: Project) -> None:
    cells = project.matrix.buildable
    cluster, *others = suites.queues(cells)
    assert all(session.startswith("k8s-") for session in cluster)
    assert len(cluster) == len(project.matrix.spark) + len(project.matrix.lines)
    sessions = [session for (session,) in others]
    assert len(set(sessions)) == len(sessions)
    older = [f"jupyter-{spark}-{variant}" for spark in ("3.5.7", "4.1.0") for variant in ("baseline", "iceberg")]
    for cell in cells:
        kind = "smoke" if "gpu" in cell.features or cell.key in older else "test"
        assert f"{kind}-{cell.key}" in sessions
        assert (f"conformance-{cell.key}" in sessions) == (cell.image == "spark")
    assert (sessions[0], sessions[-1]) == ("network", "browser")
