"""The programs in the image have exactly the versions that its labels state."""

import re
from datetime import datetime

import pytest

from spark_images.matrix.model import Cell
from spark_images.plan.graph import file_name
from spark_images.plan.project import Project
from tests.integration.conftest import Image, Service

pytestmark = pytest.mark.smoke


@pytest.mark.own_layers
def test_labels_describe_the_build(image: Image, project: Project, cell: Cell) -> None:
    labels, settings = image.labels, project.matrix.settings
    created = datetime.fromisoformat(labels["org.opencontainers.image.created"])
    assert created == datetime.fromisoformat(image.attributes["Created"])
    described = labels["org.opencontainers.image.description"]
    for name in ("title", "scala", "hadoop", "java", "python", "adds", "debian_number"):
        assert cell.values[name] in described
    name, _, digest = project.matrix.os_images.get(cell.values["debian"], "").partition("@")
    for label, setting in (
        ("vendor", settings.vendor),
        ("documentation", settings.documentation),
        ("base.name", name),
        ("base.digest", digest),
    ):
        assert labels.get(f"org.opencontainers.image.{label}", "") == setting


def test_debian_has_the_described_number(shell: Service, cell: Cell) -> None:
    release = shell.run("bash", "-c", ". /etc/os-release; echo $VERSION_ID $VERSION_CODENAME").stdout.split()
    assert release == [cell.values["debian_number"], cell.values["debian"]]


@pytest.mark.own_layers
def test_labels_match_the_cell(image: Image, project: Project, cell: Cell) -> None:
    labels = image.labels
    assert labels["spark-images.spark"] == cell.spark
    assert labels["org.opencontainers.image.version"] == cell.spark + cell.values["suffix"]
    for name in ("title", "licenses", "source", "revision"):
        assert labels[f"org.opencontainers.image.{name}"]
    for name in ("scala", "hadoop", "python", "java"):
        assert labels[f"spark-images.{name}"] == cell.values[name]
    cycle = project.matrix.life_cycle(cell.spark)
    assert labels["spark-images.end-of-life"] == cycle.end_of_life.isoformat()
    assert labels.get("spark-images.superseded-by", "") == cycle.superseded_by
    for name, feature in project.matrix.features.items():
        assert all((label in labels) == (name in cell.features) for label in feature.labels)


def test_spark_shell_reports_the_labelled_versions(image: Image, shell: Service) -> None:
    output = shell.run("spark-shell", "--version").output
    assert re.search(r"version (\S+)\n", output)[1] == image.labels["spark-images.spark"]  # type: ignore[index]
    assert re.search(r"Scala version (\d+\.\d+)", output)[1] == image.labels["spark-images.scala"]  # type: ignore[index]
    assert re.search(r"VM, (\d+)\.", output)[1] == image.labels["spark-images.java"]  # type: ignore[index]


def test_pyspark_and_the_jars_have_the_labelled_versions(image: Image, shell: Service) -> None:
    script = "import pyspark, sys; print(pyspark.__version__, '{}.{}'.format(*sys.version_info), pyspark.__file__)"
    result = shell.run("python", "-c", script)
    version, python, file = result.stdout.split()
    assert version == image.labels["spark-images.spark"]
    assert python == image.labels["spark-images.python"]
    assert file == "/opt/spark/python/pyspark/__init__.py"
    jars = shell.run("bash", "-c", "ls /opt/spark/jars").stdout
    assert f"spark-core_{image.labels['spark-images.scala']}-{version}.jar" in jars
    assert f"hadoop-client-api-{image.labels['spark-images.hadoop']}.jar" in jars


@pytest.mark.own_layers
def test_pip_check_passes_and_lists_pyspark(image: Image, shell: Service) -> None:
    result = shell.run("pip", "check")
    assert result.exit_code == 0
    listed = shell.run("pip", "list", "--format", "freeze").stdout
    assert f"pyspark=={image.labels['spark-images.spark']}\n" in listed


@pytest.mark.own_layers
def test_only_iceberg_images_contain_iceberg(shell: Service, cell: Cell) -> None:
    script = "find / -xdev -iname '*iceberg*' 2>/dev/null; grep -ril iceberg /opt/spark/conf"
    found = shell.run("bash", "-c", script).stdout.split()
    assert bool(found) == ("iceberg" in cell.features)


@pytest.mark.own_layers
def test_image_has_the_jars_of_its_features_only(shell: Service, project: Project, cell: Cell) -> None:
    matrix = project.matrix
    layers = [(name, layer) for name, feature in matrix.features.items() for layer in feature.layers]
    jars: dict[bool, set[str]] = {True: set(), False: set()}
    for name, layer in layers:
        for other in (cell,) if name in cell.features else matrix.cells_with(layer):
            jars[name in cell.features] |= {file_name(each.coordinate) for each in matrix.artefacts(layer, other)}
    found = set(shell.run("bash", "-c", "ls /opt/spark/jars").stdout.split())
    assert jars[True] <= found
    assert jars[False] & found == set()
