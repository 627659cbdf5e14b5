from dataclasses import replace

import pytest

from spark_images.checks.records import Record
from spark_images.errors import SparkImagesError, UsageError
from spark_images.plan.project import Project
from spark_images.publish import local
from spark_images.publish.local import Local

PASSED = Record("sha256:0", "9.0-lake", "test-9.0-lake", "abc", "2026-11-27T22:30:00Z", ("a",), (), ())


@pytest.fixture
def image(small: Project) -> Local:
    cell = next(cell for cell in small.matrix.buildable if cell.key == "9.0-lake")
    return Local(
        cell, "k8s-spark-9.0-lake:latest", "sha256:0123456789abcdef", (), "abc", "2026-11-27T10:00:00Z", (PASSED,)
    )


def test_a_tested_image_of_a_commit_may_be_published(small: Project, image: Local) -> None:
    local.check(small.matrix, [image], [], image.revision, dirty=False)


@pytest.mark.parametrize("revision", ["abc-dirty", ""])
def test_an_image_of_uncommitted_changes_is_refused(small: Project, image: Local, revision: str) -> None:
    wrong = replace(image, revision=revision)
    with pytest.raises(SparkImagesError, match=r"is built from uncommitted changes .*, or pass --dirty"):
        local.check(small.matrix, [wrong], [], revision, dirty=False)
    local.check(small.matrix, [wrong], [], revision, dirty=True)


def test_an_image_of_other_inputs_than_those_of_the_working_tree_is_refused(small: Project, image: Local) -> None:
    for dirty in (False, True):
        with pytest.raises(
            SparkImagesError, match="is built from abc, and the working tree has other inputs of images"
        ):
            local.check(small.matrix, [image], [], "def", dirty=dirty)


def test_an_image_without_a_record_is_refused_unless_it_is_named(small: Project, image: Local) -> None:
    wrong = replace(image, records=())
    with pytest.raises(SparkImagesError) as raised:
        local.check(small.matrix, [wrong], [], image.revision, dirty=False)
    assert str(raised.value) == (
        "k8s-spark-9.0-lake:latest: no session has tested this image (ID 0123456789ab): run `nox -s test-9.0-lake`, "
        "or pass --untested 9.0-lake"
    )
    local.check(small.matrix, [wrong], ["9.0-lake"], image.revision, dirty=False)


def test_an_image_with_a_failed_session_is_refused(small: Project, image: Local) -> None:
    wrong = replace(image, records=(PASSED, replace(PASSED, session="test-9.0-lake -- --quick", failed=("b",))))
    with pytest.raises(SparkImagesError, match=r"tests failed in test-9.0-lake -- --quick: correct them"):
        local.check(small.matrix, [wrong], [], image.revision, dirty=False)


def test_an_image_whose_tests_were_all_skipped_is_refused(small: Project, image: Local) -> None:
    wrong = replace(image, records=(replace(PASSED, passed=(), skipped=("a",)),))
    with pytest.raises(SparkImagesError, match=r"no test of this image has passed, they were all skipped"):
        local.check(small.matrix, [wrong], [], image.revision, dirty=False)


def test_all_refused_images_are_named_at_once(small: Project, image: Local) -> None:
    wrong = [replace(image, records=()), replace(image, revision="")]
    with pytest.raises(SparkImagesError) as raised:
        local.check(small.matrix, wrong, [], image.revision, dirty=False)
    assert len(str(raised.value).splitlines()) == 2


def test_an_unknown_untested_cell_is_an_error_with_the_nearest_one(small: Project, image: Local) -> None:
    with pytest.raises(UsageError, match=r'unknown cell "9.0-lakes".*did you mean "9.0-lake"'):
        local.check(small.matrix, [image], ["9.0-lakes"], image.revision, dirty=False)


def test_an_untested_cell_that_is_not_published_is_an_error(small: Project, image: Local) -> None:
    with pytest.raises(UsageError, match=r"--untested 10.0-lake: this cell is not published"):
        local.check(small.matrix, [image], ["10.0-lake"], image.revision, dirty=False)


def test_the_day_is_that_of_the_commit(image: Local) -> None:
    assert image.day == "20261127"
    assert replace(image, created="").day == "undated"
