from pathlib import Path

import pytest

from spark_images.errors import MatrixError, UsageError
from spark_images.matrix.model import Matrix
from spark_images.matrix.tables import Refusal
from spark_images.matrix.templates import fill
from spark_images.plan.project import Project
from tests.unit.tree import Tree


@pytest.mark.parametrize(
    ("old", "new", "place", "what"),
    [
        pytest.param("[settings]", "setings = 1\n[settings]", "setings", "settings", id="top level"),
        pytest.param('tag = "latest"', 'tga = "x"', "[settings] tga", "tag", id="settings"),
        pytest.param('title = "Lake', 'titel = "Lake', "[features.lake] titel", "title", id="feature"),
        pytest.param('key = "{', 'kee = "{', "[images.app] kee", "key", id="image"),
        pytest.param('name = "os-{debian}"', 'nam = "os"', "[layers.os] nam", "name", id="layer"),
        pytest.param("licence =", "license =", "[layers.core.artefacts[0]] license", "licence", id="artefact"),
        pytest.param(
            'versions = { lake = "1.0" }',
            'versoins = { lake = "1.0" }',
            '[features.lake.lines."9"] versoins',
            "versions",
            id="line of a feature",
        ),
        pytest.param(
            'name = "lake-jars-{line}"',
            'nmae = "lake-jars"',
            "[features.lake.layers.lake-jars] nmae",
            "name",
            id="layer of a feature",
        ),
        pytest.param('java = "17"', 'jaba = "17"', "[stacks.old] jaba", "java", id="stack"),
        pytest.param('stack = "old"', 'stcak = "old"', '[lines."9"] stcak', "stack", id="line"),
        pytest.param('line = "9"', 'lien = "9"', '[spark."9.0"] lien', "line", id="spark"),
        pytest.param("layer-mb = 300", "layr-mb = 300", "[budgets] layr-mb", "layer-mb", id="budgets"),
    ],
)
def test_unknown_key_is_an_error(tree: Tree, old: str, new: str, place: str, what: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert f'images.toml: {place}: unknown key (did you mean "{what}"?)' in str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("old", "new", "place", "near"),
    [
        ('versions = { rapids = "5.0" }', "size = 1", '[features.gpu.lines."9"] size', "size-mb"),
        ('native = ["9.0"]', 'natives = ["9.0"]', '[features.gpu.lines."9".shims] natives', "native"),
        ('native-from = "6.0"', 'native = "6.0"', '[features.gpu.lines."9".shims.bridges."9.1"] native', "native-from"),
        ('image = "jupyter"\nline', 'imag = "jupyter"\nline', "[features.gpu.refusals[0]] imag", "image"),
        ("when = {", "when-not = {", "[features.gpu.conflicts[0]] when-not", "when"),
    ],
)
def test_unknown_key_deep_in_a_feature_is_an_error(full: Tree, old: str, new: str, place: str, near: str) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml(old, new).matrix()
    assert f'images.toml: {place}: unknown key (did you mean "{near}"?)' in str(raised.value).splitlines()


@pytest.mark.parametrize(
    ("old", "new", "near"),
    [
        ("[features.lake]", "[feature.lake]", "features"),
        ("[settings]", 'refusals = [{ features = "lake", reason = "no" }]\n[settings]', "feature"),
    ],
)
def test_nearest_key_is_valid_in_its_table(tree: Tree, old: str, new: str, near: str) -> None:
    with pytest.raises(MatrixError, match=rf'unknown key \(did you mean "{near}"\?\)'):
        tree.toml(old, new).matrix()


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('tag = "latest"\n', "[settings] tag"),
        ('title = "Lake {lake} for {scala}"\n', "[features.lake] title"),
        ('scala = "2.13"\n', '[lines."9"] scala'),
        ('debian = "bookworm"\n', "[stacks.old] debian"),
        ("registry-ratio = 0.5\n", "[budgets] registry-ratio"),
        ('title = "App {spark}"\n', "[images.app] title"),
        (', licence = "MIT"', "[layers.core.artefacts[0]] licence"),
    ],
)
def test_missing_key_is_an_error(tree: Tree, line: str, place: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(line, "").matrix()
    assert str(raised.value) == f"images.toml: {place}: the key is missing"


def test_refusal_without_a_reason_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r"refusals\[0\].* reason: the key is missing"):
        tree.toml("[settings]", 'refusals = [{ variant = "lake" }]\n[settings]').matrix()


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('tag = "latest"', "tag = 3", "[settings] tag"),
        ("min-free-disk-gb = 10", 'min-free-disk-gb = "ten"', "[settings] min-free-disk-gb"),
        ('debian = "bookworm"', "debian = 12", "[stacks.old] debian"),
        ('lake = "1.0"', "lake = 1.0", '[features.lake.lines."9".versions] lake'),
        ("size-mb = 20", 'size-mb = "20"', "[features.lake] size-mb"),
        ("lake-jars = 500", 'lake-jars = "500"', "[features.lake.layer-mb] lake-jars"),
        ("app = 100", 'app = "100"', '[lines."9".budget-mb] app'),
        ("[layers.conf]\nany-stack = true", '[layers.conf]\nany-stack = "yes"', "[layers.conf] any-stack"),
        ('licence = "MIT"', "licence = true", "[layers.core.artefacts[0]] licence"),
    ],
)
def test_wrong_type_is_an_error(tree: Tree, old: str, new: str, place: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert str(raised.value).startswith(f"images.toml: {place}: input should be")


@pytest.mark.parametrize("value", ['"10"', "true", "10.0"])
def test_integer_setting_of_another_type_is_an_error(tree: Tree, value: str) -> None:
    with pytest.raises(MatrixError, match="min-free-disk-gb"):
        tree.toml("min-free-disk-gb = 10", f"min-free-disk-gb = {value}").matrix()


def test_settings_that_are_not_a_table_are_an_error(tree: Tree) -> None:
    text = (tree.root / "images.toml").read_text()
    (tree.root / "images.toml").write_text('settings = "x"\n' + text[text.index("[stacks.old]") :])
    with pytest.raises(MatrixError, match="settings"):
        tree.matrix()


def test_all_mistakes_are_reported_together(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml('tag = "latest"', "tag = 3").toml('licence = "MIT"', "licence = 4").matrix()
    assert [line.split(":")[1].strip() for line in str(raised.value).splitlines()] == [
        "[settings] tag",
        "[layers.core.artefacts[0]] licence",
    ]


def test_invalid_toml_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r"^images\.toml: .*line"):
        tree.toml("[settings]", "[settings").matrix()


def test_spark_version_of_an_unknown_line_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml('[spark."9.0"]\nline = "9"', '[spark."9.0"]\nline = "9x"').matrix()
    assert str(raised.value) == (
        'images.toml: [spark."9.0"] line: unknown line "9x"; expected one of 9 (did you mean "9"?)'
    )


@pytest.mark.parametrize("key", ["line", "since"])
def test_artefact_of_an_unknown_line_is_an_error(tree: Tree, key: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml('licence = "MIT", link', f'licence = "MIT", {key} = "9x", link').matrix()
    assert str(raised.value) == (
        f'images.toml: [layers.core] artefacts[0].{key}: unknown line "9x"; expected one of 9 (did you mean "9"?)'
    )


def test_artefact_with_line_and_since_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml('licence = "MIT", link', 'licence = "MIT", line = "9", since = "9", link').matrix()
    assert str(raised.value) == "images.toml: [layers.core] artefacts[0]: set line or since, not both"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'stack = "old"',
            'stack = "odl"',
            '[lines."9"] stack: unknown stack "odl"; expected one of old (did you mean "old"?)',
        ),
        (
            'stack = "old"',
            'stack = "old"\nplatform = "linux/amd46"',
            '[lines."9"] platform: unknown platform "linux/amd46"; '
            'expected one of linux/amd64 (did you mean "linux/amd64"?)',
        ),
        (
            "budget-mb = { app = 100 }",
            "budget-mb = { app = 100, ap = 1 }",
            '[lines."9"] budget-mb: unknown image "ap"; expected one of app (did you mean "app"?)',
        ),
        (
            "size-mb = 20",
            'combines-with = ["lakes"]',
            '[features.lake] combines-with: unknown feature "lakes"; expected one of lake (did you mean "lake"?)',
        ),
        (
            "lake-jars = 500",
            "lake-jar = 500",
            '[features.lake] layer-mb: unknown layer "lake-jar"; expected one of lake-jars (did you mean "lake-jars"?)',
        ),
        (
            '[features.lake.lines."9"]',
            '[features.lake.lines."90"]',
            '[features.lake] lines: unknown line "90"; expected one of 9 (did you mean "9"?)',
        ),
        (
            'versions = { lake = "1.0" }',
            'versions = { lake = "1.0" }\nlayer-mb = { jars = 1 }',
            '[features.lake.lines."9"] layer-mb: unknown layer "jars"; '
            'expected one of lake-jars (did you mean "lake-jars"?)',
        ),
        (
            'name = "core-{spark}"',
            'name = "core-{spark}"\nextends = ["lake-jar"]',
            '[layers.core] extends: unknown layer "lake-jar"; expected one of '
            'rootfs, os, tools, jdk, sealer, conf, core, lake-jars (did you mean "lake-jars"?)',
        ),
        (
            'name = "lake-jars-{line}"',
            'name = "lake-jars-{line}"\nextends = ["cor"]',
            '[features.lake.layers.lake-jars] extends: unknown layer "cor"; expected one of '
            'rootfs, os, tools, jdk, sealer, conf, core, lake-jars (did you mean "core"?)',
        ),
    ],
)
def test_undefined_name_is_an_error(tree: Tree, old: str, new: str, message: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert str(raised.value) == f"images.toml: {message}"


def test_artefact_of_a_feature_with_an_unknown_line_is_an_error(full: Tree) -> None:
    lake = '"group:lake_{scala}:{lake}", licence = "MIT"'
    with pytest.raises(MatrixError) as raised:
        full.toml(lake, f'{lake}, line = "11"').matrix()
    assert str(raised.value).startswith(
        'images.toml: [features.lake.layers.lake-jars] artefacts[0].line: unknown line "11"; expected one of 9, 10'
    )


def test_layer_with_two_tables_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(
            "[features.lake.layers.lake-jars]", "[features.lake.layers.core]\n\n[features.lake.layers.lake-jars]"
        ).matrix()
    assert str(raised.value) == "images.toml: [features.lake.layers.core]: the layer also has the table [layers.core]"


def test_layer_of_two_features_is_an_error(full: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml("[features.lake.layers.lake-book]", "[features.lake.layers.gpu-jars]").matrix()
    assert str(raised.value) == (
        "images.toml: [features.lake.layers.gpu-jars]: the layer also has the table [features.gpu.layers.gpu-jars]"
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
def test_refusal_with_an_unknown_name_is_an_error(tree: Tree, field: str, value: str, near: str) -> None:
    refusals = f'refusals = [{{ variant = "lake", reason = "a" }}, {{ {field} = "{value}", reason = "b" }}]'
    with pytest.raises(MatrixError) as raised:
        tree.toml("[settings]", f"{refusals}\n[settings]").matrix()
    assert f"images.toml: [[refusals]] number 2, {field}: unknown " in str(raised.value)
    assert str(raised.value).endswith(f'(did you mean "{near}"?)')


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (
            "image",
            "jupiter",
            'image: unknown image "jupiter"; expected one of spark, jupyter (did you mean "jupyter"?)',
        ),
        ("line", "19", 'line: unknown line "19"; expected one of 9, 10 (did you mean "9"?)'),
        ("variant", "lake-gpu", 'variant: unknown variant "lake-gpu"; expected one of baseline, gpu, lake, gpu-lake'),
    ],
)
def test_refusal_of_a_feature_with_an_unknown_name_is_an_error(
    full: Tree, field: str, value: str, message: str
) -> None:
    old = {"image": "jupyter", "line": "9", "variant": "gpu-lake"}[field]
    full.toml(
        f"[[features.gpu.refusals]]\n{_REFUSAL}",
        f"[[features.gpu.refusals]]\n{_REFUSAL}".replace(f'{field} = "{old}"', f'{field} = "{value}"'),
    )
    with pytest.raises(MatrixError) as raised:
        full.matrix()
    assert str(raised.value).startswith(f"images.toml: [[features.gpu.refusals]] number 1, {message}")


_REFUSAL = 'image = "jupyter"\nline = "9"\nvariant = "gpu-lake"\n'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'name = "app-{spark}{suffix}"',
            'name = "app-{spark}"',
            '[images.app] name: two cells have the value "app-9.0": app 9.0 baseline and app 9.0 lake',
        ),
        (
            'key = "{spark}-{variant}"',
            'key = "{variant}"',
            '[images.app] key: two cells have the value "baseline": app 9.0 baseline and app 9.1 baseline',
        ),
    ],
)
def test_two_cells_with_one_name_are_an_error(tree: Tree, old: str, new: str, message: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert str(raised.value) == f"images.toml: {message}"


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('title = "App {spark}"', 'title = "App {spakr}"', "[images.app] title"),
        ('name = "app-{spark}', 'name = "app-{spakr}', "[images.app] name"),
        ('"version" = "{spark}', '"version" = "{spakr}', "[labels] version"),
        ('labels = { "lake" = "{lake}"', 'labels = { "lake" = "{spakr}"', "[features.lake.labels] lake"),
        ('title = "Lake {lake}', 'title = "Lake {spakr}', "[features.lake] title"),
        ("size-mb = 20", 'note = "for {spakr}"', "[features.lake] note"),
        ("size-mb = 20", 'usage = "run {spakr}"', "[features.lake] usage"),
        ('name = "lake-jars-{line}"', 'name = "lake-jars-{spakr}"', "[features.lake.layers.lake-jars] name"),
        ('name = "core-{spark}"', 'name = "core-{spakr}"', "[layers.core] name"),
        ("group:core:{spark}", "group:core:{spakr}", "[layers.core] artefacts[0].coordinate"),
    ],
)
def test_template_with_an_unknown_value_is_an_error(tree: Tree, old: str, new: str, place: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert str(raised.value).startswith(f'images.toml: {place}: unknown value "{{spakr}}"; expected one of ')
    assert str(raised.value).endswith('(did you mean "spark"?)')


@pytest.mark.parametrize("template", ["{spark", "spark}", "{spark!x}", "{spark:d}"])
def test_malformed_template_is_an_error(template: str) -> None:
    with pytest.raises(MatrixError, match="somewhere"):
        fill(template, {"spark": "9.0"}, "somewhere")


def test_error_in_a_coordinate_names_the_layers_table_in_its_feature(full: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml("group:lake_{scala}", "group:lake_{scal}").matrix()
    assert str(raised.value).startswith(
        'images.toml: [features.lake.layers.lake-jars] artefacts[0].coordinate: unknown value "{scal}"'
    )


def test_place_of_a_label_is_the_table_whose_value_applies(full: Tree) -> None:
    matrix = full.toml('labels = { "lake" = "{lake}" }', 'labels = { "rapids" = "none" }').matrix()
    cell = next(cell for cell in matrix.cells if cell.key == "9.0-gpu-lake")
    assert cell.labels["rapids"] == "none"
    assert matrix.place_of_label("rapids", cell) == "[features.lake.labels] rapids"
    assert matrix.place_of_label("scala", cell) == "[labels] scala"


def test_error_in_a_template_of_another_file_names_that_file(tmp_path: Path) -> None:
    with pytest.raises(MatrixError) as raised:
        fill("pandas=={spakr}", {"spark": "9.0"}, tmp_path / "requirements.in")
    assert str(raised.value).startswith(f'{tmp_path}/requirements.in: unknown value "{{spakr}}"')
    with pytest.raises(MatrixError) as raised:
        fill("pandas=={spark", {"spark": "9.0"}, tmp_path / "requirements.in")
    assert str(raised.value).startswith(f'{tmp_path}/requirements.in: "pandas=={{spark" is not a valid template')


def test_line_without_a_version_that_a_feature_template_needs_is_an_error(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'\[features\.lake\] title: unknown value "{lake}"'):
        tree.toml('versions = { lake = "1.0" }', "").matrix()


@pytest.mark.parametrize("key", ["usage", "note"])
def test_feature_template_must_work_on_every_line(full: Tree, key: str) -> None:
    """A value that only one line gives is an error, because the template applies to all lines."""
    full.toml('usage = "Name a lake for {spark}."', f'{key} = "{{extra}}"')
    full.toml('{ lake = "1.0" }', '{ lake = "1.0", extra = "x" }')
    with pytest.raises(MatrixError, match=rf'\[features\.lake\] {key}: unknown value "{{extra}}"'):
        full.matrix()
    full.toml('{ lake = "1.1" }', '{ lake = "1.1", extra = "y" }').matrix()


@pytest.mark.parametrize(
    ("variable", "given", "setting", "expected"),
    [
        ("SPARK_IMAGES_REGISTRY", "registry.example/team/", "registry", "registry.example/team/"),
        ("SPARK_IMAGES_OS_IMAGE", "bookworm=debian@sha256:1", "os_image", "bookworm=debian@sha256:1"),
        ("SPARK_IMAGES_MIN_FREE_DISK_GB", "3", "min_free_disk_gb", 3),
        ("SPARK_IMAGES_SOURCE", "", "source", ""),
        ("SPARK_IMAGES_CLASS_ARCHIVE", "false", "class_archive", False),
        ("SPARK_IMAGES_CLASS_ARCHIVE", "true", "class_archive", True),
    ],
)
def test_environment_overrides_the_file(tree: Tree, variable: str, given: str, setting: str, expected: object) -> None:
    assert getattr(tree.matrix({variable: given}).settings, setting) == expected


def test_unknown_setting_in_the_environment_is_an_error(tree: Tree) -> None:
    with pytest.raises(UsageError, match=r'unknown setting "SPARK_IMAGES_TAGG".*\(did you mean "SPARK_IMAGES_TAG"\?\)'):
        tree.matrix({"SPARK_IMAGES_TAGG": "x"})


@pytest.mark.parametrize("given", ["no", "0", "False", ""])
def test_switch_in_the_environment_must_be_true_or_false(tree: Tree, given: str) -> None:
    with pytest.raises(UsageError) as raised:
        tree.matrix({"SPARK_IMAGES_CLASS_ARCHIVE": given})
    assert str(raised.value) == f'SPARK_IMAGES_CLASS_ARCHIVE is "{given}": expected true or false'


def test_layer_with_an_unpacked_budget_must_exist(tree: Tree) -> None:
    tree.toml("budget-mb = { app = 100 }", "budget-mb = { app = 100 }\nunpacked-layer-mb = { coer = 60 }")
    with pytest.raises(MatrixError, match=r'\[lines\."9"\] unpacked-layer-mb: unknown layer "coer".*"core"'):
        tree.matrix()


@pytest.mark.parametrize("given", ["ten", "-1", "1.5", "²"])
def test_integer_setting_in_the_environment_must_be_a_whole_number(tree: Tree, given: str) -> None:
    with pytest.raises(UsageError) as raised:
        tree.matrix({"SPARK_IMAGES_MIN_FREE_DISK_GB": given})
    assert str(raised.value) == f'SPARK_IMAGES_MIN_FREE_DISK_GB is "{given}": expected a whole number'


def test_tag_adds_registry_prefix_and_tag(tree: Tree) -> None:
    matrix = tree.matrix({"SPARK_IMAGES_REGISTRY": "r.example/", "SPARK_IMAGES_TAG": "v1"})
    assert matrix.tag("app-9.0") == "r.example/spark-k8s-app-9.0:v1"


def test_layer_without_a_name_has_the_name_of_its_folder(tree: Tree) -> None:
    matrix = tree.matrix()
    values = matrix.cells[0].values
    assert matrix.layer_name("core", values) == "core-9.0"
    assert matrix.layer_name("conf", values) == "conf"
    assert matrix.layer_name("without-a-table", values) == "without-a-table"


def test_artefacts_have_their_values_filled_in(tree: Tree) -> None:
    assert [(layer, a.coordinate, a.licence, a.link) for layer, a in tree.matrix().all_artefacts()] == [
        ("core", "group:core:9.0", "MIT", "core"),
        ("core", "group:core:9.1", "MIT", "core"),
    ]


def test_feature_adds_its_labels(tree: Tree) -> None:
    baseline, lake, *_ = tree.matrix().cells
    assert "lake" not in baseline.labels
    assert lake.labels["lake"] == "{lake}"


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
def test_refusal_matches_on_all_fields_that_are_set(refusal: Refusal, matches: bool) -> None:
    assert refusal.matches("app", "9.0", "9", "lake", ["lake"]) is matches


def test_refusal_checks_each_of_two_equal_fields() -> None:
    assert not Refusal("no", image="lake", variant="lake").matches("app", "9.0", "9", "lake", [])


def test_first_refusal_gives_the_reason(tree: Tree) -> None:
    refusals = 'refusals = [{ spark = "9.0", feature = "lake", reason = "a" }, { feature = "lake", reason = "b" }]'
    matrix = tree.toml("[settings]", f"{refusals}\n[settings]").matrix()
    assert [cell.refusal for cell in matrix.cells] == ["", "a", "", "b"]
    assert [cell.key for cell in matrix.buildable] == ["9.0-baseline", "9.1-baseline"]


def test_refusal_of_a_feature_refuses_only_matching_cells(small: Project) -> None:
    refused = {cell.key: cell.refusal for cell in small.matrix.cells if cell.refusal}
    assert refused == dict.fromkeys(
        ("jupyter-9.0-gpu-lake", "jupyter-9.1-gpu-lake"), "the accelerator of line 9 reads no lake"
    )


def test_refusal_of_a_feature_applies_only_to_cells_with_it(full: Tree) -> None:
    full.toml(_REFUSAL, 'image = "jupyter"\n')
    refused = {cell.variant for cell in full.matrix().cells if cell.refusal}
    assert refused == {"gpu", "gpu-lake"}


def test_combining_features_give_a_variant(small: Project) -> None:
    assert small.matrix.variants == {
        "baseline": (),
        "gpu": ("gpu",),
        "lake": ("lake",),
        "gpu-lake": ("gpu", "lake"),
    }


def test_features_that_do_not_combine_give_no_variant(full: Tree) -> None:
    full.toml('combines-with = ["lake"]\n', "").toml(f"[[features.gpu.refusals]]\n{_REFUSAL}", _NO_REFUSAL)
    assert list(full.matrix().variants) == ["baseline", "gpu", "lake"]


_NO_REFUSAL = '[[features.gpu.refusals]]\nspark = "9.0"\n'


def test_cell_of_two_features_has_the_values_and_labels_of_both(small: Project) -> None:
    cell = next(cell for cell in small.matrix.cells if cell.key == "9.1-gpu-lake")
    assert cell.features == ("gpu", "lake")
    assert {name: cell.values[name] for name in ("rapids", "cuda", "lake", "suffix")} == {
        "rapids": "5.0",
        "cuda": "1.2",
        "lake": "1.0",
        "suffix": "-gpu-lake",
    }
    assert {"rapids", "lake"} <= cell.labels.keys()


def test_feature_has_the_versions_of_the_line(small: Project) -> None:
    versions = {cell.spark: cell.values["lake"] for cell in small.matrix.buildable if cell.variant == "lake"}
    assert versions == {"9.0": "1.0", "9.1": "1.0", "10.0": "1.1"}


def test_versions_of_a_line_override_those_of_the_feature(full: Tree) -> None:
    full.toml('versions = { rapids = "6.0" }', 'versions = { rapids = "6.0", cuda = "1.3" }')
    versions = {cell.line: cell.values["cuda"] for cell in full.matrix().buildable if cell.variant == "gpu"}
    assert versions == {"9": "1.2", "10": "1.3"}


def test_line_overrides_its_stack(full: Tree) -> None:
    full.toml('stack = "new"\n', 'stack = "old"\njava = "21"\n')
    cell = full.matrix().buildable[-1]
    assert (cell.values["debian"], cell.values["java"], cell.values["python"]) == ("bookworm", "21", "3.11")


def test_image_title_can_use_values_of_the_stack(full: Tree) -> None:
    full.toml('title = "Spark {spark}"', 'title = "Spark {spark} on Java {java}"')
    assert full.matrix().cells[0].values["title"] == "Spark 9.0 on Java 17"


@pytest.mark.parametrize(
    ("folder", "java"),
    [("conf", "17"), ("core", "21"), ("jdk", "21")],
    ids=["any-stack", "no Java in its name", "Java in its name"],
)
def test_layer_is_built_on_the_expected_stack(small: Project, folder: str, java: str) -> None:
    cell = next(cell for cell in small.matrix.cells if cell.key == "10.0-baseline")
    assert small.matrix.seen_by(folder, cell).values["java"] == java


def test_layer_of_any_stack_uses_the_first_stack_that_gives_its_name(full: Tree) -> None:
    """Two stacks with the same Python share one build. A stack with another Python has its own."""
    matrix = full.matrix()
    cells = {cell.key: cell for cell in matrix.cells}
    assert matrix.seen_by("deps", cells["10.0-baseline"]).values["java"] == "21"
    assert matrix.name_of("deps", cells["10.0-baseline"]) == "deps-3.13"
    matrix = full.toml('python = "3.13"', 'python = "3.11"').matrix()
    cells = {cell.key: cell for cell in matrix.cells}
    assert matrix.seen_by("deps", cells["10.0-baseline"]).values["java"] == "17"
    assert matrix.name_of("deps", cells["10.0-baseline"]) == "deps-3.11"


def test_layer_of_any_stack_changes_only_the_values_of_the_stack(small: Project) -> None:
    cell = next(cell for cell in small.matrix.cells if cell.key == "10.0-lake")
    seen = small.matrix.seen_by("lake-book", cell)
    assert (seen.key, seen.values["spark"], seen.values["lake"]) == ("10.0-lake", "10.0", "1.1")
    assert (seen.values["debian"], seen.values["python"]) == ("bookworm", "3.11")


def test_layer_of_a_feature_is_only_for_cells_with_it(small: Project) -> None:
    assert {cell.variant for cell in small.matrix.cells_with("lake-jars")} == {"lake", "gpu-lake"}
    assert small.matrix.cells_with("core") == list(small.matrix.buildable)


@pytest.mark.parametrize(("since", "sparks"), [("9", {"9.0", "9.1", "10.0"}), ("10", {"10.0"})])
def test_artefact_is_for_the_line_of_since_and_later_ones(full: Tree, since: str, sparks: set[str]) -> None:
    matrix = full.toml('licence = "MIT", line = "9"', f'licence = "MIT", since = "{since}"').matrix()
    artefacts = [(cell.spark, a) for cell in matrix.buildable for a in matrix.artefacts("distribution", cell)]
    assert {spark for spark, artefact in artefacts if ":connect_" in artefact.coordinate} == sparks


def test_artefact_with_a_line_is_only_for_that_line(small: Project) -> None:
    found = {
        cell.spark: [a.coordinate for a in small.matrix.artefacts("distribution", cell)]
        for cell in small.matrix.buildable
        if cell.variant == "baseline"
    }
    assert found == {
        "9.0": ["spark==9.0", "org.apache.spark:connect_2.13:9.0"],
        "9.1": ["spark==9.1", "org.apache.spark:connect_2.13:9.0"],
        "10.0": ["spark==10.0"],
    }


def test_notes_of_a_cell_are_those_of_its_features(full: Tree) -> None:
    full.toml('usage = "Name a lake for {spark}."', 'note = "reads {lake}"')
    matrix = full.matrix()
    notes = {cell.key: matrix.notes(cell) for cell in matrix.buildable}
    assert notes["9.0-baseline"] == []
    assert notes["10.0-gpu-lake"] == ["native: RAPIDS 6.0 has a shim for Spark 10.0", "reads 1.1"]


def aliases(matrix: Matrix, *keys: str) -> dict[str, list[str]]:
    cells = {cell.key: cell for cell in matrix.buildable}
    return {key: [alias.removeprefix("k8s-") for alias in matrix.aliases_of(cells[key])] for key in keys}


def test_aliases_contain_the_values_of_the_cell(small: Project) -> None:
    assert aliases(small.matrix, "9.0-lake", "jupyter-10.0-gpu-lake") == {
        "9.0-lake": ["spark:9.0-scala2.13-debian12-lake"],
        "jupyter-10.0-gpu-lake": [
            "jupyter:10.0-scala3-debian13-gpu-lake",
            "jupyter:10-gpu-lake",
            "jupyter:10-java21-gpu-lake",
        ],
    }


def test_only_the_newest_spark_of_a_line_has_the_alias_of_the_line(full: Tree) -> None:
    """9.10 is newer than 9.9, and the order in the file does not matter."""
    full.toml('[spark."9.1"]', '[spark."9.10"]\nline = "9"\nreleased = 2026-01-02\n\n[spark."9.9"]')
    full.toml('native = ["9.0"]\nbridges."9.1"', 'native = ["9.0", "9.9"]\nbridges."9.10"')
    matrix = full.matrix()
    holders = [cell.key for cell in matrix.buildable if "k8s-spark:9" in matrix.aliases_of(cell)]
    assert holders == ["9.10-baseline"]
    assert aliases(matrix, "9.9-baseline") == {"9.9-baseline": ["spark:9.9-scala2.13-debian12"]}


def test_refused_newest_cell_leaves_the_alias_of_the_line_to_the_newest_buildable_one(full: Tree) -> None:
    refusal = '{ image = "spark", spark = "9.1", feature = "lake", reason = "no" }'
    full.toml("[settings]", f"refusals = [{refusal}]\n[settings]")
    assert aliases(full.matrix(), "9.0-lake", "jupyter-9.0-lake", "9.0-baseline", "9.1-baseline") == {
        "9.0-lake": ["spark:9.0-scala2.13-debian12-lake", "spark:9-lake", "spark:9-java17-lake"],
        "jupyter-9.0-lake": ["jupyter:9.0-scala2.13-debian12-lake"],
        "9.0-baseline": ["spark:9.0-scala2.13-debian12"],
        "9.1-baseline": ["spark:9.1-scala2.13-debian12", "spark:9", "spark:9-java17"],
    }


def test_registry_precedes_an_alias_and_the_tag_setting_does_not_change_it(full: Tree) -> None:
    matrix = full.matrix({"SPARK_IMAGES_REGISTRY": "r.example:5000/team", "SPARK_IMAGES_TAG": "v1"})
    assert matrix.aliases_of(matrix.buildable[0]) == ("r.example:5000/team/k8s-spark:9.0-scala2.13-debian12",)


def test_alias_that_two_templates_give_one_cell_is_set_once(full: Tree) -> None:
    full.toml('"k8s-{image}:{line}-java{java}{suffix}"', '"k8s-{image}:{line}{suffix}"')
    assert aliases(full.matrix(), "10.0-baseline") == {
        "10.0-baseline": ["spark:10.0-scala3-debian13", "spark:10"],
    }


def test_matrix_without_aliases_has_none(tree: Tree) -> None:
    matrix = tree.matrix()
    assert {matrix.aliases_of(cell) for cell in matrix.buildable} == {()}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "k8s-{image}:{spark}-scala{scala}-debian{debian_number}{suffix}",
            "k8s-{image}:{spark}",
            'every-cell[0]: two cells have the reference "k8s-spark:9.0": 9.0-baseline and 9.0-gpu: '
            "add {suffix} to the template",
        ),
        (
            "k8s-{image}:{spark}-scala{scala}-debian{debian_number}{suffix}",
            "k8s-{image}:{line}{suffix}-x",
            'every-cell[0]: two cells have the reference "k8s-spark:9-x": 9.0-baseline and 9.1-baseline: '
            "add {spark} to the template",
        ),
        (
            "k8s-{image}:{line}-java{java}{suffix}",
            "k8s-{image}:new{suffix}",
            'newest-of-line[1]: two cells have the reference "k8s-spark:new": 9.1-baseline and 10.0-baseline: '
            "add {line} to the template",
        ),
        (
            "k8s-{image}:{line}-java{java}{suffix}",
            "k8s:{line}{suffix}",
            'newest-of-line[1]: two cells have the reference "k8s:9": 9.1-baseline and jupyter-9.1-baseline: '
            "add {image} to the template",
        ),
        (
            "k8s-{image}:{line}-java{java}{suffix}",
            "spark-k8s-{image}-{line}.0{suffix}:latest",
            'newest-of-line[1]: two cells have the reference "spark-k8s-spark-9.0:latest": 9.0-baseline and '
            "9.1-baseline: add {spark} to the template",
        ),
    ],
    ids=["variants", "Spark versions", "lines", "kinds", "the name of another image"],
)
def test_two_cells_with_one_alias_are_an_error(full: Tree, old: str, new: str, message: str) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml(old, new).matrix()
    assert str(raised.value) == f"images.toml: [aliases] {message}"


@pytest.mark.parametrize(
    ("template", "alias", "near"),
    [
        ("K8s-{image}:{spark}{suffix}", "K8s-spark:9.0", "k8s-spark:9.0"),
        ("k8s-{image}:{spark}+java {java}{suffix}", "k8s-spark:9.0+java 17", "k8s-spark:9.0-java17"),
        ("k8s/{image}-{spark}{suffix}", "k8s/spark-9.0", "k8s/spark-9.0:latest"),
        ("//k8s_{image}_:-{spark}{suffix}", "//k8s_spark_:-9.0", "k8s_spark:9.0"),
        ("k8s {image}:a:{spark}{suffix}", "k8s spark:a:9.0", "k8sspark:a-9.0"),
    ],
)
def test_alias_that_is_no_reference_is_an_error(full: Tree, template: str, alias: str, near: str) -> None:
    full.toml("k8s-{image}:{spark}-scala{scala}-debian{debian_number}{suffix}", template)
    with pytest.raises(MatrixError) as raised:
        full.matrix()
    assert str(raised.value) == (
        f'images.toml: [aliases] every-cell[0]: the alias of 9.0-baseline is "{alias}": expected a repository in lower '
        'case, a colon, and a tag of at most 128 letters, digits, "_", "." and "-", for example "spark:4.1" '
        f'(did you mean "{near}"?)'
    )


@pytest.mark.parametrize("template", ["", ":", "k8s:", ":{spark}", "k8s:{spark}@sha256:0f", "k8s:" + "t" * 129])
def test_alias_without_a_repository_or_a_valid_tag_is_an_error(full: Tree, template: str) -> None:
    full.toml("k8s-{image}:{spark}-scala{scala}-debian{debian_number}{suffix}", template)
    with pytest.raises(
        MatrixError, match=r"^images\.toml: \[aliases\] every-cell\[0\]: the alias of 9\.0-baseline is "
    ):
        full.matrix()


def test_alias_with_an_unknown_value_is_an_error(full: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml("{debian_number}", "{debian-number}").matrix()
    assert str(raised.value).startswith(
        'images.toml: [aliases] every-cell[0]: the alias of 9.0-baseline: unknown value "{debian-number}"; '
        "expected one of "
    )
    assert str(raised.value).endswith('(did you mean "debian_number"?)')


def test_the_alias_that_never_moves_has_the_values_of_the_image(small: Project) -> None:
    cell = next(cell for cell in small.matrix.buildable if cell.key == "9.0-lake")
    values = {"day": "20261127", "content": "0123456789ab"}
    assert small.matrix.immutable_tag(cell, values) == "k8s-spark:9.0-lake-20261127-0123456789ab"


@pytest.mark.parametrize("template", ["k8s-{image}:{spark}{suffix}-{days}", "k8s-{image}:{spark}{suffix}-{commit}"])
def test_the_alias_that_never_moves_with_an_unknown_value_is_an_error(full: Tree, template: str) -> None:
    full.toml("k8s-{image}:{spark}{suffix}-{day}-{content}", template)
    with pytest.raises(MatrixError, match=r"^images\.toml: \[aliases\] immutable: the alias of .*: unknown value"):
        full.matrix()


def test_an_alias_in_another_repository_than_the_signature_is_an_error(full: Tree) -> None:
    full.toml("k8s-{image}:{line}{suffix}", "other-{image}:{line}{suffix}")
    with pytest.raises(MatrixError) as raised:
        full.matrix()
    assert str(raised.value) == (
        'images.toml: [aliases] newest-of-line[0]: the alias of 9.1-baseline is "other-spark:9", but [aliases] '
        'immutable puts this image into the repository "k8s-spark", which has its signature: use the same one'
    )


def test_unknown_list_of_aliases_is_an_error(full: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml("newest-of-line", "newest-of-lines").matrix()
    assert str(raised.value) == ('images.toml: [aliases] newest-of-lines: unknown key (did you mean "newest-of-line"?)')


@pytest.mark.parametrize(
    ("override", "missing"), [('debian = "trixie"', "debian-number"), ('debian-number = "13"', "debian")]
)
def test_line_overrides_debian_and_its_number_together(tree: Tree, override: str, missing: str) -> None:
    tree.toml('stack = "old"\n', f'stack = "old"\n{override}\n')
    with pytest.raises(MatrixError) as raised:
        tree.matrix()
    assert str(raised.value) == f'images.toml: [lines."9"] {missing}: set debian and debian-number together'


def test_line_can_override_debian(tree: Tree) -> None:
    tree.toml('stack = "old"\n', 'stack = "old"\ndebian = "trixie"\ndebian-number = "13"\n')
    values = tree.matrix().cells[0].values
    assert (values["debian"], values["debian_number"], values["java"]) == ("trixie", "13", "17")


LINE = 'hadoop = "3.4"\n'
LAKE = 'versions = { lake = "1.0" }\n'


def test_versions_of_a_line_are_values_of_its_cells(tree: Tree) -> None:
    tree.toml(LINE, f'{LINE}versions = {{ aws-sdk = "2.1" }}\n')
    tree.toml("group:core:{spark}", "group:core:{aws_sdk}")
    assert {a.coordinate for _, a in tree.matrix().all_artefacts()} == {"group:core:2.1"}


@pytest.mark.parametrize(
    ("of_line", "needed", "message"),
    [
        ("2.1", '"1.0" = { aws-sdk = "2.1" }', ""),
        (
            "2.2",
            '"1.0" = { aws-sdk = "2.1" }',
            'images.toml: [lines."9"] versions: aws-sdk is "2.2", but lake 1.0 needs "2.1": set it to that, or correct '
            'line-versions of [features.lake.lines."9"]',
        ),
        (
            "2.1",
            '"0.9" = { aws-sdk = "2.1" }',
            'images.toml: [features.lake.lines."9"] line-versions: there is no entry for lake 1.0: add the versions '
            "that the line must have with it, as for 0.9",
        ),
        (
            "2.1",
            '"1.0" = { aws-skd = "2.1" }',
            'images.toml: [features.lake.lines."9"] line-versions."1.0": unknown version of the line "aws-skd"',
        ),
    ],
)
def test_line_has_the_versions_that_a_feature_needs(tree: Tree, of_line: str, needed: str, message: str) -> None:
    tree.toml(LINE, f'{LINE}versions = {{ aws-sdk = "{of_line}" }}\n')
    tree.toml(LAKE, f"{LAKE}line-versions = {{ {needed} }}\n")
    if not message:
        assert tree.matrix().buildable
        return
    with pytest.raises(MatrixError) as raised:
        tree.matrix()
    assert message in str(raised.value)


SERVER = """
[servers.broker]
versions = { broker-server = "5" }
artefacts = [{ coordinate = "group:broker:{broker_server}", licence = "MIT" }]

[features.lake]
"""


def test_server_has_artefacts_of_its_own(tree: Tree) -> None:
    matrix = tree.toml("\n[features.lake]\n", SERVER).matrix()
    assert [a.coordinate for layer, a in matrix.all_artefacts(servers=True) if layer == "broker"] == ["group:broker:5"]
    assert "broker" not in {layer for layer, _ in matrix.all_artefacts()}
    assert matrix.place_of("broker") == "[servers.broker]"
