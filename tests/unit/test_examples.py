"""The README of the Kubernetes examples lists each of their files, and says how it is tested."""

import re

from spark_images import ROOT

FOLDER = ROOT / "examples/kubernetes"
README = FOLDER / "README.md"
DEFINITIONS = ROOT / "tests/kubernetes/crd"


def listed() -> dict[str, str]:
    """Returns the last column of the table of files, by the path of the file."""
    rows = re.findall(r"^\| \[(.+?)\]\(\1\) \| .+ \| (.+) \|$", README.read_text(), re.MULTILINE)
    return dict(rows)


def test_every_file_is_in_the_table() -> None:
    files = {str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file() and path != README}
    assert set(listed()) == files


def test_only_the_secure_example_has_other_files_than_manifests() -> None:
    """tests/kubernetes/test_examples.py applies all manifests. test_secure.py uses the other files of secure/."""
    others = {path for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".yaml"} - {README}
    assert {path.parent.name for path in others} == {"secure"}


def test_operators_files_name_the_definitions_that_check_them() -> None:
    definitions = {folder.name.partition("-")[0]: folder.name for folder in DEFINITIONS.iterdir() if folder.is_dir()}
    tested = {path: how for path, how in listed().items() if path.partition("/")[0] in definitions}
    assert {path.partition("/")[0] for path in tested} == set(definitions)
    for path, how in tested.items():
        assert how.startswith(f"dry run, {definitions[path.partition('/')[0]]}")
