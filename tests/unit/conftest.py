import os
from pathlib import Path

import pytest

from spark_images.engine import daemon
from spark_images.plan.project import Project, load_project
from tests.unit.tree import Tree


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in os.environ:
        if variable.startswith("SPARK_IMAGES_"):
            monkeypatch.delenv(variable)


@pytest.fixture(autouse=True)
def _no_client_of_another_test() -> None:
    daemon.client.cache_clear()


@pytest.fixture(scope="session")
def project() -> Project:
    """The real project, as no environment changes it: for test_real_matrix.py. Other tests take the small ones."""
    return load_project(environment={})


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small project with two of everything, to be read."""
    return Tree(tmp_path_factory.mktemp("full")).write_full().load()


@pytest.fixture
def full(tmp_path: Path) -> Tree:
    """The small project with two of everything, to make mistakes in."""
    return Tree(tmp_path).write_full()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A small project to make mistakes in."""
    return Tree(tmp_path).write()
