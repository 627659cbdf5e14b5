"""A Delta table on S3, written by the example of examples/delta. Every Spark version runs it."""

import pytest

from spark_images import ROOT
from tests.integration.conftest import Image
from tests.integration.delta.conftest import FAST
from tests.integration.servers import KEYS, S3

EXAMPLE = ROOT / "examples/delta/prices.py"


@pytest.mark.smoke
def test_example_merges_into_a_table_on_s3(image: Image, s3: S3) -> None:
    job = "/opt/spark/work-dir/prices.py"
    command = ("spark-submit", *FAST, *s3.options, job, "s3a://data/prices")
    result = image.run(*command, environment=KEYS, files={job: EXAMPLE}, network=s3.network)
    printed = [line for line in result.stdout.splitlines() if line.startswith(("now:", "before:"))]
    assert printed == [
        "now: [('cake', 6), ('milk', 1), ('tea', 3)]",
        "before: [('cake', 5), ('tea', 3)]",
    ]
