import errno

import pytest

from spark_images.errors import MatrixError, SparkImagesError, UsageError, nearest, of_machine, unknown


@pytest.mark.parametrize(("error", "code"), [(SparkImagesError, 1), (UsageError, 2), (MatrixError, 2)])
def test_exit_codes(error: type[SparkImagesError], code: int) -> None:
    assert error("any").exit_code == code


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/a/log"),
            "/a/log: No space left on device: "
            "remove what you no longer need (docker system prune, docker buildx prune)",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/a/log"), "/a/log: Permission denied"),
        (OSError(errno.EROFS, "Read-only file system"), "Read-only file system"),
    ],
)
def test_error_of_the_machine_is_shown_to_the_user(error: OSError, message: str) -> None:
    found = of_machine(error)
    assert found is not None
    assert (str(found), found.exit_code) == (message, 1)


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "No such file", "/a"), OSError("the line broke")])
def test_other_os_error_is_not_shown_to_the_user(error: OSError) -> None:
    assert of_machine(error) is None


def test_nearest_names_the_most_similar_value() -> None:
    assert nearest("icberg", ["gpu", "gpu-iceberg", "iceberg"]) == ' (did you mean "iceberg"?)'


def test_nearest_is_empty_if_nothing_is_similar() -> None:
    assert nearest("zzz", ["gpu", "iceberg"]) == ""


def test_unknown_lists_the_valid_values() -> None:
    assert unknown("variant", "gpuu", iter(["baseline", "gpu"])) == (
        'unknown variant "gpuu"; expected one of baseline, gpu (did you mean "gpu"?)'
    )
