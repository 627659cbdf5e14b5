"""Tests of the real images.toml, Dockerfiles and locks. No other unit test depends on their content.

The lines, their variants and the budgets are literal, because the project promises them. Every Spark version of a line
has all of its variants. Everything else is read from the matrix.
"""

import re
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from benchmarks import references
from benchmarks.references import REFERENCES
from spark_images import ROOT
from spark_images.engine import build
from spark_images.errors import MatrixError
from spark_images.locks import check
from spark_images.matrix import file
from spark_images.matrix.model import Cell
from spark_images.matrix.tables import Layer
from spark_images.matrix.templates import fill
from spark_images.plan import bake
from spark_images.plan import graph as graphs
from spark_images.plan.bake import Output, Stamp
from spark_images.plan.graph import PREDEFINED, Graph
from spark_images.plan.project import Project
from spark_images.recipes import locks
from spark_images.recipes.dockerfiles import SERVERS
from spark_images.reports import drawing, measure
from spark_images.sbom.locked import downloads
from spark_images.versions import add

VARIANTS = ("baseline", "gpu", "iceberg", "delta", "comet", "gpu-iceberg", "delta-iceberg", "comet-iceberg")
NOT_FOR_NEW_LINES = {"gpu", "iceberg", "gpu-iceberg", "delta-iceberg", "comet", "comet-iceberg"}
MISSING = {
    ("3.5", "jupyter"): {"gpu-iceberg"},
    **{("4.2", kind): NOT_FOR_NEW_LINES for kind in ("spark", "jupyter")},
    **{("4.3", kind): NOT_FOR_NEW_LINES | {"delta"} for kind in ("spark", "jupyter")},
}
"""The variants that every Spark version has, and those that the images of a line and kind lack."""

DOCKERFILES = sorted((ROOT / "docker").glob("*/*/Dockerfile"))


@pytest.fixture(scope="session")
def whole(project: Project) -> Graph:
    return project.graph(project.matrix.buildable)


@pytest.fixture(scope="session")
def definition(project: Project, whole: Graph) -> Any:
    requested = whole.of_levels(("runtime",))
    return bake.definition(project.matrix, whole, requested, Stamp("r", 7), Output("type=image"), "rootfs/{}".format)


def built(project: Project, image: str, feature: str = "") -> list[Cell]:
    """Returns the buildable cells of a kind. If `feature` is set, returns only cells with that feature."""
    cells = [cell for cell in project.matrix.buildable if cell.image == image]
    return [cell for cell in cells if not feature or feature in cell.features]


# Cells.


def test_every_spark_version_has_the_promised_cells(project: Project) -> None:
    expected = [
        (f"{prefix}{spark}-{variant}", f"{image}-{spark}{'' if variant == 'baseline' else f'-{variant}'}")
        for image, prefix in (("spark", ""), ("jupyter", "jupyter-"))
        for spark, table in project.matrix.spark.items()
        for variant in VARIANTS
        if variant not in MISSING.get((table.line, image), ())
    ]
    assert [(cell.key, cell.name) for cell in project.matrix.buildable] == expected


def test_every_promised_line_has_a_spark_version(project: Project) -> None:
    lines = {table.line for table in project.matrix.spark.values()}
    assert set(project.matrix.lines) == lines == {"3.5", "4.1", "4.2", "4.3"}


def test_refused_cells_have_the_expected_reasons(project: Project) -> None:
    """Each refused cell has a reason that says what does not work."""
    rules = [rule for feature in project.matrix.features.values() for rule in feature.refusals]
    (rule,) = (rule for rule in rules if rule.image)
    refused = {cell.key: cell.refusal for cell in project.matrix.cells if cell.refusal}
    sparks = [spark for spark, table in project.matrix.spark.items() if table.line == rule.line]
    assert {key for key, why in refused.items() if why == rule.reason} == {f"jupyter-{s}-gpu-iceberg" for s in sparks}
    assert set(refused.values()) == {rule.reason for rule in rules}
    assert "RAPIDS" in rule.reason
    assert "does not read Iceberg" in rule.reason


def test_rapids_level_follows_from_the_shims(project: Project) -> None:
    for cell in built(project, "spark", "gpu"):
        shims = project.matrix.features["gpu"].lines[cell.line].shims
        assert shims
        native = cell.spark in shims.native
        assert cell.values["rapids_level"] == ("native" if native else "bridged")
        assert (cell.values["rapids_override"] == "") == native
        assert native or shims.bridges[cell.spark].shim in shims.native
        assert project.matrix.notes(cell) == [cell.values["rapids_support"]]


def test_bridged_version_says_when_it_will_be_native(project: Project) -> None:
    words = [cell.values["rapids_support"] for cell in built(project, "spark", "gpu")]
    assert words
    assert [w for w in words if not re.match(r"native: |bridged: .*; (native from RAPIDS|no release)", w)] == []


def test_known_version_conflict_is_an_error(project: Project, tmp_path: Path) -> None:
    """The conflict is Iceberg 1.12 with RAPIDS 26.08."""
    (conflict,) = project.matrix.features["gpu"].conflicts
    (line,) = [
        line
        for line, table in project.matrix.features["gpu"].lines.items()
        if f"{table.versions['rapids']}.".startswith(f"{conflict.when['rapids']}.")
    ]
    table = f'[features.iceberg.lines."{line}"]\nversions = {{ iceberg = '
    text = (ROOT / "images.toml").read_text()
    changed = re.sub(rf'({re.escape(table)})"[^"]+"', rf'\g<1>"{conflict.when["iceberg"]}.0"', text)
    assert changed != text
    (tmp_path / "images.toml").write_text(changed)
    with pytest.raises(
        MatrixError, match=rf"-gpu-iceberg does not work with rapids .*, iceberg .*{conflict.reason[:20]}"
    ):
        file.load(tmp_path / "images.toml")


def test_aws_sdk_that_iceberg_does_not_have_is_an_error(tmp_path: Path) -> None:
    text = (ROOT / "images.toml").read_text()
    changed = re.sub(r'(aws-sdk = "2)[^"]*(", kafka)', r"\g<1>.0.0\g<2>", text)
    assert changed != text
    (tmp_path / "images.toml").write_text(changed)
    with pytest.raises(MatrixError, match=r'aws-sdk is "2.0.0", but iceberg [\d.]+ needs "2'):
        file.load(tmp_path / "images.toml")


def test_comet_with_rapids_is_an_error(tmp_path: Path) -> None:
    text = (ROOT / "images.toml").read_text()
    changed = re.sub(r'(title = "Comet .*\ncombines-with = \[)', r'\g<1>"gpu", ', text)
    assert changed != text
    (tmp_path / "images.toml").write_text(changed)
    with pytest.raises(MatrixError, match="does not work with comet and gpu: Comet and RAPIDS both replace"):
        file.load(tmp_path / "images.toml")


def test_each_image_has_the_promised_budget(project: Project) -> None:
    baseline, gpu = {"3.5": 748, "4.1": 808, "4.2": 808, "4.3": 808}, {"3.5": 2400, "4.1": 2800}
    comet = {"3.5": 100, "4.1": 140}
    for cell in project.matrix.buildable:
        features = {"gpu": gpu.get(cell.line, 0), "iceberg": 200, "delta": 15, "comet": comet.get(cell.line, 0)}
        expected = (
            baseline[cell.line] + (250 if cell.image == "jupyter" else 0) + sum(features[f] for f in cell.features)
        )
        assert project.matrix.budget(cell) == expected, cell.key
        archive = {"3.5": 152, "4.1": 175, "4.2": 200, "4.3": 200}[cell.line]
        assert project.matrix.unpacked_budgets[f"class-archive-{cell.spark}"] == archive, cell.key


def test_layers_with_their_own_budget_are_shipped(project: Project, whole: Graph) -> None:
    assert set(project.matrix.layer_budgets) <= whole.shipped
    assert set(project.matrix.unpacked_budgets) <= whole.shipped
    assert all(limit > project.matrix.budgets.layer_mb for limit in project.matrix.layer_budgets.values())


def test_every_artefact_states_its_licence(project: Project) -> None:
    assert [a.coordinate for _, a in project.matrix.all_artefacts() if not a.licence] == []


def test_every_driver_has_a_link_and_a_url(project: Project, whole: Graph) -> None:
    drivers = [a for _, a in project.matrix.all_artefacts() if a.driver]
    assert drivers
    assert all(a.link and a.url.startswith("jdbc:") for a in drivers)
    links = [link.split("=") for link in whole.targets["jdbc-drivers"].arguments["LINKS"].split()]
    assert [name for name, _ in links] == [a.link for a in drivers]


# Layers.


def test_every_folder_with_a_dockerfile_is_read(project: Project) -> None:
    assert {recipe.folder for recipe in project.recipes.by_name.values()} == {
        each.parent.relative_to(ROOT) for each in DOCKERFILES
    }


def for_images(project: Project) -> set[str]:
    """Returns the folders of docker/ that are not only for tests."""
    layers = project.matrix.all_layers
    only_for_tests = {name for name in project.recipes.by_name if layers.get(name, Layer()).tests_only}
    return set(project.recipes.by_name) - only_for_tests - set(project.matrix.servers)


def test_every_folder_of_a_server_has_a_table(project: Project) -> None:
    servers = {recipe.name for recipe in project.recipes.by_name.values() if recipe.level == SERVERS}
    assert servers == set(project.matrix.servers)


def test_every_server_can_be_built(project: Project) -> None:
    roots = [(server, project.matrix.buildable[0]) for server in project.matrix.servers]
    targets = graphs.graph(project.matrix, project.recipes, project.locks, roots).targets
    assert set(project.matrix.servers) <= set(targets)


def test_images_use_every_folder_that_is_not_only_for_tests(project: Project, whole: Graph) -> None:
    assert {target.recipe.name for target in whole.targets.values()} == for_images(project)


def test_every_folder_of_an_image_is_in_the_drawing(project: Project) -> None:
    nodes = drawing.picture(project).nodes
    assert {folder for folders in nodes.values() for folder in folders} == for_images(project)


def test_no_client_of_spark_connect_is_newer_than_its_server(project: Project) -> None:
    """The tests run the clients on the newest Spark version of each line."""
    for cell in project.matrix.buildable:
        if project.matrix.life_cycle(cell.spark).superseded_by:
            continue
        for artefact in project.matrix.artefacts("connect-clients", cell):
            assert Version(artefact.coordinate.partition("==")[2]) <= Version(cell.spark), cell.key


def test_every_feature_has_a_switch(project: Project) -> None:
    assert project.recipes.features == set(project.matrix.features)


def test_every_argument_has_a_value(whole: Graph) -> None:
    empty = [
        (target.name, argument)
        for target in whole.targets.values()
        for argument, default in target.recipe.arguments.items()
        if target.arguments.get(argument, default) is None and argument not in PREDEFINED
    ]
    assert empty == []


def test_layer_names_contain_the_versions_that_change_them(project: Project, whole: Graph) -> None:
    """A name contains each version that the layer gets, or the Spark version or line, which determines all others."""
    layers = [target for target in whole.targets.values() if not target.cell]
    versions = [(t.name, a, v) for t in layers for a, v in t.arguments.items() if a.endswith("_VERSION")]
    assert versions
    decided = {name for name, _, _ in versions if set(name.split("-")) & {*project.matrix.spark, *project.matrix.lines}}
    assert [(n, argument) for n, argument, version in versions if version not in n and n not in decided] == []


def test_each_folder_is_built_as_often_as_expected(project: Project, whole: Graph) -> None:
    times = Counter(target.recipe.name for target in whole.targets.values())
    matrix = project.matrix
    for folder in ("spark-core", "spark-jars", "spark-distribution", "class-archive", "notebook-kernel"):
        assert times[folder] == len(matrix.spark), folder
    for feature in matrix.features.values():
        for folder, layer in feature.layers.items():
            if "{line}" in layer.name:
                assert times[folder] == len(feature.lines), folder
    releases = {cell.values["debian"] for cell in matrix.buildable}
    assert times["rootfs"] == times["os"] == len(releases)
    for folder in ("sealer", "spark-conf", "entrypoint", "jdbc-drivers", "jmx-exporter"):
        assert times[folder] == 1, folder


def test_build_time_dependencies_are_not_shipped(whole: Graph) -> None:
    unshipped = {target.recipe.name for target in whole.targets.values() if target.name not in whole.shipped}
    assert unshipped == {"toolchain", "sealer", "spark-distribution"}


@pytest.mark.parametrize("image", ["spark", "jupyter"])
def test_features_add_exactly_their_layers(project: Project, image: str) -> None:
    added = {f for cell in built(project, image) for f in cell.features}
    assert added == set(project.matrix.features)
    for cell in built(project, image):
        baseline = next(c for c in built(project, image) if (c.spark, c.variant) == (cell.spark, "baseline"))
        with_it, without = ({t.recipe.name for t in project.graph([c]).targets.values()} for c in (cell, baseline))
        layers = {layer for feature in cell.features for layer in project.matrix.features[feature].layers}
        if image == "spark":
            layers = {layer for layer in layers if not layer.startswith("notebook")}
        assert with_it - without == layers, cell.key
        # Iceberg brings its own AWS SDK.
        assert without - with_it == ({"jars-aws-sdk"} if "iceberg" in cell.features else set()), cell.key


def test_every_layer_of_an_image_has_a_name(project: Project, whole: Graph) -> None:
    for cell in project.matrix.buildable:
        found = measure.origins(whole, whole.targets[cell.name])
        assert found[0] == project.matrix.name_of("rootfs", cell)
        spark = project.matrix.sibling(cell, "spark").name
        assert set(found) <= whole.shipped | {"", f"{spark} settings"}
        # No image contains a layer twice.
        assert len(set(filter(None, found))) == len(list(filter(None, found)))


def test_artefacts_are_passed_with_their_hash(project: Project, whole: Graph) -> None:
    spark = project.matrix.newest_spark
    entry = project.locks["spark-distribution"][f"pyspark=={spark}"]
    arguments = whole.targets[f"spark-{spark}-distribution"].arguments
    assert f"pyspark=={spark}@sha256:{entry.sha256}" in arguments["ARTEFACTS"].split()


# Spark's settings.


def fragments() -> dict[str, set[str]]:
    """Returns, by folder, the settings files that it has a fragment for. A fragment has the name of its folder."""
    found: dict[str, set[str]] = {}
    for each in DOCKERFILES:
        for name, layer in re.findall(r"/opt/spark-conf/([\w-]+)\.d/([\w-]+)\.conf", each.read_text()):
            assert layer == each.parent.name
            found.setdefault(layer, set()).add(name)
    return found


def test_every_layer_with_settings_is_mounted_in_the_merging_stage(project: Project, whole: Graph) -> None:
    """The stage `settings` mounts each layer with a fragment, if its feature is switched on."""
    assert fragments()
    for cell in built(project, "spark"):
        target = whole.targets[cell.name]
        settings = target.recipe.stage("settings")
        assert settings
        mounted = {
            name
            for name, _ in replace(target.recipe, stages=(*target.recipe.stages, settings)).reached(target.arguments)
        }
        assert set(fragments()) & set(target.contexts) <= mounted


# The bake definition.


def test_each_name_has_its_own_bake_target(whole: Graph, definition: Any) -> None:
    assert definition["target"].keys() == {bake.identifier(name) for name in whole.targets}
    assert len(definition["target"]) == len(whole.targets)


def test_no_two_targets_have_the_same_labels(definition: Any) -> None:
    """The engine can fail if it exports two layers with the same digest at the same time."""
    seen = [tuple(sorted(target["labels"].items())) for target in definition["target"].values()]
    assert len(set(seen)) == len(seen)


def test_image_labels_contain_its_versions(project: Project, definition: Any) -> None:
    for cell in project.matrix.buildable:
        labels = definition["target"][bake.identifier(cell.name)]["labels"]
        assert labels["spark-images.cell"] == cell.key
        assert labels["org.opencontainers.image.version"] == f"{cell.spark}{cell.values['suffix']}"
        for name in (
            "spark",
            "scala",
            "hadoop",
            "python",
            "java",
        ):
            assert labels[f"spark-images.{name}"] == cell.values[name]
        cycle = project.matrix.life_cycle(cell.spark)
        assert labels["spark-images.released"] == cycle.released.isoformat()
        assert labels["spark-images.end-of-life"] == cycle.end_of_life.isoformat()
        assert labels.get("spark-images.superseded-by", "") == cycle.superseded_by
        for name, feature in project.matrix.features.items():
            for label, template in feature.labels.items():
                expected = fill(template, cell.values, label) if name in cell.features else None
                assert labels.get(label) == expected, label


def test_image_labels_describe_its_build(project: Project, definition: Any) -> None:
    settings = project.matrix.settings
    for cell in project.matrix.buildable:
        labels = definition["target"][bake.identifier(cell.name)]["labels"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", labels["org.opencontainers.image.created"])
        described = labels["org.opencontainers.image.description"]
        assert described.startswith(f"{cell.values['title']} with Scala {cell.values['scala']}, ")
        for feature in cell.features:
            assert fill(project.matrix.features[feature].title, cell.values, "title") in described
        name, _, digest = project.matrix.os_images.get(cell.values["debian"], "").partition("@")
        for label, setting in (
            ("vendor", settings.vendor),
            ("documentation", settings.documentation),
            ("base.name", name),
            ("base.digest", digest),
        ):
            assert labels.get(f"org.opencontainers.image.{label}", "") == setting


# Adding a version.


def test_a_new_spark_version_changes_only_its_table() -> None:
    text = (ROOT / "images.toml").read_text()
    changed = add.with_spark(text, add.Added("99.9.9", "99.9", date(2026, 7, 16)))
    assert changed.replace('[spark."99.9.9"]\nline = "99.9"\nreleased = 2026-07-16\n\n', "") == text


# Dockerfiles.


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda each: each.parent.name)
def test_dockerfile_contains_no_version_of_the_matrix(dockerfile: Path, project: Project) -> None:
    matrix = project.matrix
    versions = {*matrix.spark, *matrix.lines}
    for cell in matrix.buildable:
        versions |= {cell.values[name] for name in ("debian", "java", "python", "scala", "hadoop")}
        for feature in cell.features:
            versions |= set(matrix.features[feature].versions_of(cell.line).values())
    text = "\n".join(line for line in dockerfile.read_text().splitlines() if not line.startswith("#"))
    assert [v for v in sorted(versions) if re.search(rf"(?<![\w.]){re.escape(v)}(?!\w)", text)] == []


# Locks.


@pytest.fixture(scope="session")
def sets(project: Project) -> dict[tuple[str, str], locks.Requirements]:
    """The sets of Python packages of the layers, by folder and Python version."""
    found = locks.requirement_sets(project.matrix, project.recipes)
    return {(s.source.parent.name, s.python): s for s in found if "docker" in s.source.relative_to(ROOT).parts}


Sets = dict[tuple[str, str], locks.Requirements]


def test_locks_are_up_to_date(project: Project) -> None:
    assert check.disagreements(project.matrix, project.recipes, project.locks) == []


def test_every_python_lock_belongs_to_a_set(sets: Sets) -> None:
    assert {s.lock for s in sets.values()} == set((ROOT / "docker").glob("*/*/requirements-*.lock"))


def test_sets_for_one_python_have_the_same_versions(sets: Sets) -> None:
    """A server is not part of an image, so it can have other versions."""
    found: dict[tuple[str, str], str] = {}
    of_images = {key: each for key, each in sets.items() if each.source.parent.parent.name != "servers"}
    for (_, python), requirements in of_images.items():
        for name, version in locks.package_versions(requirements.lock):
            assert found.setdefault((python, name), version) == version


def test_set_omits_the_packages_of_the_sets_that_it_extends(sets: Sets) -> None:
    upon = [s for s in sets.values() if s.extends]
    assert upon
    for requirements in upon:
        held = {name for below in requirements.extends for name, _ in locks.package_versions(below)}
        assert held & {name for name, _ in locks.package_versions(requirements.lock)} == set()


def test_every_package_is_pinned_by_hash(project: Project) -> None:
    for requirements in locks.requirement_sets(project.matrix, project.recipes):
        pins = requirements.lock.read_text().replace("\\\n", " ").splitlines()
        assert [p for p in pins if p[:1].isalnum() and "--hash=sha256:" not in p] == []


def test_cuda_packages_match_the_cuda_version(project: Project, sets: Sets) -> None:
    cuda = [s for (folder, _), s in sets.items() if folder == "cuda"]
    assert cuda
    version = project.matrix.features["gpu"].versions["cuda"]
    assert all(f"nvidia-cuda-runtime-cu{version.split('.')[0]}=={version}.*" in s.text for s in cuda)


# Attestations.


def test_a_jar_that_a_statement_calls_removed_is_in_a_trim_txt(project: Project) -> None:
    trimmed = {
        Path(line).name for file in (ROOT / "docker").glob("*/*/trim.txt") for line in file.read_text().split("\n")
    }
    removed = {vex.removed for vex in project.matrix.vex if vex.removed}
    assert removed
    assert removed - trimmed == set()


def test_provenance_has_every_hash_that_the_dockerfile_of_a_layer_of_the_image_gets(project: Project) -> None:
    for cell in project.matrix.buildable:
        found = downloads(project, project.graph([cell]), cell)
        arguments = (t.arguments.get("ARTEFACTS", "") for t in project.graph([cell]).targets.values())
        passed = {artefact.rpartition("@sha256:")[2] for text in arguments for artefact in text.split()}
        assert passed == {each.hashes[0] for each in found if each.licence}, cell.key
        assert len({each.purl for each in found}) == len(found), cell.key
        assert all(each.hashes for each in found), cell.key


# The benchmark.


def test_benchmark_references_have_the_same_content_as_ours(project: Project) -> None:
    cell = [cell for cell in built(project, "spark", "iceberg") if cell.variant == "iceberg"][-1]
    known = references.references(project)
    graph, requested = known.graph([(name, cell) for name in REFERENCES])
    assert [target.name for target in requested] == [f"bench-{name}-{cell.spark}-iceberg" for name in REFERENCES]
    official, content, monolith = requested
    ours = project.graph([cell]).targets[f"spark-{cell.spark}-distribution"].arguments["ARTEFACTS"]
    assert monolith.arguments["ARTEFACTS"] == ours
    # The official image contains only Spark. The rest is in `content`.
    assert official.arguments["ARTEFACTS"].startswith(f"pyspark=={cell.spark}@sha256:")
    assert f"{official.arguments['ARTEFACTS']} {content.arguments['ARTEFACTS']}".strip() == ours
    assert content.contexts["toolchain"] in graph.targets
    assert content.arguments["REQUIREMENTS"] == monolith.arguments["REQUIREMENTS"]
    python = cell.values["python"]
    assert content.arguments["REQUIREMENTS"].split() == [f"python-deps-{python}", f"python-deps-iceberg-{python}"]
    assert content.contexts["official"] == official.name
    assert {"jdbc-drivers", "jars-s3", "jars-kafka-avro", "jars-iceberg"} <= set(content.contexts)
    assert "jars-rapids" not in content.contexts


@pytest.mark.parametrize("folder", ["server-s3", "connect-clients"])
def test_what_only_tests_use_needs_less_disk_space_than_an_image(project: Project, folder: str) -> None:
    matrix = project.matrix
    cell = matrix.buildable[0]
    graph = graphs.graph(matrix, project.recipes, project.locks, [(folder, cell)])
    target, toolchain = (graph.targets[matrix.name_of(name, cell)] for name in (folder, "toolchain"))
    assert build._disk_gb(matrix, [target]) == build.FOR_TESTS_GB < matrix.settings.min_free_disk_gb
    assert build._disk_gb(matrix, [target, toolchain]) == matrix.settings.min_free_disk_gb


# Only this file depends on the content of the real project.


def test_no_other_unit_test_uses_the_real_project() -> None:
    """Tests of tasks and sessions may load the real project, because they depend on no version in it."""
    sessions = {"test_suites.py", "test_noxfile.py", "test_default_run.py"}
    allowed = {"conftest.py", "test_tasks.py", *sessions, Path(__file__).name}
    real = re.compile(r"\bproject: Project\b[^)]*\) -> None|load_project\(environment=|load_project\(\)")
    found = {each.name for each in Path(__file__).parent.glob("*.py") if real.search(each.read_text())}
    assert found - allowed == set()
