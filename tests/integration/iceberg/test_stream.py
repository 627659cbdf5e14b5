"""A stream from Kafka to an Iceberg table on S3. Its driver is killed, and another one resumes it."""

import pytest

from tests.integration.conftest import Image, options
from tests.integration.servers import S3
from tests.integration.streams import COMPLETE, killed_and_resumed

CATALOGUE = {
    "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
    "spark.sql.catalog.lake.type": "hadoop",
    "spark.sql.catalog.lake.warehouse": "s3a://data/lake",
}


@pytest.mark.thorough
@pytest.mark.slow
def test_killed_stream_resumes_without_loss_or_duplicates(image: Image, s3: S3, kafka: str) -> None:
    result = killed_and_resumed(image, s3, kafka, "iceberg", "lake.db.numbers", options(CATALOGUE))
    assert result.exit_code == 0
    assert COMPLETE in result.stdout
