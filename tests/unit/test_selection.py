import pytest

from spark_images.errors import UsageError
from spark_images.matrix.selection import cell_of, select
from spark_images.plan.project import Project
from tests.unit.tree import Tree


def test_nothing_named_is_all_that_can_be_built(project: Project) -> None:
    assert select(project.matrix) == project.matrix.buildable


def test_names_narrow_and_the_order_is_the_files(project: Project) -> None:
    cells = select(project.matrix, ["4.1.1", "3.5.8"], ["iceberg", "baseline"], ["spark"])
    assert [c.key for c in cells] == ["3.5.8-baseline", "3.5.8-iceberg", "4.1.1-baseline", "4.1.1-iceberg"]


def test_a_name_given_twice_counts_once(project: Project) -> None:
    assert [c.key for c in select(project.matrix, ["3.5.8", "3.5.8"], ["iceberg"], ["spark"])] == ["3.5.8-iceberg"]


@pytest.mark.parametrize(
    ("sparks", "variants", "images", "message"),
    [
        (["3.5.9"], [], [], 'no Spark version "3.5.9": there is 3.5.7, 3.5.8, 4.1.0, 4.1.1; the nearest is "3.5.8"'),
        ([], ["icberg"], [], 'no variant "icberg": there is baseline, gpu, iceberg, gpu-iceberg; the nearest is "ice'),
        ([], [], ["jupiter"], 'no image "jupiter": there is spark, jupyter; the nearest is "jupyter"'),
        (["3.5.8", "zzz"], [], [], 'no Spark version "zzz": there is 3.5.7, 3.5.8, 4.1.0, 4.1.1'),
    ],
)
def test_unknown_names(
    project: Project, sparks: list[str], variants: list[str], images: list[str], message: str
) -> None:
    with pytest.raises(UsageError) as raised:
        select(project.matrix, sparks, variants, images)
    assert message in str(raised.value)
    assert raised.value.exit_code == 2


def test_a_refused_cell_that_is_named_gives_its_reason(project: Project) -> None:
    with pytest.raises(UsageError) as raised:
        select(project.matrix, ["3.5.8"], ["gpu-iceberg"], ["jupyter"])
    assert str(raised.value).startswith("not built: jupyter-3.5.8-gpu-iceberg: RAPIDS for Spark 3.5 does not read")


def test_refused_cells_of_one_reason_are_told_together(tree: Tree) -> None:
    refusals = 'refusals = [{ feature = "lake", reason = "no" }]'
    matrix = tree.toml("[settings]", f"{refusals}\n[settings]").matrix()
    with pytest.raises(UsageError) as raised:
        select(matrix, [], ["lake"])
    assert str(raised.value) == "not built: 9.0-lake, 9.1-lake: no"


def test_a_refused_cell_that_is_not_named_is_left_out(project: Project) -> None:
    assert not [cell for cell in select(project.matrix, ["3.5.8"]) if cell.refusal]


def test_one_good_name_does_not_excuse_a_refused_one(project: Project) -> None:
    with pytest.raises(UsageError, match=r"jupyter-3\.5\.7-gpu-iceberg"):
        select(project.matrix, ["3.5.7"], ["baseline", "gpu-iceberg"], ["spark", "jupyter"])


def test_cell_of(project: Project) -> None:
    cell = cell_of(project.matrix, "3.5.8-iceberg")
    assert (cell.image, cell.spark, cell.variant) == ("spark", "3.5.8", "iceberg")


def test_cell_of_a_refused_cell_gives_its_reason(project: Project) -> None:
    with pytest.raises(UsageError, match=r"RAPIDS for Spark 3\.5 does not read"):
        cell_of(project.matrix, "jupyter-3.5.8-gpu-iceberg")


def test_cell_of_an_unknown_cell_names_the_nearest(project: Project) -> None:
    with pytest.raises(UsageError, match=r'no cell "3\.5\.8-icberg".*the nearest is "3\.5\.8-iceberg"'):
        cell_of(project.matrix, "3.5.8-icberg")
