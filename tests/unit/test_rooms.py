"""Each subpackage of spark_images imports only from the subpackages before it."""

import ast
from pathlib import Path

import spark_images

ROOMS = (
    "matrix",
    "recipes",
    "plan",
    "engine",
    "locks",
    "reports",
    "sbom",
    "attest",
    "scan",
    "checks",
    "publish",
    "site",
    "running",
    "versions",
)
PACKAGE = Path(spark_images.__file__).parent


def imported_rooms(module: Path) -> set[str]:
    names = [
        node.module
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("spark_images.")
    ]
    return {name.split(".")[1] for name in names} & set(ROOMS)


def test_rooms_lists_every_subpackage() -> None:
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(ROOMS)


def test_subpackage_imports_only_from_those_before_it() -> None:
    wrong = [
        f"{module.relative_to(PACKAGE)} imports {room}"
        for number, own in enumerate(ROOMS)
        for module in (PACKAGE / own).glob("*.py")
        for room in imported_rooms(module)
        if ROOMS.index(room) > number
    ]
    assert wrong == []


def test_top_level_modules_import_no_subpackage() -> None:
    assert [module.name for module in PACKAGE.glob("*.py") if imported_rooms(module)] == []


def test_subpackage_docstring_has_two_lines() -> None:
    for room in ROOMS:
        text = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text()))
        assert text, room
        assert len([line for line in text.splitlines() if line]) == 2, room
