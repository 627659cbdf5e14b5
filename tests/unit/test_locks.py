import json
from pathlib import Path

import pytest

from spark_images.errors import MatrixError
from spark_images.locks import check
from spark_images.recipes import locks
from spark_images.recipes.locks import Entry, Requirements
from tests.unit.tree import Tree

CORE = "docker/intermediate/core"


@pytest.fixture
def agreeing(tree: Tree) -> Tree:
    """The small project with a locked requirements.in at its root and in each of two layers."""
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


def test_a_matching_project_has_no_disagreement(agreeing: Tree) -> None:
    assert disagreements(agreeing) == []


def test_an_artefact_missing_from_the_lock_is_a_disagreement(agreeing: Tree) -> None:
    agreeing.toml("licence =", 'licence = "MIT" }, { coordinate = "group:more:1", licence =')
    assert disagreements(agreeing) == ["[layers.core]: group:more:1 is not in artefacts.lock"]


def test_a_locked_artefact_missing_from_images_toml_is_a_disagreement(agreeing: Tree) -> None:
    file = agreeing.root / CORE / "artefacts.lock"
    locks.write_lock(file, {**agreeing.load().locks["core"], "group:old:1": Entry("0" * 64, 1)})
    assert disagreements(agreeing) == ["[layers.core]: group:old:1 is in artefacts.lock but not in images.toml"]


def test_a_new_version_gives_a_missing_and_an_unused_artefact(agreeing: Tree) -> None:
    agreeing.toml('[spark."9.1"]', '[spark."9.2"]')
    assert disagreements(agreeing) == [
        "[layers.core]: group:core:9.2 is not in artefacts.lock",
        "[layers.core]: group:core:9.1 is in artefacts.lock but not in images.toml",
    ]


def test_a_lock_of_a_layer_without_a_table_is_a_disagreement(agreeing: Tree) -> None:
    locks.write_lock(agreeing.root / "docker/base/tools/artefacts.lock", {"group:old:1": Entry("0" * 64, 1)})
    assert disagreements(agreeing) == ["[layers.tools]: group:old:1 is in artefacts.lock but not in images.toml"]


def test_a_missing_lock_gives_a_disagreement_for_each_artefact(agreeing: Tree) -> None:
    (agreeing.root / CORE / "artefacts.lock").unlink()
    assert disagreements(agreeing) == [f"[layers.core]: group:core:9.{n} is not in artefacts.lock" for n in (0, 1)]


@pytest.mark.parametrize(
    ("folder", "lock"), [("", "requirements.lock"), ("docker/base/deps-more/", "requirements-3.11.lock")]
)
def test_changed_requirements_do_not_match_their_lock(agreeing: Tree, folder: str, lock: str) -> None:
    (agreeing.root / folder / "requirements.in").write_text("pandas\npyarrow\n")
    assert disagreements(agreeing) == [f"{folder}{lock} does not match requirements.in"]


def test_requirements_without_a_lock_are_a_disagreement(agreeing: Tree) -> None:
    (agreeing.root / "docker/base/deps-more/requirements-3.11.lock").unlink()
    assert disagreements(agreeing) == ["docker/base/deps-more/requirements-3.11.lock is missing"]


def test_a_changed_lock_outdates_the_locks_that_extend_it(agreeing: Tree) -> None:
    lock = agreeing.root / "docker/base/deps/requirements-3.11.lock"
    lock.write_text(lock.read_text().replace("pandas==2.0", "pandas==2.1"))
    assert disagreements(agreeing) == ["docker/base/deps-more/requirements-3.11.lock does not match requirements.in"]


def sets(tree: Tree) -> dict[str, Requirements]:
    """Returns the sets of Python packages in order, by the path of their lock from the root."""
    project = tree.load(locked=False)
    found = locks.requirement_sets(project.matrix, project.recipes, tree.root)
    return {str(requirements.lock.relative_to(tree.root)): requirements for requirements in found}


def test_each_python_version_has_its_own_set(full: Tree) -> None:
    found = sets(full)
    assert list(found) == [
        "requirements.lock",
        *(f"docker/intermediate/deps/requirements-{python}.lock" for python in ("3.11", "3.13")),
        *(f"docker/intermediate/gpu-deps/requirements-{python}.lock" for python in ("3.11", "3.13")),
        *(f"docker/intermediate/lake-deps/requirements-{python}.lock" for python in ("3.11", "3.13")),
    ]
    assert {name: requirements.python for name, requirements in found.items() if "deps/" in name} == {
        name: name[-9:-5] for name in found if "deps/" in name
    }
    assert {requirements.platform for requirements in found.values()} == {"linux/amd64"}


def test_a_set_extends_the_locks_of_its_own_python_version(full: Tree) -> None:
    found = sets(full)["docker/intermediate/lake-deps/requirements-3.13.lock"]
    layers = full.root / "docker/intermediate"
    assert found.extends == (layers / "deps/requirements-3.13.lock",)
    # Both can be in one image, so the second set uses the versions of the first.
    assert found.beside == (layers / "gpu-deps/requirements-3.13.lock",)
    assert sets(full)["docker/intermediate/gpu-deps/requirements-3.13.lock"].beside == ()


def test_a_set_follows_only_the_sets_that_have_its_python_version(full: Tree) -> None:
    """Line 10 has Python 3.13, and is refused for the feature gpu here."""
    rule = "[[features.gpu.refusals]]\n"
    found = sets(full.toml(rule, f'{rule}line = "10"\nreason = "it fails"\n\n{rule}'))
    assert found["docker/intermediate/lake-deps/requirements-3.13.lock"].beside == ()
    assert len(found["docker/intermediate/lake-deps/requirements-3.11.lock"].beside) == 1


def test_a_lock_outdates_only_locks_of_its_own_python_version(full: Tree) -> None:
    assert disagreements(full) == []
    lock = full.root / "docker/intermediate/deps/requirements-3.13.lock"
    lock.write_text(lock.read_text().replace("pandas==2.0", "pandas==2.1"))
    assert disagreements(full) == [
        f"docker/intermediate/{layer}/requirements-3.13.lock does not match requirements.in"
        for layer in ("gpu-deps", "lake-deps")
    ]


def test_a_missing_lock_of_one_python_version_is_a_disagreement(full: Tree) -> None:
    (full.root / "docker/intermediate/lake-deps/requirements-3.13.lock").unlink()
    assert disagreements(full) == ["docker/intermediate/lake-deps/requirements-3.13.lock is missing"]


def test_a_python_version_without_buildable_cells_needs_no_lock(full: Tree) -> None:
    """Line 10 does not offer lake, so lake-deps needs no lock for the Python version of line 10."""
    full.toml('[features.lake.lines."10"]\nversions = { lake = "1.1" }\n', "")
    names = [name for name in sets(full) if "lake-deps" in name]
    assert names == ["docker/intermediate/lake-deps/requirements-3.11.lock"]


def test_a_set_contains_values_of_the_matrix(full: Tree) -> None:
    assert sets(full)["docker/intermediate/gpu-deps/requirements-3.11.lock"].text == "gpu-package==1.2.*\n"


def test_a_changed_value_outdates_the_locks_that_use_it(full: Tree) -> None:
    full.toml('cuda = "1.2"', 'cuda = "1.3"')
    changed = [f"docker/intermediate/gpu-deps/requirements-{python}.lock" for python in ("3.11", "3.13")]
    assert disagreements(full) == [f"{lock} does not match requirements.in" for lock in changed]


def test_requirements_with_an_unknown_value_are_an_error(full: Tree) -> None:
    file = full.root / "docker/intermediate/deps/requirements.in"
    file.write_text("pandas=={pandsa}\n")
    with pytest.raises(MatrixError, match=r'deps/requirements\.in: unknown value "{pandsa}"'):
        disagreements(full)


def test_check_names_each_difference_and_the_remedy(agreeing: Tree) -> None:
    agreeing.toml('[spark."9.1"]', '[spark."9.2"]')
    project = agreeing.load(locked=False)
    with pytest.raises(MatrixError) as raised:
        check.check(project.matrix, project.recipes, project.locks, agreeing.root)
    assert "group:core:9.2" in str(raised.value)
    assert "group:core:9.1" in str(raised.value)
    assert str(raised.value).endswith("run `inv lock.update`")


def test_check_accepts_a_matching_project(agreeing: Tree) -> None:
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
def test_a_malformed_lock_is_an_error(tree: Tree, text: str) -> None:
    (tree.root / CORE / "artefacts.lock").write_text(text)
    with pytest.raises(MatrixError, match=rf"^{CORE}/artefacts\.lock: not a lock file: "):
        tree.load()


@pytest.mark.parametrize("entry", ['{"sha256": "short", "size": 1}', '{"sha256": 7, "size": 1}'])
def test_a_malformed_hash_is_an_error(tree: Tree, entry: str) -> None:
    (tree.root / CORE / "artefacts.lock").write_text(f'{{"group:core:9.0": {entry}, "group:core:9.1": {entry}}}')
    with pytest.raises(MatrixError, match=CORE):
        tree.load()


def test_write_lock_sorts_the_coordinates(tmp_path: Path) -> None:
    file = tmp_path / "artefacts.lock"
    locks.write_lock(file, {"b:b:1": Entry("1" * 64, 1), "a:a:1": Entry("2" * 64, 2)})
    assert list(json.loads(file.read_text())) == ["a:a:1", "b:b:1"]
    assert file.read_text().endswith("}\n")


def test_read_locks_reads_what_write_lock_wrote(tree: Tree) -> None:
    project = tree.load()
    locks.write_lock(tree.root / CORE / "artefacts.lock", project.locks["core"])
    assert locks.read_locks(project.recipes, tree.root) == project.locks


def test_package_versions_reads_names_and_versions(tmp_path: Path) -> None:
    file = tmp_path / "requirements.lock"
    file.write_text(
        "# compiled from a==1\npandas==2.3.3 \\\n    --hash=sha256:00==\n"
        "six==1.17.0 ; python_version < '4' \\\n    --hash=sha256:11\n"
    )
    assert locks.package_versions(file) == [("pandas", "2.3.3"), ("six", "1.17.0")]


def test_one_python_version_with_two_texts_of_requirements_in_is_an_error(full: Tree) -> None:
    (full.root / "docker/intermediate/deps/requirements.in").write_text("pandas\npackage=={spark}\n")
    with pytest.raises(MatrixError, match=r"9\.0-baseline and 9\.1-baseline have the same Python, 3\.11, and give"):
        disagreements(full)
