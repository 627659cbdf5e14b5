from datetime import date

import pytest

from spark_images.errors import MatrixError
from tests.unit.tree import Tree

END = date(2027, 6, 30)


def test_the_newest_version_of_the_same_line_supersedes_the_others(full: Tree) -> None:
    full.toml('[spark."9.1"]', '[spark."9.10"]\nline = "9"\nreleased = 2026-01-02\n\n[spark."9.1"]')
    matrix = full.matrix()
    found = {spark: matrix.life_cycle(spark).superseded_by for spark in matrix.spark}
    assert found == {"9.0": "9.10", "9.10": "", "9.1": "9.10", "10.0": ""}


@pytest.mark.parametrize(
    ("today", "days", "text"),
    [
        (date(2027, 6, 1), 29, "2027-06-30 (29 days left)"),
        (END, 0, "2027-06-30 (0 days left)"),
        (date(2027, 7, 1), -1, "2027-06-30 (ended)"),
    ],
)
def test_a_line_is_maintained_until_the_end_of_its_last_day(tree: Tree, today: date, days: int, text: str) -> None:
    cycle = tree.matrix().life_cycle("9.0")
    assert cycle.end_of_life == END
    assert cycle.days_left(today) == days
    assert cycle.left(today) == text


@pytest.mark.parametrize(
    ("key", "where"),
    [
        ("released = 2026-01-02\n", r'\[spark\."9\.0"\] released'),
        ("end-of-life = 2027-06-30\n", r'\[lines\."9"\] end-of-life'),
        ('end-of-life-source = "https://spark.example/policy"\n', r'\[lines\."9"\] end-of-life-source'),
    ],
)
def test_a_missing_date_or_source_is_an_error(tree: Tree, key: str, where: str) -> None:
    with pytest.raises(MatrixError, match=rf"{where}: the key is missing"):
        tree.toml(key, "").matrix()


def test_a_date_that_does_not_exist_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'\[spark\."9\.0"\] released'):
        tree.toml("released = 2026-01-02", 'released = "2026-02-30"').matrix()


def test_a_cell_has_the_dates_as_values(tree: Tree) -> None:
    values = {cell.key: cell.values for cell in tree.matrix().buildable}
    assert [values["9.0-lake"][name] for name in ("released", "superseded_by", "end_of_life")] == [
        "2026-01-02",
        "9.1",
        "2027-06-30",
    ]
    assert values["9.1-baseline"]["superseded_by"] == ""
