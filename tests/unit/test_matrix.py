import pytest

from spark_images.errors import MatrixError, UsageError
from spark_images.matrix.tables import Refusal
from spark_images.matrix.templates import fill
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
        pytest.param(
            'versions = { lake = "1.0" }',
            'versoins = { lake = "1.0" }',
            '[features.lake.lines."9"] versoins',
            'the nearest is "versions"',
            id="line of a feature",
        ),
        pytest.param(
            'name = "lake-jars-{line}"',
            'nmae = "lake-jars"',
            "[features.lake.layers.lake-jars] nmae",
            'the nearest is "name"',
            id="layer of a feature",
        ),
        pytest.param('java = "17"', 'jaba = "17"', "[stacks.old] jaba", 'the nearest is "java"', id="stack"),
        pytest.param('stack = "old"', 'stcak = "old"', '[lines."9"] stcak', 'the nearest is "stack"', id="line"),
        pytest.param('line = "9"', 'lien = "9"', '[spark."9.0"] lien', 'the nearest is "line"', id="spark"),
        pytest.param("layer-mb = 300", "layr-mb = 300", "[budgets] layr-mb", 'the nearest is "layer-mb"', id="budgets"),
    ],
)
def test_unknown_key(tree: Tree, old: str, new: str, place: str, what: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert f"images.toml: {place}: no such key; {what}" in str(raised.value).splitlines()


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
def test_an_unknown_key_deep_in_a_feature(full: Tree, old: str, new: str, place: str, near: str) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml(old, new).matrix()
    assert f'images.toml: {place}: no such key; the nearest is "{near}"' in str(raised.value).splitlines()


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
        ('title = "Lake {lake} for {scala}"\n', "[features.lake] title"),
        ('scala = "2.13"\n', '[lines."9"] scala'),
        ('debian = "bookworm"\n', "[stacks.old] debian"),
        ("registry-ratio = 0.5\n", "[budgets] registry-ratio"),
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
        ('debian = "bookworm"', "debian = 12", "[stacks.old] debian"),
        ('lake = "1.0"', "lake = 1.0", '[features.lake.lines."9".versions] lake'),
        ("size-mb = 20", 'size-mb = "20"', "[features.lake] size-mb"),
        ("lake-jars = 500", 'lake-jars = "500"', "[features.lake.layer-mb] lake-jars"),
        ("app = 100", 'app = "100"', '[lines."9".budget-mb] app'),
        ("[layers.conf]\nany-stack = true", '[layers.conf]\nany-stack = "yes"', "[layers.conf] any-stack"),
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
    (tree.root / "images.toml").write_text('settings = "x"\n' + text[text.index("[stacks.old]") :])
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
        tree.toml("[settings]", "[settings").matrix()


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


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'stack = "old"',
            'stack = "odl"',
            '[lines."9"] stack: there is no stack "odl": there is old; the nearest is "old"',
        ),
        (
            'stack = "old"',
            'stack = "old"\nplatform = "linux/amd46"',
            '[lines."9"] platform: there is no platform "linux/amd46": '
            'there is linux/amd64; the nearest is "linux/amd64"',
        ),
        (
            "budget-mb = { app = 100 }",
            "budget-mb = { app = 100, ap = 1 }",
            '[lines."9"] budget-mb: there is no image "ap": there is app; the nearest is "app"',
        ),
        (
            "size-mb = 20",
            'combines-with = ["lakes"]',
            '[features.lake] combines-with: there is no feature "lakes": there is lake; the nearest is "lake"',
        ),
        (
            "lake-jars = 500",
            "lake-jar = 500",
            '[features.lake] layer-mb: there is no layer "lake-jar": there is lake-jars; the nearest is "lake-jars"',
        ),
        (
            '[features.lake.lines."9"]',
            '[features.lake.lines."90"]',
            '[features.lake] lines: there is no line "90": there is 9; the nearest is "9"',
        ),
        (
            'versions = { lake = "1.0" }',
            'versions = { lake = "1.0" }\nlayer-mb = { jars = 1 }',
            '[features.lake.lines."9"] layer-mb: there is no layer "jars": '
            'there is lake-jars; the nearest is "lake-jars"',
        ),
        (
            'name = "core-{spark}"',
            'name = "core-{spark}"\nextends = ["lake-jar"]',
            '[layers.core] extends: there is no layer "lake-jar": there is '
            'rootfs, os, tools, jdk, sealer, conf, core, lake-jars; the nearest is "lake-jars"',
        ),
        (
            'name = "lake-jars-{line}"',
            'name = "lake-jars-{line}"\nextends = ["cor"]',
            '[features.lake.layers.lake-jars] extends: there is no layer "cor": there is '
            'rootfs, os, tools, jdk, sealer, conf, core, lake-jars; the nearest is "core"',
        ),
    ],
)
def test_a_name_that_nothing_defines(tree: Tree, old: str, new: str, message: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert str(raised.value) == f"images.toml: {message}"


def test_an_artefact_of_a_feature_that_names_an_unknown_line(full: Tree) -> None:
    lake = '"group:lake_{scala}:{lake}", licence = "MIT"'
    with pytest.raises(MatrixError) as raised:
        full.toml(lake, f'{lake}, line = "11"').matrix()
    assert str(raised.value).startswith(
        'images.toml: [features.lake.layers.lake-jars] artefacts[0].line: there is no line "11": there is 9, 10'
    )


def test_a_layer_with_two_tables(tree: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(
            "[features.lake.layers.lake-jars]", "[features.lake.layers.core]\n\n[features.lake.layers.lake-jars]"
        ).matrix()
    assert str(raised.value) == "images.toml: [features.lake.layers.core]: the layer has another table, [layers.core]"


def test_a_layer_of_two_features(full: Tree) -> None:
    with pytest.raises(MatrixError) as raised:
        full.toml("[features.lake.layers.lake-book]", "[features.lake.layers.gpu-jars]").matrix()
    assert str(raised.value) == (
        "images.toml: [features.lake.layers.gpu-jars]: the layer has another table, [features.gpu.layers.gpu-jars]"
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
    ("field", "value", "message"),
    [
        ("image", "jupiter", 'image: there is no image "jupiter": there is spark, jupyter; the nearest is "jupyter"'),
        ("line", "19", 'line: there is no line "19": there is 9, 10; the nearest is "9"'),
        ("variant", "lake-gpu", 'variant: there is no variant "lake-gpu": there is baseline, gpu, lake, gpu-lake'),
    ],
)
def test_a_refusal_of_a_feature_that_names_what_does_not_exist(
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
        ('labels = { "lake" = "{lake}"', 'labels = { "lake" = "{spakr}"', "[labels] lake"),
        ('title = "Lake {lake}', 'title = "Lake {spakr}', "[features.lake] title"),
        ("size-mb = 20", 'note = "for {spakr}"', "[features.lake] note"),
        ("size-mb = 20", 'usage = "run {spakr}"', "[features.lake] usage"),
        ('name = "lake-jars-{line}"', 'name = "lake-jars-{spakr}"', "[layers.lake-jars] name"),
        ('name = "core-{spark}"', 'name = "core-{spakr}"', "[layers.core] name"),
        ("group:core:{spark}", "group:core:{spakr}", "[layers.core] artefacts[0].coordinate"),
    ],
)
def test_template_with_an_unknown_value(tree: Tree, old: str, new: str, place: str) -> None:
    with pytest.raises(MatrixError) as raised:
        tree.toml(old, new).matrix()
    assert str(raised.value).startswith(f'images.toml: {place}: there is no value "{{spakr}}": there is ')
    assert str(raised.value).endswith('the nearest is "spark"')


@pytest.mark.parametrize("template", ["{spark", "spark}", "{spark!x}", "{spark:d}"])
def test_malformed_template(template: str) -> None:
    with pytest.raises(MatrixError, match="somewhere"):
        fill(template, {"spark": "9.0"}, "somewhere")


def test_a_line_without_a_version_that_a_template_of_the_feature_needs(tree: Tree) -> None:
    with pytest.raises(MatrixError, match=r'\[features\.lake\] title: there is no value "{lake}"'):
        tree.toml('versions = { lake = "1.0" }', "").matrix()


@pytest.mark.parametrize("key", ["usage", "note"])
def test_a_template_of_a_feature_takes_the_versions_of_each_line(full: Tree, key: str) -> None:
    """A value that only one line gives is a mistake, since the template is for all of them."""
    full.toml('usage = "Name a lake for {spark}."', f'{key} = "{{extra}}"')
    full.toml('{ lake = "1.0" }', '{ lake = "1.0", extra = "x" }')
    with pytest.raises(MatrixError, match=rf'\[features\.lake\] {key}: there is no value "{{extra}}"'):
        full.matrix()
    full.toml('{ lake = "1.1" }', '{ lake = "1.1", extra = "y" }').matrix()


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
    assert matrix.layer_name("conf", values) == "conf"
    assert matrix.layer_name("without-a-table", values) == "without-a-table"


def test_artefacts_are_filled_in_and_listed_once(tree: Tree) -> None:
    assert [(layer, a.coordinate, a.licence, a.link) for layer, a in tree.matrix().all_artefacts()] == [
        ("core", "group:core:9.0", "MIT", "core"),
        ("core", "group:core:9.1", "MIT", "core"),
    ]


def test_a_feature_adds_its_labels(tree: Tree) -> None:
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
def test_a_refusal_matches_on_every_field_that_is_set(refusal: Refusal, matches: bool) -> None:
    assert refusal.matches("app", "9.0", "9", "lake", ["lake"]) is matches


def test_a_refusal_whose_fields_are_equal_checks_each() -> None:
    assert not Refusal("no", image="lake", variant="lake").matches("app", "9.0", "9", "lake", [])


def test_the_first_refusal_gives_the_reason(tree: Tree) -> None:
    refusals = 'refusals = [{ spark = "9.0", feature = "lake", reason = "a" }, { feature = "lake", reason = "b" }]'
    matrix = tree.toml("[settings]", f"{refusals}\n[settings]").matrix()
    assert [cell.refusal for cell in matrix.cells] == ["", "a", "", "b"]
    assert [cell.key for cell in matrix.buildable] == ["9.0-baseline", "9.1-baseline"]


def test_a_refusal_of_a_feature_says_nothing_of_other_cells(small: Project) -> None:
    refused = {cell.key: cell.refusal for cell in small.matrix.cells if cell.refusal}
    assert refused == dict.fromkeys(
        ("jupyter-9.0-gpu-lake", "jupyter-9.1-gpu-lake"), "the accelerator of line 9 reads no lake"
    )


def test_a_refusal_in_a_feature_is_of_cells_with_that_feature_only(full: Tree) -> None:
    full.toml(_REFUSAL, 'image = "jupyter"\n')
    refused = {cell.variant for cell in full.matrix().cells if cell.refusal}
    assert refused == {"gpu", "gpu-lake"}


def test_each_pair_of_features_that_combine_is_a_variant(small: Project) -> None:
    assert small.matrix.variants == {
        "baseline": (),
        "gpu": ("gpu",),
        "lake": ("lake",),
        "gpu-lake": ("gpu", "lake"),
    }


def test_features_that_do_not_combine_have_no_variant(full: Tree) -> None:
    full.toml('combines-with = ["lake"]\n', "").toml(f"[[features.gpu.refusals]]\n{_REFUSAL}", _NO_REFUSAL)
    assert list(full.matrix().variants) == ["baseline", "gpu", "lake"]


_NO_REFUSAL = '[[features.gpu.refusals]]\nspark = "9.0"\n'


def test_the_cell_of_a_pair_has_the_values_and_labels_of_both(small: Project) -> None:
    cell = next(cell for cell in small.matrix.cells if cell.key == "9.1-gpu-lake")
    assert cell.features == ("gpu", "lake")
    assert {name: cell.values[name] for name in ("rapids", "cuda", "lake", "suffix")} == {
        "rapids": "5.0",
        "cuda": "1.2",
        "lake": "1.0",
        "suffix": "-gpu-lake",
    }
    assert {"rapids", "lake"} <= cell.labels.keys()


def test_the_versions_of_a_feature_are_those_of_the_line(small: Project) -> None:
    versions = {cell.spark: cell.values["lake"] for cell in small.matrix.buildable if cell.variant == "lake"}
    assert versions == {"9.0": "1.0", "9.1": "1.0", "10.0": "1.1"}


def test_the_versions_of_a_line_win_over_those_of_the_feature(full: Tree) -> None:
    full.toml('versions = { rapids = "6.0" }', 'versions = { rapids = "6.0", cuda = "1.3" }')
    versions = {cell.line: cell.values["cuda"] for cell in full.matrix().buildable if cell.variant == "gpu"}
    assert versions == {"9": "1.2", "10": "1.3"}


def test_a_line_wins_over_its_stack(full: Tree) -> None:
    full.toml('stack = "new"\n', 'stack = "old"\njava = "21"\n')
    cell = full.matrix().buildable[-1]
    assert (cell.values["debian"], cell.values["java"], cell.values["python"]) == ("bookworm", "21", "3.11")


def test_the_title_of_an_image_may_name_what_is_in_it(full: Tree) -> None:
    full.toml('title = "Spark {spark}"', 'title = "Spark {spark} on Java {java}"')
    assert full.matrix().cells[0].values["title"] == "Spark 9.0 on Java 17"


@pytest.mark.parametrize(
    ("folder", "java"),
    [("conf", "17"), ("core", "21"), ("jdk", "21")],
    ids=["of the first stack", "of its own", "named by what it varies with"],
)
def test_the_stack_that_a_layer_is_built_on(small: Project, folder: str, java: str) -> None:
    cell = next(cell for cell in small.matrix.cells if cell.key == "10.0-baseline")
    assert small.matrix.seen_by(folder, cell).values["java"] == java


def test_a_layer_of_any_stack_takes_the_first_that_gives_its_name(full: Tree) -> None:
    """Two stacks with one Python build the packages once, and another Python builds its own."""
    matrix = full.matrix()
    cells = {cell.key: cell for cell in matrix.cells}
    assert matrix.seen_by("deps", cells["10.0-baseline"]).values["java"] == "21"
    assert matrix.name_of("deps", cells["10.0-baseline"]) == "deps-3.13"
    matrix = full.toml('python = "3.13"', 'python = "3.11"').matrix()
    cells = {cell.key: cell for cell in matrix.cells}
    assert matrix.seen_by("deps", cells["10.0-baseline"]).values["java"] == "17"
    assert matrix.name_of("deps", cells["10.0-baseline"]) == "deps-3.11"


def test_what_a_layer_sees_of_another_stack_is_the_stack_alone(small: Project) -> None:
    cell = next(cell for cell in small.matrix.cells if cell.key == "10.0-lake")
    seen = small.matrix.seen_by("lake-book", cell)
    assert (seen.key, seen.values["spark"], seen.values["lake"]) == ("10.0-lake", "10.0", "1.1")
    assert (seen.values["debian"], seen.values["python"]) == ("bookworm", "3.11")


def test_the_layer_of_a_feature_is_for_its_cells(small: Project) -> None:
    assert {cell.variant for cell in small.matrix.cells_with("lake-jars")} == {"lake", "gpu-lake"}
    assert small.matrix.cells_with("core") == list(small.matrix.buildable)


def test_an_artefact_of_one_line_is_not_of_another(small: Project) -> None:
    found = {
        cell.spark: [a.coordinate for a in small.matrix.artefacts("distribution", cell)]
        for cell in small.matrix.buildable
        if cell.variant == "baseline"
    }
    assert found == {
        "9.0": ["spark==9.0", "group:connect_2.13:9.0"],
        "9.1": ["spark==9.1", "group:connect_2.13:9.0"],
        "10.0": ["spark==10.0"],
    }


def test_the_notes_of_a_cell_are_those_of_its_features(full: Tree) -> None:
    full.toml('usage = "Name a lake for {spark}."', 'note = "reads {lake}"')
    matrix = full.matrix()
    notes = {cell.key: matrix.notes(cell) for cell in matrix.buildable}
    assert notes["9.0-baseline"] == []
    assert notes["10.0-gpu-lake"] == ["native: RAPIDS 6.0 has a shim for Spark 10.0", "reads 1.1"]
