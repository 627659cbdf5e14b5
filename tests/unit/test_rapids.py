"""How far RAPIDS supports a Spark version, and the pairings that images.toml may not hold."""

import pytest

from spark_images.errors import MatrixError
from spark_images.matrix.rapids import support
from spark_images.plan.project import Project
from tests.unit.tree import Tree

RAPIDS = """
[rapids."9"]
version = "26.08.1"
shims = ["9.1"]

[labels]"""


def test_a_shim_of_its_own_is_native_and_drops_the_override() -> None:
    found = support("4.1.1", "26.08.1", ["4.1.0", "4.1.1"], bridge="4.1.0", native_from="26.02")
    assert found
    assert (found.level, found.shim, found.override) == ("native", "spark411", "")


def test_a_bridge_is_the_shim_of_another_version() -> None:
    found = support("3.5.8", "25.04.0", ["3.5.4", "3.5.5"], bridge="3.5.5", native_from="26.04")
    assert found
    assert (found.level, found.shim) == ("bridged", "spark355")
    assert found.override == "com.nvidia.spark.rapids.shims.spark355.SparkShimServiceProvider"
    assert "NVIDIA has not tested" in found.words
    assert found.words.endswith("native from RAPIDS 26.04")


def test_a_version_that_no_release_supports_says_so() -> None:
    found = support("4.1.0", "26.08.1", ["4.1.1"], bridge="4.1.1", native_from="")
    assert found
    assert found.words.endswith("no release of RAPIDS has a shim for it")


@pytest.mark.parametrize("bridge", ["", "3.5.6"])
def test_neither_shim_nor_bridge(bridge: str) -> None:
    assert support("3.5.8", "25.04.0", ["3.5.5"], bridge, "") is None


def test_the_real_matrix(project: Project) -> None:
    levels = {cell.key: cell.support.level for cell in project.matrix.cells if cell.support and cell.variant == "gpu"}
    assert levels["4.1.1-gpu"] == "native"
    assert {levels[f"{version}-gpu"] for version in ("3.5.7", "3.5.8", "4.1.0")} == {"bridged"}


def test_raising_rapids_is_one_table_and_drops_the_bridge(project: Project) -> None:
    table = project.matrix.spark["3.5.8"]
    raised = support("3.5.8", "26.08.1", ["3.5.7", "3.5.8"], table.rapids_bridge, table.rapids_native_from)
    assert raised
    assert raised.override == ""


def gpu(tree: Tree) -> Tree:
    return tree.toml("[features.lake]", '[features.gpu]\ntitle = "RAPIDS"\n[features.lake]').toml(
        'lake = ["lake"]', 'lake = ["lake"]\ngpu = ["gpu"]'
    )


def test_a_gpu_cell_without_rapids(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'\[spark\."9\.0"\]: 9\.0-gpu needs RAPIDS, and there is no \[rapids\."9"\]'):
        gpu(tree).matrix()


def test_a_gpu_cell_without_shim_and_without_bridge(tree: Tree) -> None:
    with pytest.raises(
        MatrixError, match=r'\[spark\."9\.0"\] rapids-bridge: RAPIDS 26\.08\.1 has no shim for Spark 9\.0'
    ):
        gpu(tree).toml("[labels]", RAPIDS).matrix()


def test_a_bridge_makes_it_work(tree: Tree) -> None:
    bridged = gpu(tree).toml("[labels]", RAPIDS).toml('[spark."9.0"]', '[spark."9.0"]\nrapids-bridge = "9.1"')
    assert next(c for c in bridged.matrix().cells if c.key == "9.0-gpu").values["rapids_level"] == "bridged"


def test_versions_that_conflict(tree: Tree) -> None:
    conflict = '[[conflicts]]\nfeatures = ["lake"]\nwhen = { scala = "2.13" }\nreason = "it throws"\n[labels]'
    with pytest.raises(MatrixError, match=r"9\.0-lake cannot work with scala 2\.13: it throws"):
        tree.toml("[labels]", conflict).matrix()


def test_a_conflict_is_of_whole_numbers(tree: Tree) -> None:
    conflict = '[[conflicts]]\nfeatures = ["lake"]\nwhen = { scala = "2.1" }\nreason = "it throws"\n[labels]'
    assert tree.toml("[labels]", conflict).matrix()


def test_iceberg_112_under_rapids_2608_is_refused(project: Project) -> None:
    conflict = project.matrix.conflicts[0]
    assert conflict.strikes(("gpu", "iceberg"), {"rapids": "26.08.1", "iceberg": "1.12.0"})
    assert not conflict.strikes(("gpu", "iceberg"), {"rapids": "26.08.1", "iceberg": "1.11.0"})
    assert not conflict.strikes(("iceberg",), {"rapids": "26.08.1", "iceberg": "1.12.0"})
