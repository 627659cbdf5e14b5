import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Refusal
from spark_images.plan.project import Project, load_project
from spark_images.reports import catalogue
from spark_images.reports.measure import Layer, Sizes


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    monkeypatch.setattr(catalogue, "PAGE", tmp_path / "README.md")
    monkeypatch.setattr(catalogue, "SIZES", tmp_path / "sizes.json")
    monkeypatch.setattr(catalogue, "LAYERS", tmp_path / "layers.json")
    return tmp_path


@pytest.fixture
def page(project: Project) -> str:
    return catalogue.page(project, {"spark-3.5.8": 1_042_400_000})


@pytest.mark.parametrize("name", ["sizes.json", "layers.json"])
@pytest.mark.parametrize("content", ["", "<<<<<<< HEAD", "7", '{"a": "b"}', '[{"origin": "os"}]'])
def test_a_file_of_the_catalogue_that_is_broken(
    project: Project, pages: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str
) -> None:
    monkeypatch.setattr(catalogue, "measure", lambda *_: pytest.fail("an image was read"))
    (pages / name).write_text(content)
    with pytest.raises(SparkImagesError) as raised:
        catalogue.write(project)
    assert str(raised.value) == (
        f"{name} is not what `inv images.catalog` writes: restore it by Git, or delete it and run `inv images.catalog`"
    )


def test_every_image_that_is_built_has_a_row(project: Project, page: str) -> None:
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| `spark-k8s-")]
    assert rows == [f"`spark-k8s-{cell.name}`" for cell in project.matrix.buildable]


def test_a_row_says_what_is_in_the_image(page: str) -> None:
    assert "| `spark-k8s-spark-3.5.8` | 3.5.8 | 2.12 | 3.3.4 | 17 | 3.11 |  | 1,042 MB |" in page.splitlines()


def test_an_image_that_was_never_measured_has_no_size(page: str) -> None:
    row = next(line for line in page.splitlines() if line.startswith("| `spark-k8s-spark-4.1.1-iceberg`"))
    assert "Apache Iceberg 1.11.0, PyIceberg |  |" in row


def test_every_refused_cell_has_its_reason(project: Project, page: str) -> None:
    refused = [cell for cell in project.matrix.cells if cell.refusal]
    rows = [line for line in page.splitlines() if line.startswith("|")]
    for cell in refused:
        assert any(f"`{cell.key}`" in row and row.endswith(f"| {cell.refusal} |") for row in rows), cell.key


def test_every_driver_has_its_licence_and_terms(project: Project, page: str) -> None:
    drivers = [a for _, a in project.matrix.all_artefacts() if a.driver]
    rows = [f"| {a.link} | `{a.coordinate}` | `{a.driver}` | {a.licence} | {a.terms} |" for a in drivers]
    assert len(rows) == 5
    assert [row for row in rows if row not in page.splitlines()] == []


def test_every_other_artefact_has_its_licence(project: Project, page: str) -> None:
    others = [a for _, a in project.matrix.all_artefacts() if not a.driver]
    assert [a for a in others if f"| `{a.coordinate}` | {a.licence} |" not in page.splitlines()] == []


def test_the_packages_of_each_layer_are_listed(page: str) -> None:
    assert "## Python packages: python-deps\n" in page
    assert "## Python packages: python-deps-iceberg\n" in page
    assert "pandas " in page


def test_the_page_is_the_same_for_every_registry_and_tag(project: Project) -> None:
    settings = {"SPARK_IMAGES_REGISTRY": "registry.example:5000/team/", "SPARK_IMAGES_TAG": "9"}
    elsewhere = load_project(environment=settings)
    assert catalogue.page(elsewhere, {}) == catalogue.page(project, {})


def test_a_matrix_without_iceberg(project: Project) -> None:
    refusals = (*project.matrix.refusals, Refusal("no", feature="iceberg"))
    without = replace(project, matrix=replace(project.matrix, refusals=refusals))
    assert "`spark-k8s-spark-3.5.8`" in catalogue.page(without, {})


def held(monkeypatch: pytest.MonkeyPatch, **sizes: int) -> None:
    layers = {
        name.replace("_", "."): (Layer("sha256:1", "os-bookworm", size, size // 2),) for name, size in sizes.items()
    }
    monkeypatch.setattr(
        catalogue, "measure", lambda *_: Sizes({f"spark-{name[1:]}": ls for name, ls in layers.items()})
    )


def test_what_is_written_is_up_to_date(project: Project, pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held(monkeypatch, v3_5_8=2_000_000)
    catalogue.write(project)
    catalogue.check(project)
    assert "2 MB" in (pages / "README.md").read_text()


def test_images_that_the_engine_does_not_hold_keep_their_last_size(
    project: Project, pages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pages / "sizes.json").write_text('{"spark-3.5.7": 1, "spark-3.5.8": 1, "spark-1.0": 1}')
    held(monkeypatch, v3_5_8=2_000_000)
    catalogue.write(project)
    assert json.loads((pages / "sizes.json").read_text()) == {"spark-3.5.7": 1, "spark-3.5.8": 2_000_000}


def test_layers_keep_their_last_size_too(project: Project, pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    was = [Layer("sha256:0", name, 1, 1) for name in ("os-bookworm", "jdk-17", "no-longer-there")]
    (pages / "layers.json").write_text(json.dumps([asdict(layer) for layer in was]))
    held(monkeypatch, v3_5_8=2_000_000)
    catalogue.write(project)
    found = {name: (layer.size, layer.compressed) for name, layer in catalogue.layers().items()}
    assert found == {"os-bookworm": (2_000_000, 1_000_000), "jdk-17": (1, 1)}


def test_a_catalogue_that_is_out_of_date(project: Project, pages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held(monkeypatch)
    catalogue.write(project)
    (pages / "README.md").write_text((pages / "README.md").read_text().replace("42.7.14", "42.7.13"))
    with pytest.raises(SparkImagesError, match=r"README\.md is out of date: run `inv images\.catalog`"):
        catalogue.check(project)


def test_a_catalogue_that_is_missing(project: Project, pages: Path) -> None:
    with pytest.raises(SparkImagesError, match="out of date"):
        catalogue.check(project)
