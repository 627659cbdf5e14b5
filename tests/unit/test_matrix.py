from collections import Counter

import pytest

from spark_images.errors import MatrixError, UsageError
from spark_images.matrix.model import Refusal, fill
from spark_images.plan.project import Project
from tests.unit.tree import Tree


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        pytest.param("[settings]", "setings = 1\n[settings]", "setings", 'the nearest is "settings"', id="top level"),
        pytest.param('tag = "latest"', 'tga = "x"', "[settings] tga", 'the nearest is "tag"', id="settings"),
        pytest.param('title = "Lake', 'titel = "Lake', "[features.lake] titel", 'the nearest is "title"', id="feature"),
        pytest.param('key = "{', 'kee = "{', "[images.app] kee", 'the nearest is "key"', id="image"),
        pytest.param('name = "os-{debian}"', 'nam = "os"', "[layers.os] nam", 'the nearest is "name"', id="layer"),
        pytest.param(
            "licence =", "license =", "[layers.core.artefacts[0]] license", 'the nearest is "licence"', id="artefact"
        ),
    ],
)
def test_unknown_key(tree: Tree, old: str, new: str, place: str, what: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert f"images.toml: {place}: no such key; {what}" in str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("old", "new", "near"),
    [
        ("[features.lake]", "[feature.lake]", "features"),
        ("[settings]", 'refusals = [{ features = "lake", reason = "no" }]\n[settings]', "feature"),
    ],
)
def test_the_nearest_key_is_one_that_the_table_takes(tree: Tree, old: str, new: str, near: str) -> None:
    with pytest.raises(MatrixError, match=f'no such key; the nearest is "{near}"'):
        tree.toml(old, new).matrix()


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('tag = "latest"\n', "[settings] tag"),
        ('[variants]\nbaseline = []\nlake = ["lake"]\n', "variants"),
        ('title = "App {spark}"\n', "[images.app] title"),
        (', licence = "MIT"', "[layers.core.artefacts[0]] licence"),
    ],
)
def test_missing_key(tree: Tree, line: str, place: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(line, "").matrix()
    assert str(raised.value) == f"images.toml: {place}: the key is missing"


def test_refusal_without_a_reason(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r"refusals\[0\].* reason: the key is missing"):
        tree.toml("[settings]", 'refusals = [{ variant = "lake" }]\n[settings]').matrix()


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('tag = "latest"', "tag = 3", "[settings] tag"),
        ("min-free-disk-gb = 10", 'min-free-disk-gb = "ten"', "[settings] min-free-disk-gb"),
        ('debian = "bookworm"', "debian = 12", "[versions] debian"),
        ('lake = ["lake"]', 'lake = "lake"', "[variants] lake"),
        ('licence = "MIT"', "licence = true", "[layers.core.artefacts[0]] licence"),
    ],
)
def test_wrong_type(tree: Tree, old: str, new: str, place: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert str(raised.value).startswith(f"images.toml: {place}: input should be")


@pytest.mark.parametrize("value", ['"10"', "true", "10.0"])
def test_what_is_no_whole_number_in_the_file(tree: Tree, value: str) -> None:
    with pytest.raises(MatrixError, match="min-free-disk-gb"):
        tree.toml("min-free-disk-gb = 10", f"min-free-disk-gb = {value}").matrix()


def test_settings_that_are_no_table(tree: Tree) -> None:
    text = (tree.root / "images.toml").read_text()
    (tree.root / "images.toml").write_text('settings = "x"\n' + text[text.index("[versions]") :])
    with pytest.raises(MatrixError, match="settings"):
        tree.matrix()


def test_mistakes_are_told_together(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml('tag = "latest"', "tag = 3").toml('licence = "MIT"', "licence = 4").matrix()
    assert [line.split(":")[1].strip() for line in str(raised.value).splitlines()] == [
        "[settings] tag",
        "[layers.core.artefacts[0]] licence",
    ]


def test_what_is_not_toml(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r"^images\.toml: .*line"):
        tree.toml("[versions]", "[versions").matrix()


def test_spark_version_of_an_unknown_line(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml('[spark."9.0"]\nline = "9"', '[spark."9.0"]\nline = "9x"').matrix()
    assert str(raised.value) == (
        'images.toml: [spark."9.0"] line: there is no line "9x": there is 9; the nearest is "9"'
    )


def test_an_artefact_of_an_unknown_line(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml('licence = "MIT", link', 'licence = "MIT", line = "9x", link').matrix()
    assert str(raised.value) == (
        'images.toml: [layers.core] artefacts[0].line: there is no line "9x": there is 9; the nearest is "9"'
    )


def test_variant_of_an_unknown_feature(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml('lake = ["lake"]', 'lake = ["lakes"]').matrix()
    assert str(raised.value) == (
        'images.toml: [variants] lake: there is no feature "lakes": there is lake; the nearest is "lake"'
    )


@pytest.mark.parametrize(
    ("field", "value", "near"),
    [
        ("image", "apps", "app"),
        ("spark", "9.10", "9.1"),
        ("line", "9x", "9"),
        ("variant", "lak", "lake"),
        ("feature", "lakes", "lake"),
    ],
)
def test_refusal_of_what_does_not_exist(tree: Tree, field: str, value: str, near: str) -> None:
    refusals = f'refusals = [{{ variant = "lake", reason = "a" }}, {{ {field} = "{value}", reason = "b" }}]'
    with pytest.raises(MatrixError) as raised:
        tree.toml("[settings]", f"{refusals}\n[settings]").matrix()
    assert f"images.toml: [[refusals]] number 2, {field}: there is no " in str(raised.value)
    assert str(raised.value).endswith(f'the nearest is "{near}"')


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'name = "app-{spark}{suffix}"',
            'name = "app-{spark}"',
            '[images.app] name: two cells are called "app-9.0": app 9.0 baseline and app 9.0 lake',
        ),
        (
            'key = "{spark}-{variant}"',
            'key = "{variant}"',
            '[images.app] key: two cells are called "baseline": app 9.0 baseline and app 9.1 baseline',
        ),
    ],
)
def test_two_cells_of_one_name(tree: Tree, old: str, new: str, message: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert str(raised.value) == f"images.toml: {message}"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('title = "App {spark}"', 'title = "App {spakr}"', "[images.app] title"),
        ('name = "app-{spark}', 'name = "app-{spakr}', "[images.app] name"),
        ('"version" = "{spark}', '"version" = "{spakr}', "[labels] version"),
        ('labels = { "lake" = "{scala}"', 'labels = { "lake" = "{spakr}"', "[labels] lake"),
        ('name = "core-{spark}"', 'name = "core-{spakr}"', "[layers.core] name"),
        ("group:core:{spark}", "group:core:{spakr}", "[layers.core] artefacts[0].coordinate"),
    ],
)
def test_template_with_an_unknown_value(tree: Tree, old: str, new: str, place: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert str(raised.value).startswith(f'images.toml: {place}: there is no value "{{spakr}}": there is ')
    assert str(raised.value).endswith('the nearest is "spark"')


def test_feature_title_with_an_unknown_value(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r"\[features\.lake\] title"):
        tree.toml("Lake for {scala}", "Lake for {spakr}").matrix()


@pytest.mark.parametrize("template", ["{spark", "spark}", "{spark!x}", "{spark:d}"])
def test_malformed_template(template: str) -> None:
    with pytest.raises(MatrixError, match="somewhere"):
        fill(template, {"spark": "9.0"}, "somewhere")


def test_line_without_a_value_that_a_layer_needs(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'\[features\.lake\] title: there is no value "{scala}"'):
        tree.toml('scala = "2.13"\n', "").matrix()


@pytest.mark.parametrize(
    ("variable", "given", "setting", "expected"),
    [
        ("SPARK_IMAGES_REGISTRY", "registry.example/team/", "registry", "registry.example/team/"),
        ("SPARK_IMAGES_OS_IMAGE", "debian@sha256:1", "os_image", "debian@sha256:1"),
        ("SPARK_IMAGES_MIN_FREE_DISK_GB", "3", "min_free_disk_gb", 3),
        ("SPARK_IMAGES_SOURCE", "", "source", ""),
    ],
)
def test_the_environment_wins(tree: Tree, variable: str, given: str, setting: str, expected: object) -> None:
    assert getattr(tree.matrix({variable: given}).settings, setting) == expected


def test_a_misspelt_setting_in_the_environment(tree: Tree) -> None:
    with pytest.raises(UsageError, match=r'no setting "SPARK_IMAGES_TAGG".*the nearest is "SPARK_IMAGES_TAG"'):
        tree.matrix({"SPARK_IMAGES_TAGG": "x"})


@pytest.mark.parametrize("given", ["ten", "-1", "1.5", "²"])
def test_environment_that_is_no_whole_number(tree: Tree, given: str) -> None:
    with pytest.raises(UsageError) as raised:
        tree.matrix({"SPARK_IMAGES_MIN_FREE_DISK_GB": given})
    assert str(raised.value) == f'SPARK_IMAGES_MIN_FREE_DISK_GB is "{given}": expected a whole number'


def test_tag_puts_registry_and_tag_around_the_name(tree: Tree) -> None:
    matrix = tree.matrix({"SPARK_IMAGES_REGISTRY": "r.example/", "SPARK_IMAGES_TAG": "v1"})
    assert matrix.tag("app-9.0") == "r.example/spark-k8s-app-9.0:v1"


def test_a_layer_is_called_as_its_folder_where_nothing_names_it(tree: Tree) -> None:
    matrix = tree.matrix()
    values = matrix.cells[0].values
    assert matrix.layer_name("core", values) == "core-9.0"
    assert matrix.layer_name("tools", values) == "tools"


def test_artefacts_are_filled_in_and_listed_once(tree: Tree) -> None:
    assert [(layer, a.coordinate, a.licence, a.link) for layer, a in tree.matrix().all_artefacts()] == [
        ("core", "group:core:9.0", "MIT", "core"),
        ("core", "group:core:9.1", "MIT", "core"),
    ]


def test_a_feature_adds_its_labels(tree: Tree) -> None:
    baseline, lake, *_ = tree.matrix().cells
    assert "lake" not in baseline.labels
    assert lake.labels["lake"] == "{scala}"


@pytest.mark.parametrize(
    ("refusal", "matches"),
    [
        (Refusal("no"), True),
        (Refusal("no", image="app", spark="9.0"), True),
        (Refusal("no", image="app", spark="9.1"), False),
        (Refusal("no", line="8"), False),
        (Refusal("no", variant="baseline"), False),
        (Refusal("no", feature="lake"), True),
        (Refusal("no", feature="gpu"), False),
    ],
)
def test_a_refusal_matches_on_every_field_that_is_set(refusal: Refusal, matches: bool) -> None:
    assert refusal.matches("app", "9.0", "9", "lake", ["lake"]) is matches


def test_a_refusal_whose_fields_are_equal_checks_each() -> None:
    assert not Refusal("no", image="lake", variant="lake").matches("app", "9.0", "9", "lake", [])


def test_the_first_refusal_gives_the_reason(tree: Tree) -> None:
    refusals = 'refusals = [{ spark = "9.0", feature = "lake", reason = "a" }, { feature = "lake", reason = "b" }]'
    matrix = tree.toml("[settings]", f"{refusals}\n[settings]").matrix()
    assert [cell.refusal for cell in matrix.cells] == ["", "a", "", "b"]
    assert [cell.key for cell in matrix.buildable] == ["9.0-baseline", "9.1-baseline"]


def test_the_matrix(project: Project) -> None:
    assert Counter(cell.image for cell in project.matrix.cells) == {"spark": 16, "jupyter": 16}
    assert Counter(cell.variant for cell in project.matrix.cells) == dict.fromkeys(
        ("baseline", "gpu", "iceberg", "gpu-iceberg"), 8
    )


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("3.5.8-baseline", "spark-3.5.8"),
        ("3.5.7-iceberg", "spark-3.5.7-iceberg"),
        ("4.1.0-gpu-iceberg", "spark-4.1.0-gpu-iceberg"),
        ("jupyter-4.1.1-baseline", "jupyter-4.1.1"),
        ("jupyter-4.1.1-gpu", "jupyter-4.1.1-gpu"),
    ],
)
def test_keys_and_names_of_the_matrix(project: Project, key: str, name: str) -> None:
    assert {cell.key: cell.name for cell in project.matrix.cells}[key] == name


def test_the_spark_cells_without_gpu_are_built(project: Project) -> None:
    built = {cell.key for cell in project.matrix.buildable}
    assert {f"{s}-{v}" for s in project.matrix.spark for v in ("baseline", "iceberg")} <= built


def test_notebooks_of_gpu_and_iceberg_exist_for_4_1_only(project: Project) -> None:
    reasons = {
        cell.spark: cell.refusal
        for cell in project.matrix.cells
        if cell.image == "jupyter" and cell.variant == "gpu-iceberg"
    }
    assert "RAPIDS for Spark 3.5 does not read Iceberg" in reasons["3.5.7"]
    assert reasons["3.5.7"] == reasons["3.5.8"]
    assert reasons["3.5.7"] not in (reasons["4.1.0"], reasons["4.1.1"])


def test_every_artefact_states_its_licence(project: Project) -> None:
    assert [a.coordinate for _, a in project.matrix.all_artefacts() if not a.licence] == []


def test_every_driver_has_a_link_and_an_address(project: Project) -> None:
    drivers = [a for _, a in project.matrix.all_artefacts() if a.driver]
    assert {a.link for a in drivers} == {"postgresql", "mysql", "sqlserver", "oracle", "vertica"}
    assert all(a.url.startswith("jdbc:") for a in drivers)
