"""Writes numbers to a Kafka topic, copies them to a table on S3, and waits in the middle of a batch until it is killed.

Arguments: the server, the topic, the table, the checkpoint, the format, and the count of the numbers. It waits at
the number after three quarters of them. Each batch has 10 numbers. HELD is a file that the driver and its executors can
see.
"""

import os
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, udf
from pyspark.sql.types import BooleanType

HELD = Path(os.environ.get("HELD", "/tmp/held"))


@udf(BooleanType())  # type: ignore[untyped-decorator]
def passes(value: str) -> bool:
    """Waits at one number. The Python worker cannot write to the driver's standard output, so it makes a file."""
    if value == last:
        HELD.touch()
        time.sleep(600)
    return True


server, topic, table, checkpoint, kind, count = sys.argv[1:]
# Two tasks write half of the numbers each, so this number is neither in the first batch nor in the last one.
last = str(int(count) * 3 // 4)
spark = SparkSession.builder.appName("hold").getOrCreate()
numbers = spark.range(int(count)).selectExpr("CAST(id AS STRING) AS value")
numbers.write.format("kafka").option("kafka.bootstrap.servers", server).option("topic", topic).save()
messages = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", server)
    .option("subscribe", topic)
    .option("startingOffsets", "earliest")
    .option("maxOffsetsPerTrigger", "10")
    .load()
    .selectExpr("CAST(value AS STRING) AS value", "partition", "offset")
    .where(passes(col("value")))
)
writer = messages.writeStream.format(kind).option("checkpointLocation", checkpoint)
query = writer.start(table) if "://" in table else writer.toTable(table)
while not HELD.exists():
    if query.awaitTermination(0.2):
        sys.exit("the stream ended before the number")
print(f"{len(query.recentProgress)} batches are written, the next one is open", flush=True)
time.sleep(600)
