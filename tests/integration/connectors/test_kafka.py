"""A stream from Kafka to Parquet, with table and checkpoint on S3. It is killed and resumed."""

from pathlib import Path
from typing import Any

import pytest

from spark_images import ROOT
from tests.integration.conftest import HARDENED, RANDOM_UID, Image
from tests.integration.servers import KEYS, S3

PRODUCE = Path(__file__).parent / "jobs/produce.py"
COPY = ROOT / "examples/data/kafka_to_s3.py"
ROWS = 300
"""The number of rows before the stream is killed, and again before it resumes."""


@pytest.mark.thorough
def test_killed_stream_resumes_without_loss_or_duplicates(image: Image, s3: S3, kafka: str) -> None:
    copy = ("spark-submit", *s3.options, "/mnt/copy.py", kafka, "numbers", "s3a://data/numbers", "s3a://data/progress")
    produce = ("spark-submit", "/mnt/produce.py", kafka, "numbers")
    with image.volume({"produce.py": PRODUCE, "copy.py": COPY}) as jobs:
        how: dict[str, Any] = {"environment": KEYS, "network": s3.network}
        how["volumes"] = {jobs: {"bind": "/mnt", "mode": "ro"}}
        assert image.run(*produce, "0", str(ROWS), **how).exit_code == 0
        with image.start(*copy, "--rows-per-batch", "10", **how) as running:
            running.wait_for("batch ", timeout=120)
            running.container.kill()
        assert image.run(*produce, str(ROWS), str(ROWS), **how).exit_code == 0
        result = image.run(*copy, "--available-now", **how, user=RANDOM_UID, **HARDENED)
    assert result.exit_code == 0
    assert f"the table has {2 * ROWS} rows, {2 * ROWS} different" in result.stdout
