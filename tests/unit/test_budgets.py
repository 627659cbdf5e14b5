from dataclasses import replace

import pytest

from spark_images.errors import MatrixError, SparkImagesError
from spark_images.matrix.model import Cell, Matrix
from spark_images.plan.project import Project
from spark_images.reports import budgets, catalogue
from spark_images.reports.measure import Layer, Sizes
from tests.unit.tree import Tree

MB = 1_000_000


def layer(name: str, size: float, compressed: float = 1) -> Layer:
    return Layer(f"sha256:{name}", name, int(size * MB), int(compressed * MB))


def cells(matrix: Matrix, *names: str) -> list[Cell]:
    return [cell for cell in matrix.cells if cell.name in names]


def excesses(tree: Tree, before: tuple[Layer, ...] = (), **images: tuple[Layer, ...]) -> list[str]:
    matrix = tree.matrix()
    was = {layer.origin: layer for layer in before}
    named = {name.replace("_", "-").replace("9-", "9."): layers for name, layers in images.items()}
    return budgets.excesses(matrix, cells(matrix, *named), Sizes(named), was, whole=True)


def test_excesses_are_empty_within_every_budget(tree: Tree) -> None:
    os = layer("os-bookworm", 40, 100)
    one, other = ((os, layer(f"core-{spark}", 60, 20)) for spark in ("9.0", "9.1"))
    assert excesses(tree, app_9_0=one, app_9_1=other, app_9_0_lake=(os, layer("lake-jars-9", 80, 20))) == []


def test_an_image_over_its_budget_names_the_layers_that_grew(tree: Tree) -> None:
    before = (layer("os-bookworm", 40), layer("core-9.0", 50))
    found = excesses(tree, before, app_9_0=(layer("os-bookworm", 40), layer("core-9.0", 62.5), layer("new", 2)))
    assert found[0] == (
        "app-9.0: 104.5 MB unpacked, 4.5 MB over its budget of 100 MB; "
        "grown since the catalogue was written: core-9.0 by 12.5 MB, new is new, 2.0 MB"
    )


def test_a_layer_with_an_unpacked_budget_does_not_count_for_its_image(tree: Tree) -> None:
    tree.toml("budget-mb = { app = 100 }", "budget-mb = { app = 100 }\nunpacked-layer-mb = { core = 60 }")
    os = layer("os-bookworm", 100, 100)
    shared = {"app_9_1": (os,), "app_9_0_lake": (os,)}
    assert excesses(tree, app_9_0=(os, layer("core-9.0", 60)), **shared) == []
    image, core = excesses(tree, app_9_0=(os, layer("small", 1), layer("core-9.0", 62)), **shared)
    assert image.startswith("app-9.0: 101.0 MB unpacked without core-9.0, 1.0 MB over its budget of 100 MB; ")
    assert core == "core-9.0: 62.0 MB unpacked, 2.0 MB over its budget of 60 MB; it is new"


def test_an_excess_without_growth_says_that_the_budget_is_too_small(tree: Tree) -> None:
    found = excesses(tree, (layer("core-9.0", 120),), app_9_0=(layer("core-9.0", 120),))
    assert "no layer has grown since the catalogue was written: the budget is too small" in found[0]


def test_an_image_budget_adds_the_features_to_the_line(small: Project) -> None:
    keys = ("9.0-baseline", "9.0-lake", "9.0-gpu", "9.0-gpu-lake", "10.0-gpu-lake", "jupyter-10.0-gpu-lake")
    found = {cell.key: small.matrix.budget(cell) for cell in small.matrix.buildable}
    assert [found[key] for key in keys] == [
        100,
        100 + 20,
        100 + 10 + 40,
        100 + 10 + 40 + 20,
        120 + 10 + 50 + 20,
        170 + 10 + 50 + 20,
    ]


def test_a_kind_without_a_budget_in_its_line_is_an_error(tree: Tree) -> None:
    matrix = tree.matrix()
    with pytest.raises(MatrixError, match=r'\[lines\."9"\] budget-mb: there is no figure for "book"'):
        matrix.budget(replace(matrix.cells[0], image="book"))


def test_layer_budgets_hold_the_layers_with_their_own_budget(small: Project) -> None:
    """The budget of a feature is for its layer on every line. The budget of a line is for that line only."""
    assert small.matrix.layer_budgets == {
        "gpu-deps-3.11": 400,
        "gpu-jars-9": 500,
        "gpu-deps-3.13": 400,
        "gpu-jars-10": 600,
    }


def test_the_layer_budget_of_a_line_overrides_the_feature(full: Tree) -> None:
    full.toml("layer-mb = { gpu-jars = 600 }", "layer-mb = { gpu-jars = 600, gpu-deps = 450 }")
    found = full.matrix().layer_budgets
    assert (found["gpu-deps-3.11"], found["gpu-deps-3.13"]) == (400, 450)


def test_a_layer_over_its_budget_names_its_images_and_its_last_size(tree: Tree) -> None:
    core = layer("core-9.0", 1, 301.5)
    found = excesses(tree, (layer("core-9.0", 1, 290),), app_9_0=(core,), app_9_0_lake=(core,))
    assert found[0] == (
        "core-9.0 (in app-9.0 and 1 more): 301.5 MB compressed, 1.5 MB over its budget of 300 MB; it was 290.0 MB"
    )


def test_a_layer_is_checked_against_its_own_budget(tree: Tree) -> None:
    found = excesses(tree, app_9_0_lake=(layer("lake-jars-9", 1, 499),))
    assert not any("lake-jars-9 (in" in sentence for sentence in found)
    found = excesses(tree, app_9_0_lake=(layer("lake-jars-9", 1, 501),))
    assert "1.0 MB over its budget of 500 MB; it is new" in found[0]


def test_the_size_in_a_registry_has_a_budget(tree: Tree) -> None:
    found = excesses(tree, app_9_0=(layer("core-9.0", 1, 10),), app_9_1=(layer("core-9.1", 1, 10),))
    assert found[0].startswith(
        "a registry stores 20.0 MB for 2 images, 1.000 of the total size: 10.0 MB over the budget of 0.5"
    )


def test_the_size_in_a_registry_of_one_image_uses_the_singular(tree: Tree) -> None:
    found = excesses(tree, app_9_0=(layer("core-9.0", 1, 10),))
    assert found[0].startswith("a registry stores 10.0 MB for 1 image, 1.000 of the total size: 5.0 MB over")


def test_the_size_in_a_registry_is_checked_only_for_all_images(tree: Tree) -> None:
    matrix = tree.matrix()
    sizes = Sizes({"app-9.0": (layer("core-9.0", 1, 10),)})
    assert budgets.excesses(matrix, cells(matrix, "app-9.0"), sizes, {}, whole=False) == []


def weigh(monkeypatch: pytest.MonkeyPatch, **images: tuple[Layer, ...]) -> None:
    sizes = Sizes({name.replace("_", "-").replace("9-", "9."): layers for name, layers in images.items()})
    monkeypatch.setattr(budgets, "measure", lambda *_: sizes)
    monkeypatch.setattr(catalogue, "layers", dict)


def test_an_image_that_is_not_built_is_an_error(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    weigh(monkeypatch, app_9_0=(layer("os-bookworm", 1),))
    project = tree.load()
    with pytest.raises(SparkImagesError, match=r"not built have no size: app-9\.1: run `inv build\.runtime`"):
        budgets.check(project, cells(project.matrix, "app-9.0", "app-9.1"))
    assert budgets.check(project, cells(project.matrix, "app-9.0")) == "1 image and 1 layer are within their budgets"


def test_an_exceeded_budget_exits_with_1(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    weigh(monkeypatch, app_9_0=(layer("core-9.0", 101),))
    project = tree.load()
    with pytest.raises(
        SparkImagesError, match=r"app-9\.0: 101\.0 MB unpacked, 1\.0 MB over its budget of 100 MB"
    ) as raised:
        budgets.check(project, cells(project.matrix, "app-9.0"))
    assert raised.value.exit_code == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lake-jars = 500", "lake-jar = 500", r'\[features\.lake\] layer-mb: .*did you mean "lake-jars"'),
        ("{ app = 100 }", "{ ap = 100 }", r'\[lines\."9"\] budget-mb: unknown image "ap"'),
        ("{ app = 100 }", "{ }", r'\[lines\."9"\] budget-mb: the figure for app is missing'),
        ("size-mb = 20", 'size-mb = "20"', r"\[features\.lake\] size-mb"),
        ("size-mb = 20", "size-gb = 20", r'\[features\.lake\] size-gb: unknown key \(did you mean "size-mb"\?\)'),
        ("registry-ratio = 0.5", "registry-ratio = 25", r"\[budgets\] registry-ratio"),
        ("layer-mb = 300", "", r"\[budgets\] layer-mb: the key is missing"),
    ],
)
def test_a_mistake_in_a_budget_names_the_key(tree: Tree, old: str, new: str, message: str) -> None:
    with pytest.raises(MatrixError, match=message):
        tree.toml(old, new).matrix()
