"""A stream from Kafka to Parquet, with table and checkpoint on S3. It is killed and resumed."""

from pathlib import Path
from typing import Any

import pytest

from spark_images import ROOT
from tests.integration.conftest import HARDENED, RANDOM_UID, Image
from tests.integration.servers import KEYS, S3

PRODUCE = Path(__file__).parent / "jobs/produce.py"
COPY = ROOT / "examples/data/kafka_to_s3.py"
ROWS = 600
"""The number of rows in the topic. The stream reads 10 of them in a batch, and is killed after its first batches."""


@pytest.mark.thorough
def test_killed_stream_resumes_without_loss_or_duplicates(image: Image, s3: S3, kafka: str) -> None:
    copy = (
        "spark-submit",
        *s3.options,
        "/mnt/kafka_to_s3.py",
        kafka,
        "numbers",
        "s3a://data/numbers",
        "s3a://data/progress",
    )
    with image.volume({"produce.py": PRODUCE, COPY.name: COPY}) as jobs:
        how: dict[str, Any] = {"environment": KEYS, "network": s3.network}
        how["volumes"] = {jobs: {"bind": "/mnt", "mode": "ro"}}
        produced = image.run("spark-submit", "/mnt/produce.py", kafka, "numbers", str(ROWS), **how)
        assert produced.exit_code == 0
        with image.start(*copy, "--rows-per-batch", "10", **how) as running:
            running.wait_for("batch ", timeout=120)
            running.container.kill()
        result = image.run(*copy, "--available-now", **how, user=RANDOM_UID, **HARDENED)
    assert result.exit_code == 0
    assert f"the table has {ROWS} rows, {ROWS} different" in result.stdout
