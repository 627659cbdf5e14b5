"""The rooms of the package: each one imports only from the rooms before it."""

import ast
from pathlib import Path

import spark_images

ROOMS = ("matrix", "recipes", "plan", "engine", "locks", "reports", "checks", "site", "running")
PACKAGE = Path(spark_images.__file__).parent


def imported_rooms(module: Path) -> set[str]:
    names = [
        node.module
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("spark_images.")
    ]
    return {name.split(".")[1] for name in names} & set(ROOMS)


def test_the_rooms_are_those_of_the_package() -> None:
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} == set(ROOMS)


def test_imports_point_one_way() -> None:
    wrong = [
        f"{module.relative_to(PACKAGE)} imports {room}"
        for number, own in enumerate(ROOMS)
        for module in (PACKAGE / own).glob("*.py")
        for room in imported_rooms(module)
        if ROOMS.index(room) > number
    ]
    assert wrong == []


def test_what_stands_above_the_rooms_imports_none() -> None:
    assert [module.name for module in PACKAGE.glob("*.py") if imported_rooms(module)] == []


def test_every_room_says_what_it_is_for() -> None:
    for room in ROOMS:
        text = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text()))
        assert text, room
        assert len([line for line in text.splitlines() if line]) == 2, room
