"""requirements.in names every package that the code of this repository imports."""

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from spark_images import ROOT

FOLDERS = ("spark_images", "benchmarks", "tests")
OWN = {*FOLDERS, "tasks", "noxfile"}
WITH_PYTHON = {"pip"}
"""Every virtual environment has these packages."""


def sources() -> Iterator[Path]:
    """Yields the Python files that run on the build machine. Jobs run inside the images."""
    yield from (ROOT / "tasks.py", ROOT / "noxfile.py")
    for folder in FOLDERS:
        yield from (file for file in (ROOT / folder).rglob("*.py") if "jobs" not in file.parts)


def imported(file: Path) -> set[str]:
    """Returns the third-party top-level modules that a file imports, including imports inside functions."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - OWN - WITH_PYTHON


def test_every_imported_package_is_declared() -> None:
    text = (ROOT / "requirements.in").read_text()
    declared = {re.split(r"[\s\[<>=~!;]", line)[0] for line in text.splitlines() if line and not line.startswith("#")}
    names = packages_distributions()
    missing = [
        f"{file.relative_to(ROOT)} imports {module}"
        for file in sources()
        for module in sorted(imported(file))
        if not declared & {name.lower().replace("_", "-") for name in names.get(module, [module])}
    ]
    assert missing == []
