import os
from pathlib import Path

import pytest

from spark_images import house
from spark_images.house import Factory
from tests.unit.tree import Tree


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in os.environ:
        if variable.startswith("SPARK_IMAGES_"):
            monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def factory() -> Factory:
    """The real factory, as no environment changes it."""
    return house.load(environment={})


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A small factory to make mistakes in."""
    return Tree(tmp_path).write()
