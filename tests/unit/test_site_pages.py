"""The generated pages: what the default run proves, and the sizes of layers."""

import pytest

from spark_images.checks import default_run, suites
from spark_images.matrix.model import GPU
from spark_images.plan.project import Project
from spark_images.reports.measure import Layer
from spark_images.site import layers, proven


def row(page: str, cell: str) -> list[str]:
    """Returns the columns of the only row that begins with this cell."""
    (found,) = [line for line in page.splitlines() if line.startswith(f"| `{cell}` |")]
    return [column.strip() for column in found.strip("|").split(" | ")]


def test_each_cell_is_shown_with_the_tier_of_the_default_run(small: Project) -> None:
    page = proven.page(small)
    for key, tier in default_run.tiers(small.matrix.buildable).items():
        assert row(page, key)[1] == f"`{tier.value}`"


def test_no_gpu_image_is_proven_on_a_gpu(small: Project) -> None:
    page = proven.page(small)
    shown = {cell.key: row(page, cell.key)[4] for cell in small.matrix.buildable}
    assert {key for key, text in shown.items() if text == "**never run**"} == {
        cell.key for cell in small.matrix.buildable if GPU in cell.features
    }
    assert set(shown.values()) == {"**never run**", "–"}


def test_a_browser_is_shown_for_the_cells_that_are_opened_in_one(small: Project) -> None:
    page = proven.page(small)
    browsed = {cell.key for cell in small.matrix.buildable if row(page, cell.key)[3] == "yes"}
    assert browsed == {cell.key for cell in suites.browsed(small.matrix.buildable)}
    assert browsed


def test_a_cluster_is_shown_for_what_the_default_run_tests_there(small: Project) -> None:
    cells = small.matrix.buildable
    page = proven.page(small)
    jobs = {job.session: job for job in default_run.jobs(cells)}
    for cell in cells:
        job = jobs[default_run.session_of(cell)]
        shown = row(page, cell.key)[2]
        if not job.on_the_cluster:
            assert shown == "–"
        else:
            markers = " or ".join(f"`{marker}`" for marker in suites.omitted(cell, cells, job.tier))
            assert shown == (f"all except those marked {markers}" if markers else "all")


def test_the_markers_of_each_cell_are_shown(small: Project) -> None:
    lines = proven.page(small).splitlines()
    cells = small.matrix.buildable
    tiers = default_run.tiers(cells)
    for cell in cells:
        tier = tiers[cell.key]
        markers = suites.expression(cell, cells, tier)
        begin = f"| {', '.join(suites.folders(cell, tier))} | {f'`{markers}`' if markers else 'all'} | `{tier.value}` |"
        (found,) = [line for line in lines if line.startswith(begin)]
        assert f"`{cell.key}`" in found


def test_a_refused_cell_is_shown_with_its_reason(small: Project) -> None:
    refused = [cell for cell in small.matrix.cells if cell.refusal]
    assert refused
    page = proven.page(small)
    assert [row(page, cell.key)[1] for cell in refused] == [cell.refusal for cell in refused]


def layer(name: str, size: int, compressed: int = 0) -> Layer:
    return Layer(f"sha256:{name}", name, size, compressed)


@pytest.fixture
def shared(small: Project) -> dict[str, int]:
    """How many images contain each layer; one of the layers is in all, and one is not."""
    found = dict(layers.images_with(small))
    assert len(small.matrix.buildable) in found.values()
    assert min(found.values()) < len(small.matrix.buildable)
    return found


def test_a_layer_has_a_bar_and_the_number_of_its_images(small: Project, shared: dict[str, int]) -> None:
    first, second, *others = shared
    measured = {first: layer(first, 2_000_000_000, 500_000_000), second: layer(second, 1_000_000_000, 900_000_000)}
    measured |= {name: layer(name, 1000) for name in others}
    lines = layers.page(small, measured).splitlines()
    (line,) = [line for line in lines if line.startswith(f"| `{first}` |")]
    assert 'width: 100.0%"><span style="width: 25.0%"' in line
    assert line.endswith(f"| 2,000 MB | 500 MB | {shared[first]} |")
    (line,) = [line for line in lines if line.startswith(f"| `{second}` |")]
    assert 'width: 50.0%"><span style="width: 90.0%"' in line
    assert f"{len(others)} layers below 0.5 MB are omitted." in lines


def test_the_largest_layer_is_first(small: Project, shared: dict[str, int]) -> None:
    measured = {name: layer(name, 1_000_000 * number) for number, name in enumerate(sorted(shared), start=1)}
    rows = [line.split("`")[1] for line in layers.page(small, measured).splitlines() if line.startswith("| `")]
    assert rows == sorted(shared, reverse=True)


def test_shared_layers_are_counted_once(small: Project, shared: dict[str, int]) -> None:
    text = layers.page(small, {name: layer(name, 3_000_000, 1_000_000) for name in shared})
    assert f"they take {3 * len(shared):,} MB\nunpacked and {len(shared)} MB compressed" in text
    assert f"they would take\n{3 * sum(shared.values()):,} MB unpacked." in text


def test_a_layer_that_was_never_measured_is_named(small: Project, shared: dict[str, int]) -> None:
    first, *others = shared
    text = layers.page(small, {name: layer(name, 1000) for name in others})
    assert f"Not measured yet: `{first}`." in text
    assert "Not measured" not in layers.page(small, {name: layer(name, 1000) for name in shared})
    assert "Not measured yet" in layers.page(small, {})
