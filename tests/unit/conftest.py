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
    """The real project without settings from the environment. Most tests use the small projects instead."""
    return load_project(environment={})


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project of full.py, loaded. Tests must not change it."""
    return Tree(tmp_path_factory.mktemp("full")).write_full().load()


@pytest.fixture
def full(tmp_path: Path) -> Tree:
    """The working tree of the project of full.py, for tests that change it."""
    return Tree(tmp_path).write_full()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """The working tree of the small project, for tests that change it."""
    return Tree(tmp_path).write()
