from pathlib import Path

import pytest

from spark_images.errors import SparkImagesError
from spark_images.plan.project import Project
from spark_images.reports import overview
from spark_images.reports.overview import BEGIN, END


def test_each_line_has_a_row_and_the_newest_is_first(small: Project) -> None:
    head, _, *rows = overview.table(small.matrix)
    assert head == "| Spark | versions | stack | end of life | variants |"
    assert [row.split(" | ")[:3] for row in rows] == [
        ["| 10", "10.0", "Debian 13, Java 21, Python 3.13"],
        ["| 9", "9.0, 9.1", "Debian 12, Java 17, Python 3.11"],
    ]
    assert [row.split(" | ")[3] for row in rows] == [str(small.matrix.lines[line].end_of_life) for line in ("10", "9")]


def test_a_variant_that_a_kind_lacks_names_the_other_kinds(small: Project) -> None:
    *_, row = overview.table(small.matrix)
    assert row.split(" | ")[-1] == "`baseline`, `gpu`, `lake`, `gpu-lake` (only spark) |"


def test_write_replaces_only_the_table(small: Project, tmp_path: Path) -> None:
    page = tmp_path / "README.md"
    page.write_text(f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n")
    assert not overview.is_current(small.matrix, page)
    overview.write(small.matrix, page)
    table = "\n".join(overview.table(small.matrix))
    assert page.read_text() == f"before\n\n{BEGIN}\n\n{table}\n\n{END}\n\nafter\n"
    assert overview.is_current(small.matrix, page)


@pytest.mark.parametrize("text", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{END}"])
def test_a_page_without_the_marks_is_an_error(small: Project, text: str) -> None:
    with pytest.raises(SparkImagesError, match=r"README\.md: expected the line .* once, and after it the line"):
        overview.with_table(text, small.matrix, "README.md")
