"""A stream from Kafka to a Delta table on S3. Its driver is killed, and another one resumes it."""

import pytest

from tests.integration.conftest import Image
from tests.integration.delta.conftest import FAST
from tests.integration.servers import S3
from tests.integration.streams import COMPLETE, killed_and_resumed


@pytest.mark.thorough
@pytest.mark.slow
def test_killed_stream_resumes_without_loss_or_duplicates(image: Image, s3: S3, kafka: str) -> None:
    result = killed_and_resumed(image, s3, kafka, "delta", "s3a://data/delta/numbers", FAST)
    assert result.exit_code == 0
    assert COMPLETE in result.stdout
