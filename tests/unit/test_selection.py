import pytest

from spark_images.errors import UsageError
from spark_images.matrix.selection import cell_of, select
from spark_images.plan.project import Project
from tests.unit.tree import Tree


def test_no_names_select_all_buildable_cells(small: Project) -> None:
    assert select(small.matrix) == small.matrix.buildable


def test_names_select_cells_in_the_order_of_the_file(small: Project) -> None:
    cells = select(small.matrix, ["10.0", "9.0"], ["lake", "baseline"], ["spark"])
    assert [c.key for c in cells] == ["9.0-baseline", "9.0-lake", "10.0-baseline", "10.0-lake"]


def test_repeated_name_counts_once(small: Project) -> None:
    assert [c.key for c in select(small.matrix, ["9.0", "9.0"], ["lake"], ["spark"])] == ["9.0-lake"]


@pytest.mark.parametrize(
    ("sparks", "variants", "images", "message"),
    [
        (["9.2"], [], [], 'unknown Spark version "9.2"; expected one of 9.0, 9.1, 10.0 (did you mean "9.'),
        (
            [],
            ["lak"],
            [],
            'unknown variant "lak"; expected one of baseline, gpu, lake, gpu-lake (did you mean "lake"?)',
        ),
        ([], [], ["jupiter"], 'unknown image "jupiter"; expected one of spark, jupyter (did you mean "jupyter"?)'),
        (["9.0", "zzz"], [], [], 'unknown Spark version "zzz"; expected one of 9.0, 9.1, 10.0'),
    ],
)
def test_unknown_name_is_an_error(
    small: Project, sparks: list[str], variants: list[str], images: list[str], message: str
) -> None:
    with pytest.raises(UsageError) as raised:
        select(small.matrix, sparks, variants, images)
    assert message in str(raised.value)
    assert raised.value.exit_code == 2


def test_named_refused_cell_gives_its_reason(small: Project) -> None:
    with pytest.raises(UsageError) as raised:
        select(small.matrix, ["9.0"], ["gpu-lake"], ["jupyter"])
    assert str(raised.value) == "not built: jupyter-9.0-gpu-lake: the accelerator of line 9 reads no lake"


def test_refused_cells_with_one_reason_are_reported_together(tree: Tree) -> None:
    refusals = 'refusals = [{ feature = "lake", reason = "no" }]'
    matrix = tree.toml("[settings]", f"{refusals}\n[settings]").matrix()
    with pytest.raises(UsageError) as raised:
        select(matrix, [], ["lake"])
    assert str(raised.value) == "not built: 9.0-lake, 9.1-lake: no"


def test_refused_cell_that_is_not_named_is_omitted(small: Project) -> None:
    assert not [cell for cell in select(small.matrix, ["9.0"]) if cell.refusal]


def test_buildable_cell_does_not_hide_a_named_refused_cell(small: Project) -> None:
    with pytest.raises(UsageError, match=r"jupyter-9\.1-gpu-lake"):
        select(small.matrix, ["9.1"], ["baseline", "gpu-lake"], ["spark", "jupyter"])


def test_cell_of_returns_the_cell_of_a_key(small: Project) -> None:
    cell = cell_of(small.matrix, "9.0-lake")
    assert (cell.image, cell.spark, cell.variant) == ("spark", "9.0", "lake")


def test_cell_of_a_refused_cell_gives_its_reason(small: Project) -> None:
    with pytest.raises(UsageError, match="the accelerator of line 9 reads no lake"):
        cell_of(small.matrix, "jupyter-9.0-gpu-lake")


def test_cell_of_an_unknown_cell_names_the_nearest(small: Project) -> None:
    with pytest.raises(UsageError, match=r'unknown cell "9\.0-laek".*\(did you mean "9\.0-lake"\?\)'):
        cell_of(small.matrix, "9.0-laek")
