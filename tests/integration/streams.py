"""Streams from Kafka to a table, with the checkpoint on S3. A driver dies in a batch, and another one resumes."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spark_images import ROOT
from tests.integration.conftest import HARDENED, RANDOM_UID, Image, Result
from tests.integration.servers import KEYS, S3

HOLD = Path(__file__).parent / "jobs/hold.py"
COPY = ROOT / "examples/data/kafka_to_table.py"

ROWS = 50
"""The count of the messages. The first driver dies after about three quarters of them."""


def complete(rows: int) -> str:
    """Returns the line that the example prints for `rows` messages if none is lost and none is there twice."""
    return f"the table has {rows} rows, {rows} different"


COMPLETE = complete(ROWS)


def written_batches(log: str) -> int:
    """Returns how many batches were written when the job of HOLD stopped in an open one, from its log."""
    return int(re.findall(r"(\d+) batches are written", log)[0])


def killed_and_resumed(image: Image, s3: S3, kafka: str, kind: str, table: str, options: Sequence[str] = ()) -> Result:
    """Kills a driver in a batch and returns the result of a second driver, which reads the rest with the example.

    `kind` is the format of the table, and also the name of the topic. `table` is a URL or the name of a table.
    `options` are for spark-submit. Fails the test if the first driver did not complete a batch before it was killed.
    """
    submit = ("spark-submit", *s3.options, *options)
    checkpoint = f"s3a://data/progress/{kind}"
    with image.volume({HOLD.name: HOLD, COPY.name: COPY}) as jobs:
        how: dict[str, Any] = {"environment": KEYS, "network": s3.network}
        how["volumes"] = {jobs: {"bind": "/mnt", "mode": "ro"}}
        with image.start(*submit, f"/mnt/{HOLD.name}", kafka, kind, table, checkpoint, kind, str(ROWS), **how) as held:
            held.wait_for("the next one is open", timeout=120)
            assert written_batches(held.log) > 0
            held.container.kill()
        resume = (f"/mnt/{COPY.name}", kafka, kind, table, checkpoint, "--format", kind, "--available-now")
        return image.run(*submit, *resume, "--rows-per-batch", "10", **how, user=RANDOM_UID, **HARDENED)
