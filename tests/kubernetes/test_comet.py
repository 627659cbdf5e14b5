"""Comet on a cluster: the plan of the example is native, and the pods of its executors have Comet's memory too."""

from typing import Any

import pytest

from spark_images.matrix.model import Cell
from tests.kubernetes.conftest import EXAMPLES, Cluster
from tests.kubernetes.test_examples import job_of


@pytest.fixture(scope="module", autouse=True)
def only_with_comet(image: str, cell: Cell) -> None:
    if "comet" not in cell.features:
        pytest.skip(f"{image} has no feature comet")


@pytest.mark.thorough
@pytest.mark.slow
def test_example_is_native_on_executors_that_have_the_sum_of_the_memory(cluster: Cluster) -> None:
    """Runs the example with the image under test."""
    cluster.apply(job_of(EXAMPLES / "comet/job.yaml", cluster))
    executors: list[Any] = cluster.wait(
        "two executors", lambda: len(found := cluster.pods("spark-role=executor")) == 2 and found
    )
    cluster.wait_for_job("comet-job")
    log = cluster.log_of_job("comet-job")
    # The tests of all examples apply the manifest again, and a Job cannot change.
    cluster.kubectl("delete", "job", "comet-job")
    assert "CometHashAggregate" in log
    assert "CometExchange" in log
    rows = [line.split("\t") for line in log.splitlines() if line[:2] in {f"{day}\t" for day in range(7)}]
    assert rows == [[str(day), str(sum(1 for _ in range(day, 10_000_000, 7)))] for day in range(7)]
    for pod in executors:
        (spark,) = pod["spec"]["containers"]
        assert spark["resources"]["limits"]["memory"] == f"{1024 + 1024 + 512}Mi"
