"""RAPIDS' support of Spark versions, and the version conflicts that images.toml declares."""

import pytest

from spark_images.errors import MatrixError
from spark_images.matrix.rapids import Bridge, Shims
from spark_images.matrix.tables import Conflict
from spark_images.plan.project import Project
from tests.unit.tree import Tree

VERSIONS = {"rapids": "5.0"}
BRIDGED = Shims(("9.0",), {"9.1": Bridge("9.0", "6.0"), "9.2": Bridge("9.0")})


def test_native_shim_needs_no_override() -> None:
    assert BRIDGED.refuses("9.0", VERSIONS) == ""
    assert BRIDGED.values("9.0", VERSIONS) == {
        "rapids_level": "native",
        "rapids_shim": "spark90",
        "rapids_override": "",
        "rapids_support": "native: RAPIDS 5.0 has a shim for Spark 9.0",
    }


def test_bridge_uses_the_shim_of_another_version() -> None:
    assert BRIDGED.refuses("9.1", VERSIONS) == ""
    assert BRIDGED.values("9.1", VERSIONS) == {
        "rapids_level": "bridged",
        "rapids_shim": "spark90",
        "rapids_override": "com.nvidia.spark.rapids.shims.spark90.SparkShimServiceProvider",
        "rapids_support": "bridged: RAPIDS 5.0 with its shim for Spark 9.0, a pairing that NVIDIA has not tested; "
        "native from RAPIDS 6.0",
    }


def test_bridge_without_a_native_release_says_so() -> None:
    assert BRIDGED.values("9.2", VERSIONS)["rapids_support"].endswith(
        "; no release of RAPIDS with a shim for it is known"
    )


def test_native_shim_takes_precedence_over_a_bridge() -> None:
    """An update of RAPIDS changes only its version and shims. The bridge can stay."""
    raised = Shims(("9.0", "9.1"), BRIDGED.bridges)
    assert raised.values("9.1", {"rapids": "6.0"})["rapids_override"] == ""
    assert raised.values("9.1", {"rapids": "6.0"})["rapids_level"] == "native"


def test_version_without_shim_and_bridge_is_refused() -> None:
    assert BRIDGED.refuses("9.9", VERSIONS) == (
        "RAPIDS 5.0 has no shim for Spark 9.9, and images.toml has no bridge for it"
    )


def test_bridge_to_a_missing_shim_is_refused() -> None:
    shims = Shims(("9.0",), {"9.1": Bridge("8.9")})
    assert shims.refuses("9.1", VERSIONS) == (
        "the bridge for Spark 9.1 uses the shim for Spark 8.9, which RAPIDS 5.0 does not have"
    )


@pytest.mark.parametrize(("spark", "nearest"), [("9.10", "9.9"), ("9.5", "9.3"), ("9.3", "9.3"), ("9.1", "9.2")])
def test_a_bridge_uses_the_newest_shim_that_is_not_newer(spark: str, nearest: str) -> None:
    assert Shims(("9.9", "9.2", "9.3", "9.11")).nearest(spark) == nearest
    assert Shims(()).nearest(spark) == ""


def gpu_cells(tree: Tree) -> dict[str, str]:
    """Returns the refusal of each Spark cell of the variant gpu, by Spark version."""
    return {c.spark: c.refusal for c in tree.matrix().cells if (c.image, c.variant) == ("spark", "gpu")}


def test_matrix_has_the_expected_levels(small: Project) -> None:
    levels = {c.spark: c.values["rapids_level"] for c in small.matrix.buildable if c.variant == "gpu"}
    assert levels == {"9.0": "native", "9.1": "bridged", "10.0": "native"}


def test_version_without_shim_and_bridge_has_no_gpu_cells(full: Tree) -> None:
    full.toml('bridges."9.1" = { shim = "9.0", native-from = "6.0" }', "")
    assert gpu_cells(full) == {
        "9.0": "",
        "9.1": "RAPIDS 5.0 has no shim for Spark 9.1, and images.toml has no bridge for it",
        "10.0": "",
    }


def test_version_without_gpu_cells_has_all_other_cells(full: Tree) -> None:
    full.toml('bridges."9.1" = { shim = "9.0", native-from = "6.0" }', "")
    built = {cell.key for cell in full.load().matrix.buildable if cell.spark == "9.1"}
    assert built == {"9.1-baseline", "9.1-lake", "jupyter-9.1-baseline", "jupyter-9.1-lake"}


def test_bridge_to_a_missing_shim_refuses_the_cell(full: Tree) -> None:
    full.toml('native = ["9.0"]', 'native = ["9.0.1"]')
    assert (
        gpu_cells(full)["9.1"] == "the bridge for Spark 9.1 uses the shim for Spark 9.0, which RAPIDS 5.0 does not have"
    )


def test_bridge_for_an_unknown_spark_version_is_an_error(full: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml('bridges."9.1"', 'bridges."9.2"').matrix()
    assert str(raised.value).startswith(
        'images.toml: [features.gpu.lines."9".shims] bridges: '
        'unknown Spark version "9.2"; expected one of 9.0, 9.1, 10.0 (did you mean "9.'
    )


def test_feature_without_shims_works_with_every_version_of_its_lines(full: Tree) -> None:
    full.toml(
        '[features.gpu.lines."9".shims]\nnative = ["9.0"]\nbridges."9.1" = { shim = "9.0", native-from = "6.0" }', ""
    )
    with pytest.raises(MatrixError, match=r'\[features\.gpu\] title: unknown value "{rapids_level}"'):
        full.matrix()
    full.toml(" ({rapids_level})", "")
    with pytest.raises(MatrixError, match=r'\[features\.gpu\] note: unknown value "{rapids_support}"'):
        full.matrix()
    full.toml('note = "{rapids_support}"\n', "")
    assert gpu_cells(full) == {"9.0": "", "9.1": "", "10.0": ""}


def test_conflicting_versions_are_an_error(full: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml('lake = "1.1"', 'lake = "2.0"').matrix()
    assert str(raised.value) == (
        "images.toml: 10.0-gpu-lake does not work with rapids 6.0, lake 2.0: every query throws"
    )


def test_one_version_of_a_conflict_is_allowed(full: Tree) -> None:
    full.toml('lake = "1.0"', 'lake = "2.0"').matrix()


def test_refused_cells_have_no_conflict(full: Tree) -> None:
    full.toml('line = "9"\nvariant = "gpu-lake"', 'line = "9"\nvariant = "gpu-lake"\nspark = "9.0"')
    full.toml(
        "[[features.gpu.conflicts]]",
        '[[features.gpu.refusals]]\nline = "10"\nfeature = "lake"\nreason = "no"\n\n[[features.gpu.conflicts]]',
    )
    full.toml('lake = "1.1"', 'lake = "2.0"').matrix()


def test_conflict_can_have_one_feature(tree: Tree) -> None:
    conflict = '[[features.lake.conflicts]]\nfeatures = ["lake"]\nwhen = { scala = "2.13" }\nreason = "it throws"\n\n'
    with pytest.raises(MatrixError, match=r"9\.0-lake does not work with scala 2\.13: it throws"):
        tree.toml("[features.lake.layers.lake-jars]", f"{conflict}[features.lake.layers.lake-jars]").matrix()


def test_conflict_without_versions_is_about_all_of_them(full: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml('when = { rapids = "6", lake = "2" }\n', "").matrix()
    assert str(raised.value).startswith("images.toml: 9.0-gpu-lake does not work with gpu and lake: every query throws")


def test_conflict_with_an_unknown_feature_is_an_error(full: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml('features = ["lake"]', 'features = ["lkae"]').matrix()
    assert str(raised.value) == (
        'images.toml: [features.gpu] conflicts: unknown feature "lkae"; '
        'expected one of gpu, lake (did you mean "lake"?)'
    )


@pytest.mark.parametrize(
    ("features", "values", "strikes"),
    [
        (("gpu", "lake"), {"rapids": "6.0", "lake": "2.0"}, True),
        (("gpu", "lake"), {"rapids": "6", "lake": "2"}, True),
        (("gpu", "lake"), {"rapids": "60.0", "lake": "2.0"}, False),
        (("gpu", "lake"), {"rapids": "6.0", "lake": "1.2"}, False),
        (("gpu", "lake"), {"rapids": "6.0"}, False),
        (("gpu",), {"rapids": "6.0", "lake": "2.0"}, False),
    ],
)
def test_conflict_compares_whole_parts_of_a_version(
    features: tuple[str, ...], values: dict[str, str], strikes: bool
) -> None:
    assert Conflict(("lake",), "no", {"rapids": "6", "lake": "2"}).strikes(features, values) is strikes
