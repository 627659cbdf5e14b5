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
    """The real project, as no environment changes it."""
    return load_project(environment={})


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A small project to make mistakes in."""
    return Tree(tmp_path).write()
