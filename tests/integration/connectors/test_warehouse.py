"""Spark's warehouse and a checkpoint of a DataFrame on S3, under a random UID and with a read-only root file system."""

from typing import Any

import pytest

from tests.integration.conftest import HARDENED, RANDOM_UID, Image
from tests.integration.servers import KEYS, S3

JOB = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.range(100).selectExpr("id", "id % 7 AS day").write.saveAsTable("orders")
print("location:", spark.sql("DESCRIBE EXTENDED orders").where("col_name = 'Location'").first()[1])
spark.sparkContext.setCheckpointDir("s3a://data/checkpoints")
days = spark.table("orders").groupBy("day").count().checkpoint()
print(days.count(), "days from the checkpoint:", "Scan ExistingRDD" in days._jdf.queryExecution().toString())
"""


@pytest.mark.thorough
def test_warehouse_and_checkpoints_can_be_on_s3(image: Image, s3: S3) -> None:
    command = ("spark-submit", *s3.options, "--conf", "spark.sql.warehouse.dir=s3a://data/warehouse", "/mnt/job.py")
    with image.volume({"job.py": JOB}) as volume:
        mounts = {volume: {"bind": "/mnt", "mode": "ro"}}
        how: dict[str, Any] = {"network": s3.network, "volumes": mounts, "working_dir": "/tmp", **HARDENED}
        result = image.run(*command, user=RANDOM_UID, environment=KEYS, **how)
    assert result.exit_code == 0
    assert "location: s3a://data/warehouse/orders" in result.stdout
    assert "7 days from the checkpoint: True" in result.stdout
