import json
from pathlib import Path

import pytest

from spark_images.errors import MatrixError
from spark_images.locks import check
from spark_images.plan.project import Project
from spark_images.recipes import locks
from spark_images.recipes.locks import Entry, Requirements
from tests.unit.tree import Tree

CORE = "docker/intermediate/core"


@pytest.fixture
def agreeing(tree: Tree) -> Tree:
    """The small project with a requirements.in at its root and one in each of two layers, all of them locked."""
    for folder in (".", "base/deps", "base/deps-more"):
        place = tree.root / ("docker" if folder != "." else "") / folder
        if folder != ".":
            tree.dockerfile(folder, "FROM scratch\n")
        (place / "requirements.in").write_text("pandas\n")
    tree.toml("[labels]", '[layers.deps]\n[layers.deps-more]\nextends = ["deps"]\n[labels]')
    project = tree.load()
    for requirements in locks.requirement_sets(project.matrix, project.recipes, tree.root):
        requirements.lock.write_text(f"{requirements.fingerprint}\npandas==2.0\n")
    return tree


def disagreements(tree: Tree) -> list[str]:
    project = tree.load(locked=False)
    return check.disagreements(project.matrix, project.recipes, project.locks, tree.root)


def test_the_repository_agrees_with_its_locks(project: Project) -> None:
    assert check.disagreements(project.matrix, project.recipes, project.locks) == []


def test_what_agrees_is_no_disagreement(agreeing: Tree) -> None:
    assert disagreements(agreeing) == []


def test_an_artefact_that_is_not_locked(agreeing: Tree) -> None:
    agreeing.toml("licence =", 'licence = "MIT" }, { coordinate = "group:more:1", licence =')
    assert disagreements(agreeing) == ["[layers.core]: group:more:1 is not in artefacts.lock"]


def test_a_locked_artefact_that_nothing_takes(agreeing: Tree) -> None:
    file = agreeing.root / CORE / "artefacts.lock"
    locks.write_lock(file, {**agreeing.load().locks["core"], "group:old:1": Entry("0" * 64, 1)})
    assert disagreements(agreeing) == ["[layers.core]: group:old:1 is in artefacts.lock but not in images.toml"]


def test_a_new_version_disagrees_in_both_directions(agreeing: Tree) -> None:
    agreeing.toml('[spark."9.1"]', '[spark."9.2"]')
    assert disagreements(agreeing) == [
        "[layers.core]: group:core:9.2 is not in artefacts.lock",
        "[layers.core]: group:core:9.1 is in artefacts.lock but not in images.toml",
    ]


def test_a_lock_of_a_layer_that_has_no_table(agreeing: Tree) -> None:
    locks.write_lock(agreeing.root / "docker/base/tools/artefacts.lock", {"group:old:1": Entry("0" * 64, 1)})
    assert disagreements(agreeing) == ["[layers.tools]: group:old:1 is in artefacts.lock but not in images.toml"]


def test_a_layer_whose_lock_is_gone(agreeing: Tree) -> None:
    (agreeing.root / CORE / "artefacts.lock").unlink()
    assert disagreements(agreeing) == [f"[layers.core]: group:core:9.{n} is not in artefacts.lock" for n in (0, 1)]


@pytest.mark.parametrize("folder", ["", "docker/base/deps-more/"])
def test_requirements_that_changed(agreeing: Tree, folder: str) -> None:
    (agreeing.root / folder / "requirements.in").write_text("pandas\npyarrow\n")
    assert disagreements(agreeing) == [f"{folder}requirements.lock was not compiled from today's requirements.in"]


def test_requirements_without_a_lock(agreeing: Tree) -> None:
    (agreeing.root / "docker/base/deps-more/requirements.lock").unlink()
    assert disagreements(agreeing) == ["docker/base/deps-more/requirements.lock is missing"]


def test_a_set_stands_upon_the_lock_below(agreeing: Tree) -> None:
    (agreeing.root / "docker/base/deps/requirements.in").write_text("pyarrow\n")
    below = agreeing.root / "docker/base/deps"
    (below / "requirements.lock").write_text(f"{Requirements(below / 'requirements.in', {}).fingerprint}\npyarrow==1\n")
    assert disagreements(agreeing) == [
        "docker/base/deps-more/requirements.lock was not compiled from today's requirements.in"
    ]


def test_sets_for_one_image_take_the_versions_of_each_other(project: Project) -> None:
    found: dict[str, str] = {}
    for requirements in locks.requirement_sets(project.matrix, project.recipes):
        for name, version in locks.package_versions(requirements.lock):
            if "docker" in requirements.source.parts:
                assert found.setdefault(name, version) == version


def test_a_set_takes_values_of_the_catalogue(project: Project) -> None:
    cuda = next(s for s in locks.requirement_sets(project.matrix, project.recipes) if s.source.parent.name == "cuda")
    assert f"nvidia-cuda-runtime-cu12=={project.matrix.versions['cuda']}.*" in cuda.text


def test_the_packages_of_iceberg_stand_upon_python_deps(project: Project) -> None:
    sets = {
        s.source.parent.name: [p.parent.name for p in s.extends]
        for s in locks.requirement_sets(project.matrix, project.recipes)
    }
    assert sets["python-deps-iceberg"] == ["python-deps"]
    assert sets["python-deps"] == []


def test_no_package_of_python_deps_stands_in_iceberg_again(project: Project) -> None:
    held = {
        s.source.parent.name: {name for name, _ in locks.package_versions(s.lock)}
        for s in locks.requirement_sets(project.matrix, project.recipes)
    }
    assert held["python-deps"] & held["python-deps-iceberg"] == set()


def test_every_package_is_pinned_by_hash(project: Project) -> None:
    for requirements in locks.requirement_sets(project.matrix, project.recipes):
        pins = requirements.lock.read_text().replace("\\\n", " ").splitlines()
        assert [p for p in pins if p[:1].isalnum() and "--hash=sha256:" not in p] == []


def test_check_names_each_place_and_what_to_do(agreeing: Tree) -> None:
    agreeing.toml('[spark."9.1"]', '[spark."9.2"]')
    project = agreeing.load(locked=False)
    with pytest.raises(MatrixError) as raised:
        check.check(project.matrix, project.recipes, project.locks, agreeing.root)
    assert "group:core:9.2" in str(raised.value)
    assert "group:core:9.1" in str(raised.value)
    assert str(raised.value).endswith("run `inv lock.update`")


def test_check_is_silent_where_all_agrees(agreeing: Tree) -> None:
    project = agreeing.load()
    check.check(project.matrix, project.recipes, project.locks, agreeing.root)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"x"',
        '{"group:core:9.0": []}',
        '{"group:core:9.0": {"sha256": "0"}}',
        '{"c": {"sha256": "0", "x": 1}}',
    ],
)
def test_what_is_no_lock(tree: Tree, text: str) -> None:
    (tree.root / CORE / "artefacts.lock").write_text(text)
    with pytest.raises(MatrixError, match=rf"^{CORE}/artefacts\.lock: not a lock file: "):
        tree.load()


@pytest.mark.parametrize("entry", ['{"sha256": "short", "size": 1}', '{"sha256": 7, "size": 1}'])
def test_a_hash_that_is_none(tree: Tree, entry: str) -> None:
    (tree.root / CORE / "artefacts.lock").write_text(f'{{"group:core:9.0": {entry}, "group:core:9.1": {entry}}}')
    with pytest.raises(MatrixError, match=CORE):
        tree.load()


def test_write_lock_sorts(tmp_path: Path) -> None:
    file = tmp_path / "artefacts.lock"
    locks.write_lock(file, {"b:b:1": Entry("1" * 64, 1), "a:a:1": Entry("2" * 64, 2)})
    assert list(json.loads(file.read_text())) == ["a:a:1", "b:b:1"]
    assert file.read_text().endswith("}\n")


def test_what_is_written_is_read(tree: Tree) -> None:
    project = tree.load()
    locks.write_lock(tree.root / CORE / "artefacts.lock", project.locks["core"])
    assert locks.read_locks(project.recipes, tree.root) == project.locks


def test_package_versions(tmp_path: Path) -> None:
    file = tmp_path / "requirements.lock"
    file.write_text(
        "# compiled from a==1\npandas==2.3.3 \\\n    --hash=sha256:00==\n"
        "six==1.17.0 ; python_version < '4' \\\n    --hash=sha256:11\n"
    )
    assert locks.package_versions(file) == [("pandas", "2.3.3"), ("six", "1.17.0")]
