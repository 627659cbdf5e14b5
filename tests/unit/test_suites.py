"""Tests of the choice of tests, with made-up cells. Some collect the real tests to check the markers."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from spark_images import ROOT
from spark_images.checks import suites
from spark_images.checks.sessions import NO_TEST
from spark_images.checks.tiers import Tier
from spark_images.matrix.model import BASELINE, Cell
from spark_images.plan.project import Project


def cell(
    image: str = "spark",
    spark: str = "9.0",
    variant: str = BASELINE,
    line: str = "9",
    stack: str = "debian",
    scala: str = "2.13",
) -> Cell:
    """Returns a cell. The names in `variant`, joined by hyphens, are its features."""
    features = () if variant == BASELINE else tuple(variant.split("-"))
    key = f"{'' if image == 'spark' else f'{image}-'}{spark}-{variant}"
    name = f"{image}-{spark}{'' if variant == BASELINE else f'-{variant}'}"
    return Cell(image, spark, line, variant, features, key, name, {"stack": stack, "scala": scala}, {}, "")


@pytest.mark.parametrize(
    ("of", "names"),
    [
        (cell(), ["common", "connectors", "conformance"]),
        (cell(variant="gpu-iceberg"), ["common", "connectors", "gpu", "iceberg", "conformance"]),
        (cell("jupyter", variant="iceberg"), ["common", "jupyter"]),
    ],
)
def test_a_cell_has_the_folders_of_its_kind_and_features(of: Cell, names: list[str]) -> None:
    assert suites.folders(of, Tier.FULL) == suites.folders(of, Tier.QUICK) == names
    assert suites.folders(of, Tier.CONFORMANCE) == ["conformance"]
    assert suites.arguments(of, [of], Tier.KUBERNETES, "i") == []


CELLS = [cell(variant=variant) for variant in (BASELINE, "gpu", "iceberg", "gpu-iceberg")]
CONTRACT = "(conformance and smoke and random_uid)"


@pytest.mark.parametrize(
    ("of", "tier", "expression"),
    [
        (cell(), Tier.FULL, ""),
        (cell(), Tier.CONFORMANCE, ""),
        (cell(), Tier.NO_DEVICE, "not device"),
        (cell(), Tier.NO_SLOW, "not slow and not device"),
        (cell(variant="iceberg"), Tier.NO_SLOW, f"(own_layers or iceberg or {CONTRACT}) and not slow and not device"),
        (cell(), Tier.QUICK, "smoke and (not conformance or random_uid) and not device"),
        (cell(variant="iceberg"), Tier.FULL, f"(own_layers or iceberg or {CONTRACT})"),
        (cell(variant="iceberg"), Tier.QUICK, "(own_layers or iceberg) and smoke and not device"),
        (cell(), Tier.OWN_LAYERS, "smoke and (not conformance or random_uid) and not device"),
        (cell(variant="iceberg"), Tier.OWN_LAYERS, "own_layers and smoke and not device"),
        (cell("jupyter"), Tier.OWN_LAYERS, "own_layers and smoke and not device"),
        (cell(variant="iceberg"), Tier.CONFORMANCE, CONTRACT),
        (cell(variant="gpu"), Tier.NO_DEVICE, f"(own_layers or gpu or {CONTRACT}) and not device"),
        (cell(variant="gpu-iceberg"), Tier.NO_DEVICE, "own_layers and not device"),
        (cell("jupyter"), Tier.FULL, "(own_layers or jupyter)"),
        (cell("jupyter", variant="gpu"), Tier.FULL, "own_layers"),
        (cell("jupyter", variant="gpu"), Tier.QUICK, "own_layers and smoke and not device"),
        (cell("jupyter"), Tier.CONFORMANCE, CONTRACT),
    ],
)
def test_a_tier_has_a_marker_expression(of: Cell, tier: Tier, expression: str) -> None:
    cells = [*CELLS, of]
    assert suites.expression(of, cells, tier) == expression
    assert suites.arguments(of, cells, tier, "i")[-2:] == (["-m", expression] if expression else ["--image", "i"])


@pytest.mark.parametrize(
    ("of", "omitted"),
    [
        (cell(spark="8.1", line="8"), " and not shared"),
        (cell(spark="8.0", line="8"), " and not thorough and not shared"),
        (cell(spark="8.5", line="7", stack="newer"), ""),
    ],
)
def test_an_older_version_omits_the_tests_that_a_newer_one_runs(of: Cell, omitted: str) -> None:
    cells = [
        *CELLS,
        cell(spark="8.1", line="8"),
        cell(spark="8.0", line="8"),
        cell(spark="8.5", line="7", stack="newer"),
    ]
    assert suites.expression(of, cells, Tier.NO_DEVICE) == f"{omitted} and not device".removeprefix(" and ")
    assert suites.expression(of, cells, Tier.FULL) == omitted.removeprefix(" and ")
    assert suites.expression(of, cells, Tier.CONFORMANCE) == ""
    assert "shared" not in suites.expression(of, cells, Tier.QUICK)


def test_a_feature_without_its_own_image_is_tested_in_a_combination() -> None:
    both = cell(variant="gpu-iceberg")
    cells = [both, cell(variant="gpu"), cell(spark="9.1", variant="iceberg"), cell("jupyter", variant="iceberg")]
    assert suites.expression(both, cells, Tier.FULL) == f"(own_layers or iceberg or {CONTRACT})"


def test_the_folders_of_every_cell_exist(project: Project) -> None:
    for each in project.matrix.buildable:
        for folder in suites.folders(each, Tier.FULL):
            assert (suites.SUITES / folder).is_dir(), f"{each.key}: tests/integration/{folder} is missing"


COLLECT = """
import json, sys, pytest
class Collected:
    def pytest_collection_finish(self, session):
        found.append([item.nodeid.removeprefix("tests/integration/") for item in session.items])
found, codes = [], []
for arguments in json.loads(sys.argv[1]):
    arguments += ["--collect-only", "-qq", "-p", "no:cacheprovider"]
    codes.append(int(pytest.main(arguments, plugins=[Collected()])))
print("\\nCOLLECTED " + json.dumps([codes, found]))
"""

OF: Mapping[str, tuple[Cell, Tier]] = {
    "baseline": (cell(), Tier.FULL),
    "baseline, no slow": (cell(), Tier.NO_SLOW),
    "baseline, quick": (cell(), Tier.QUICK),
    "iceberg": (cell(variant="iceberg"), Tier.FULL),
    "iceberg, quick": (cell(variant="iceberg"), Tier.QUICK),
    "iceberg, conformance": (cell(variant="iceberg"), Tier.CONFORMANCE),
    "gpu": (cell(variant="gpu"), Tier.FULL),
    "gpu, no device": (cell(variant="gpu"), Tier.NO_DEVICE),
    "gpu-iceberg": (cell(variant="gpu-iceberg"), Tier.FULL),
    "gpu-iceberg, quick": (cell(variant="gpu-iceberg"), Tier.QUICK),
    "gpu-iceberg, own layers": (cell(variant="gpu-iceberg"), Tier.OWN_LAYERS),
    "delta-iceberg, own layers": (cell(variant="delta-iceberg"), Tier.OWN_LAYERS),
    "notebook": (cell("jupyter"), Tier.FULL),
    "notebook, iceberg": (cell("jupyter", variant="iceberg"), Tier.FULL),
    "notebook, iceberg, quick": (cell("jupyter", variant="iceberg"), Tier.QUICK),
}


@pytest.fixture(scope="module")
def chosen() -> Mapping[str, tuple[int, list[str]]]:
    """Pytest's exit code and the tests that it collects, for each entry of `OF`."""
    lines: Sequence[Sequence[str]] = [suites.arguments(each, [*CELLS, each], tier, "i") for each, tier in OF.values()]
    command = [sys.executable, "-c", COLLECT, json.dumps(lines)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    codes, found = json.loads(done.stdout.rpartition("COLLECTED ")[2])
    return {name: (code, tests) for name, code, tests in zip(OF, codes, found, strict=True)}


def test_each_tier_selects_tests(chosen: Mapping[str, tuple[int, list[str]]]) -> None:
    assert {name: code for name, (code, tests) in chosen.items() if code or not tests} == {}


def of(tests: list[str], what: Callable[[str], bool]) -> list[str]:
    return [test for test in tests if what(test)]


def test_images_with_features_repeat_the_contract_with_a_random_uid(
    chosen: Mapping[str, tuple[int, list[str]]],
) -> None:
    """A baseline image starts each server and job in two ways. Other images repeat only the way with a random UID."""
    ways: dict[str, set[str]] = {}
    for test in of(chosen["baseline"][1], lambda name: "conformance/" in name and "uid 185" in name):
        ways.setdefault(test.partition("[")[0], set()).add("uid 185")
    both = {test.partition("[")[0] for test in chosen["baseline"][1] if "random uid, command" in test}
    assert both == set(ways)
    assert len(both) >= 5
    repeated = chosen["iceberg, conformance"][1]
    assert all("random uid, command" in test for test in repeated)
    assert {test.partition("::")[2].partition("[")[0] for test in repeated} == {
        "test_spark_connect",
        "test_a_job_knows_who_it_is",
        "test_spark_pi_runs_from_the_jar_with_versions",
    }
    assert set(repeated) <= set(chosen["iceberg"][1])
    assert set(repeated) <= set(chosen["baseline, quick"][1])
    assert not any("uid 185" in test and "conformance/" in test for test in chosen["baseline, quick"][1])


def test_a_variant_repeats_what_its_own_layers_can_break(chosen: Mapping[str, tuple[int, list[str]]]) -> None:
    whole = {test for test in chosen["baseline"][1] if test.startswith("common/")}
    for name in ("iceberg", "notebook", "notebook, iceberg"):
        own = {test for test in chosen[name][1] if test.startswith("common/")}
        assert own < whole
        assert {test.partition("::")[0] for test in own} == {
            "common/test_files.py",
            "common/test_layers.py",
            "common/test_versions.py",
        }


def test_an_image_with_one_feature_runs_the_whole_folder_of_the_feature(
    chosen: Mapping[str, tuple[int, list[str]]],
) -> None:
    assert of(chosen["gpu"][1], lambda test: test.startswith("gpu/test_device.py"))
    without = set(chosen["gpu, no device"][1])
    assert set(chosen["gpu"][1]) - without == set(
        of(chosen["gpu"][1], lambda test: test.startswith("gpu/test_device.py"))
    )


def test_an_image_with_two_features_repeats_what_their_combination_can_break(
    chosen: Mapping[str, tuple[int, list[str]]],
) -> None:
    both = set(chosen["gpu-iceberg"][1])
    assert set(of(chosen["gpu"][1], lambda test: test.startswith("gpu/test_iceberg.py"))) < both
    folders = {test.partition("/")[0] for test in both}
    assert folders == {"common", "connectors", "gpu", "iceberg", "conformance"}
    whole = {test for name in ("gpu", "iceberg") for test in chosen[name][1] if test.partition("/")[0] == name}
    assert len({test for test in both if test.partition("/")[0] in ("gpu", "iceberg")}) < len(whole) / 3


@pytest.mark.parametrize(("name", "folder"), [("gpu-iceberg", "gpu"), ("delta-iceberg", "delta")])
def test_an_image_with_two_features_runs_queries_with_both_in_the_smallest_tier(
    chosen: Mapping[str, tuple[int, list[str]]], name: str, folder: str
) -> None:
    """In the default run, no other test runs these features on superseded versions."""
    assert of(chosen[f"{name}, own layers"][1], lambda test: test.startswith(f"{folder}/test_") and "iceberg" in test)


def test_a_notebook_with_a_feature_runs_the_tests_of_that_feature(chosen: Mapping[str, tuple[int, list[str]]]) -> None:
    all_of_them, own = (
        {test for test in chosen[name][1] if test.startswith("jupyter/")} for name in ("notebook", "notebook, iceberg")
    )
    assert own < all_of_them
    assert "jupyter/test_notebooks.py::test_iceberg" in own


def test_quick_tests_run_on_every_version() -> None:
    """The tier `--quick` does not omit tests by version, so no quick test may have such a marker."""
    command = [sys.executable, "-m", "pytest", str(suites.SUITES), "--collect-only", "-qq", "-m"]
    quick = f"smoke and (not {suites.CONFORMANCE} or random_uid)"
    marked = [*command, f"{quick} and ({suites.THOROUGH} or {suites.SHARED})"]
    done = subprocess.run(marked, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == NO_TEST, done.stdout


def test_no_quick_test_is_slow(chosen: Mapping[str, tuple[int, list[str]]]) -> None:
    assert set(chosen["baseline, quick"][1]) < set(chosen["baseline, no slow"][1]) < set(chosen["baseline"][1])


def test_an_unregistered_marker_is_an_error(tmp_path: Any) -> None:
    test = tmp_path / "test_marked.py"
    test.write_text("import pytest\n@pytest.mark.own_layer\ndef test(): pass\n")
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--collect-only", str(test)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "'own_layer' not found in `markers`" in done.stdout


def test_spark_images_without_gpu_have_tests_on_a_cluster() -> None:
    cells = [
        cell(image, spark, variant)
        for image in ("spark", "jupyter")
        for spark in ("9.0", "9.1")
        for variant in (BASELINE, "iceberg", "gpu")
    ]
    here = [each for each in cells if suites.kubernetes(each, cells, Tier.FULL, "i")]
    assert {(each.image, each.variant) for each in here} == {("spark", BASELINE), ("spark", "iceberg")}
    for variant in (BASELINE, "iceberg"):
        chosen = {
            each.spark: suites.kubernetes(each, cells, Tier.FULL, "i") for each in here if each.variant == variant
        }
        marks = {spark: arguments[arguments.index("--image") + 2 :] for spark, arguments in chosen.items()}
        assert marks == {"9.0": ["-m", "not thorough and not shared"], "9.1": []}


def test_an_image_with_one_feature_runs_the_file_of_the_feature_on_a_cluster() -> None:
    files = [
        [
            Path(argument).name
            for argument in suites.kubernetes(cell(variant=variant), CELLS, Tier.FULL, "i")
            if "/" in argument
        ]
        for variant in ("iceberg", "lake", "lake-iceberg")
    ]
    assert files == [["test_every_version.py", "test_iceberg.py"], [], []]


@pytest.mark.parametrize(
    ("of", "omitted"),
    [
        (cell(), "not slow"),
        (cell(variant="iceberg"), "not slow"),
        (cell(spark="8.9"), "not thorough and not shared and not slow"),
        (cell(spark="8.9", variant="iceberg"), "not thorough and not shared and not slow"),
    ],
)
def test_no_slow_omits_slow_tests_on_a_cluster_too(of: Cell, omitted: str) -> None:
    assert suites.kubernetes(of, [*CELLS, of], Tier.NO_SLOW, "i")[-2:] == ["-m", omitted]


def test_newest_compares_versions_and_ignores_their_order() -> None:
    cells = [cell(spark=spark, line="9") for spark in ("9.10.0", "9.9.0", "9.2.0")] + [cell(spark="8.1", line="8")]
    assert [each.spark for each in suites.newest(cells)] == ["9.10.0", "8.1"]
    assert [each.spark for each in suites.newest(cells[::-1])] == ["8.1", "9.10.0"]
    assert [each.spark for each in suites.newest(cells, suites.any_line)] == ["9.10.0"]


def test_the_browser_tests_the_newest_notebook_of_each_stack() -> None:
    versions = [("9.1", "9", "new"), ("9.0", "9", "new"), ("8.1", "8", "new"), ("7.0", "7", "old")]
    cells = [
        cell(image, spark, variant, line, stack)
        for image in ("spark", "jupyter")
        for spark, line, stack in versions
        for variant in (BASELINE, "gpu")
    ]
    assert [each.key for each in suites.browsed(cells)] == ["jupyter-9.1-baseline", "jupyter-7.0-baseline"]
