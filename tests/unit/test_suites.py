import pytest

from spark_images import suites
from spark_images.house import Factory


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("3.5.8-baseline", ["common"]),
        ("3.5.8-iceberg", ["common", "iceberg"]),
        ("4.1.1-gpu-iceberg", ["common", "gpu", "iceberg"]),
        ("jupyter-4.1.1-iceberg", [*suites.OF_ITS_OWN_LAYERS, "jupyter"]),
    ],
)
def test_the_folders_of_a_cell(factory: Factory, key: str, names: list[str]) -> None:
    cell = next(cell for cell in factory.catalog.cells if cell.key == key)
    assert suites.tests(cell) == names


def test_every_cell_that_is_built_has_its_tests(factory: Factory) -> None:
    for name in {name for cell in factory.catalog.buildable for name in suites.tests(cell)}:
        path, _, test = name.partition("::")
        assert (suites.SUITES / path).exists()
        assert not test or f"\ndef {test}(" in (suites.SUITES / path).read_text()


def test_the_quick_part_is_a_mark_on_the_same_folders(factory: Factory) -> None:
    cell = factory.catalog.buildable[0]
    assert suites.arguments(cell, "i", smoke=True) == [*suites.arguments(cell, "i", smoke=False), "-m", "smoke"]


def test_the_browser_looks_at_the_newest_of_each_line(factory: Factory) -> None:
    keys = [cell.key for cell in suites.browsed(factory.catalog.buildable)]
    assert keys == ["jupyter-3.5.8-baseline", "jupyter-4.1.1-baseline"]
