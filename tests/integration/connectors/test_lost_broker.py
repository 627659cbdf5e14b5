"""A Kafka broker that does not answer any more, in the middle of a batch and of a stream. The job ends.

docs/data.md names the options and says how long a job takes without them.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from spark_images.engine import daemon
from tests.integration.conftest import Image, result_in

JOB = Path(__file__).parent / "jobs/lost_broker.py"
LIMITS = {
    "kafkaConsumer.pollTimeoutMs": "5000",
    "kafka.default.api.timeout.ms": "5000",
    "kafka.request.timeout.ms": "5000",
    "fetchOffset.numRetries": "1",
}


@pytest.fixture(scope="module")
def found(image: Image, network: str, kafka: str) -> Any:
    """Returns the errors of a job whose broker was paused while it read."""
    broker = daemon.client().containers.get(kafka.partition(":")[0])
    with image.volume({"lost_broker.py": JOB}) as volume:
        command = ("spark-submit", "--master", "local[4]", "/mnt/lost_broker.py", kafka, "lost", json.dumps(LIMITS))
        mounts = {volume: {"bind": "/mnt", "mode": "ro"}}
        with image.start(*command, network=network, volumes=mounts) as job:
            job.wait_for("OPEN", timeout=120)
            broker.pause()
            try:
                job.wait_for("RESULT", timeout=90)
            finally:
                broker.unpause()
            return result_in(job.log)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("reader", "message"),
    [
        ("batch", "Timeout of 5000ms expired before the position for partition lost-0 could be determined"),
        ("stream", "Timeout of 5000ms expired before the position for partition lost-0 could be determined"),
        # The rest of the message depends on the request that was open.
        ("idle", "org.apache.kafka.common.errors.TimeoutException"),
    ],
)
def test_reader_whose_broker_is_lost_ends_with_an_error(found: Any, reader: str, message: str) -> None:
    """`idle` is a stream that has read everything and asks for new messages."""
    assert message in found[reader]
