import pytest

from spark_images.errors import MatrixError, SparkImagesError, UsageError, nearest, unknown


@pytest.mark.parametrize(("error", "code"), [(SparkImagesError, 1), (UsageError, 2), (MatrixError, 2)])
def test_exit_codes(error: type[SparkImagesError], code: int) -> None:
    assert error("…").exit_code == code


def test_nearest_names_the_most_similar_value() -> None:
    assert nearest("icberg", ["gpu", "gpu-iceberg", "iceberg"]) == '; the nearest is "iceberg"'


def test_nearest_is_silent_where_nothing_is_similar() -> None:
    assert nearest("zzz", ["gpu", "iceberg"]) == ""


def test_unknown_lists_what_there_is() -> None:
    assert unknown("variant", "gpuu", iter(["baseline", "gpu"])) == (
        'there is no variant "gpuu": there is baseline, gpu; the nearest is "gpu"'
    )
