import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest

from spark_images.errors import SparkImagesError
from spark_images.matrix.tables import Refusal
from spark_images.plan.project import Project
from spark_images.recipes.locks import requirement_sets
from spark_images.reports import catalogue, overview
from spark_images.reports.measure import Layer, Sizes
from tests.unit.tree import Tree

CLIENTS = """[layers.clients]
tests-only = true
artefacts = [{ coordinate = "client==1.0", licence = "MIT" }]

[layers.book]"""


@pytest.fixture(autouse=True)
def _repository(full: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the catalogue read the packages of the small project."""
    monkeypatch.setattr(catalogue, "ROOT", full.root)
    monkeypatch.setattr(catalogue, "requirement_sets", partial(requirement_sets, root=full.root))


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalogue, "PAGE", tmp_path / "README.md")
    monkeypatch.setattr(catalogue, "SIZES", tmp_path / "sizes.json")
    monkeypatch.setattr(catalogue, "LAYERS", tmp_path / "layers.json")
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    front = tmp_path / "front.md"
    front.write_text(f"{overview.BEGIN}\n{overview.END}\n")
    monkeypatch.setattr(overview, "PAGE", front)
    return tmp_path


@pytest.fixture
def page(small: Project) -> str:
    return catalogue.page(small, {"spark-9.0": 1_042_400_000})


@pytest.mark.parametrize("name", ["sizes.json", "layers.json"])
@pytest.mark.parametrize("content", ["", "<<<<<<< HEAD", "7", '{"a": "b"}', '[{"origin": "os"}]'])
def test_a_broken_file_of_the_catalogue_is_an_error(
    small: Project, pages: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str
) -> None:
    monkeypatch.setattr(catalogue, "measure", lambda *_: pytest.fail("an image was read"))
    (pages / name).write_text(content)
    with pytest.raises(SparkImagesError) as raised:
        catalogue.write(small)
    assert str(raised.value) == (
        f"{name} does not have the format that `inv images.catalog` writes: "
        "restore it with Git, or delete it and run `inv images.catalog`"
    )


def test_every_image_that_is_built_has_a_row(small: Project, page: str) -> None:
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `spark-k8s-")]
    assert rows == [f"`spark-k8s-{cell.name}`" for cell in small.matrix.buildable]


def test_a_row_shows_the_content_and_size_of_the_image(page: str) -> None:
    assert "| `spark-k8s-spark-9.0` | 9.0 | 2.13 | 3.4 | 17 | 3.11 |  | 1,042 MB |" in page.splitlines()


def test_a_spark_version_has_its_dates(page: str) -> None:
    assert "| 9.0 | 2026-01-02 | 9.1 | [2027-06-30](https://spark.example/policy) |" in page
    assert "| 9.1 | 2026-01-02 |  | [2027-06-30](https://spark.example/policy) |" in page


def test_an_image_without_a_measurement_has_no_size(page: str) -> None:
    row = next(line for line in page.splitlines() if line.startswith("| `spark-k8s-spark-10.0-gpu-lake`"))
    assert row.endswith("| 21 | 3.13 | Accelerator 6.0 (native), CUDA 1.2, Lake 1.1 |  |")


def test_every_refused_cell_has_its_reason(small: Project, page: str) -> None:
    refused = [cell for cell in small.matrix.cells if cell.refusal]
    rows = [line for line in page.splitlines() if line.startswith("|")]
    for cell in refused:
        assert any(f"`{cell.key}`" in row and row.endswith(f"| {cell.refusal} |") for row in rows), cell.key


def test_every_driver_has_its_tests_licence_and_terms(small: Project, page: str) -> None:
    drivers = [a for _, a in small.matrix.all_artefacts() if a.driver]
    tests = ["tested against First 1", "never run against a server"]
    rows = [
        f"| {a.link} | `{a.coordinate}` | `{a.driver}` | {tested} | {a.licence} | {a.terms} |"
        for a, tested in zip(drivers, tests, strict=True)
    ]
    assert len(rows) == 2
    assert [row for row in rows if row not in page.splitlines()] == []


def test_every_other_artefact_has_its_licence(small: Project, page: str) -> None:
    others = [a for _, a in small.matrix.all_artefacts() if not a.driver]
    assert [a for a in others if f"| `{a.coordinate}` | {a.licence} |" not in page.splitlines()] == []


def test_a_jar_of_another_spark_version_is_listed(page: str) -> None:
    table = page.partition("\n## Jars of another Spark version\n")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    assert rows[2:] == ["| 9.1 | `org.apache.spark:connect_2.13:9.0` |"]


def test_an_artefact_that_only_tests_use_is_omitted(full: Tree) -> None:
    full.toml("[layers.book]", CLIENTS)
    full.dockerfile("intermediate/clients", "FROM tools AS made\nFROM scratch\nCOPY --from=made /layer /\n")
    page = catalogue.page(full.load(locked=False), {})
    assert "`spark==9.1`" in page
    assert "client" not in page


def test_connectors_are_listed_by_line(full: Tree) -> None:
    full.toml('licence = "MIT", line = "9" }', 'licence = "MIT", line = "9", connector = "Queue" }')
    lines = catalogue.page(full.load(locked=False), {}).splitlines()
    assert "| connector | Spark 9 | Spark 10 |" in lines
    assert "| Queue | `org.apache.spark:connect_2.13:9.0` |  |" in lines


def test_a_feature_has_its_usage_and_its_notes(page: str) -> None:
    lake, gpu = page.partition("\n## Feature lake\n")[2], page.partition("\n## Feature gpu\n")[2]
    assert lake.startswith("\nName a lake for 10.0.\n")
    assert gpu.startswith("\nTurn it on.\n\n| cell | support |\n")
    assert "| `9.1-gpu` | bridged: RAPIDS 5.0 with its shim for Spark 9.0" in gpu
    assert "| `jupyter-10.0-gpu-lake` | native: RAPIDS 6.0 has a shim for Spark 10.0 |" in gpu.splitlines()


def test_the_usage_names_the_highest_spark_version(full: Tree) -> None:
    full.toml('[spark."9.0"]', '[spark."10.1"]\nline = "10"\nreleased = 2026-01-02\n\n[spark."9.0"]')
    full.toml('native = ["10.0"]', 'native = ["10.0", "10.1"]')
    assert "\nName a lake for 10.1.\n" in catalogue.page(full.load(locked=False), {})


def test_the_packages_of_each_layer_are_listed_for_each_python(page: str) -> None:
    for python in ("3.11", "3.13"):
        assert f"## Python packages: deps (Python {python})\n\npandas 2.0\n" in page
        assert f"## Python packages: lake-deps (Python {python})\n\nlake-package 4.0\n" in page
    assert "tool 1.0" not in page


def test_the_page_is_the_same_for_every_registry_and_tag(full: Tree) -> None:
    settings = {"SPARK_IMAGES_REGISTRY": "registry.example:5000/team/", "SPARK_IMAGES_TAG": "9"}
    assert catalogue.page(full.load(settings), {}) == catalogue.page(full.load(), {})


def test_the_page_omits_a_feature_that_no_image_has(small: Project) -> None:
    refusals = (*small.matrix.refusals, Refusal("no", feature="gpu"))
    without = replace(small, matrix=replace(small.matrix, refusals=refusals))
    page = catalogue.page(without, {})
    assert "`spark-k8s-spark-9.0`" in page
    assert "\n## Feature gpu\n" not in page


def held(monkeypatch: pytest.MonkeyPatch, **sizes: int) -> None:
    layers = {
        name.replace("_", "."): (Layer("sha256:1", "os-bookworm", size, size // 2),) for name, size in sizes.items()
    }
    monkeypatch.setattr(
        catalogue, "measure", lambda *_: Sizes({f"spark-{name[1:]}": ls for name, ls in layers.items()})
    )


def test_a_written_catalogue_is_up_to_date(small: Project, pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held(monkeypatch, v9_0=2_000_000)
    catalogue.write(small)
    catalogue.check(small)
    assert "2 MB" in (pages / "README.md").read_text()


def test_images_that_the_engine_does_not_have_keep_their_last_size(
    small: Project, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pages / "sizes.json").write_text('{"spark-9.1": 1, "spark-9.0": 1, "spark-1.0": 1}')
    held(monkeypatch, v9_0=2_000_000)
    catalogue.write(small)
    assert json.loads((pages / "sizes.json").read_text()) == {"spark-9.1": 1, "spark-9.0": 2_000_000}


def test_layers_of_missing_images_keep_their_last_size(
    small: Project, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    was = [Layer("sha256:0", name, 1, 1) for name in ("os-bookworm", "jdk-17", "no-longer-there")]
    (pages / "layers.json").write_text(json.dumps([asdict(layer) for layer in was]))
    held(monkeypatch, v9_0=2_000_000)
    catalogue.write(small)
    found = {name: (layer.size, layer.compressed) for name, layer in catalogue.layers().items()}
    assert found == {"os-bookworm": (2_000_000, 1_000_000), "jdk-17": (1, 1)}


def test_an_outdated_catalogue_is_an_error(small: Project, pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held(monkeypatch)
    catalogue.write(small)
    (pages / "README.md").write_text((pages / "README.md").read_text().replace("first-jdbc:1.0", "first-jdbc:0.9"))
    with pytest.raises(SparkImagesError, match=r"out of date: README\.md: run `inv images\.catalog`"):
        catalogue.check(small)


def test_an_outdated_table_in_the_readme_is_an_error(
    small: Project, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held(monkeypatch)
    catalogue.write(small)
    catalogue.check(small)
    (pages / "front.md").write_text((pages / "front.md").read_text().replace("9.1", "9.2"))
    with pytest.raises(SparkImagesError, match=r"out of date: front\.md: run `inv images\.catalog`"):
        catalogue.check(small)


def test_a_missing_catalogue_is_an_error(small: Project, pages: Path) -> None:
    with pytest.raises(SparkImagesError, match="out of date"):
        catalogue.check(small)
