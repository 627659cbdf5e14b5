"""Appends to a Parquet table and to an Iceberg table on S3 while the test stops the S3 server. Reads both afterwards.

Prints the errors, and the rows of both tables before and after.
"""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

LOST, BACK = Path("/tmp/lost"), Path("/tmp/back")
PARQUET, ICEBERG = "s3a://data/lost/parquet", "lake.db.lost"
spark = SparkSession.builder.appName("lost-store").getOrCreate()
found = {}


@udf("bigint")
def late(number: int) -> int:
    """Waits at the second row until the server is lost."""
    while number % 2 and not LOST.exists():
        time.sleep(0.2)
    return number


def rows() -> list[list[int]]:
    return [sorted(row.id for row in table.collect()) for table in (spark.read.parquet(PARQUET), spark.table(ICEBERG))]


def attempt(name: str, action: Callable[[], object]) -> None:
    try:
        action()
        found[name] = "no error"
    except Exception as error:  # the message is the result
        found[name] = str(error)[:20000]
    found[f"{name} seconds"] = round(time.monotonic() - opened)


spark.range(0, 2, 1, 1).write.parquet(PARQUET)
spark.sql(f"CREATE TABLE {ICEBERG} USING iceberg AS SELECT id FROM range(0, 2, 1, 1)")
found["before"] = rows()
added = spark.range(2, 4, 1, 2).select(late("id").alias("id"))
actions = {
    "parquet": lambda: added.write.mode("append").parquet(PARQUET),
    "iceberg": lambda: added.writeTo(ICEBERG).append(),
}
threads = [threading.Thread(target=attempt, args=each) for each in actions.items()]
for thread in threads:
    thread.start()
tracker = spark.sparkContext.statusTracker()
stages = []
while sum(bool(stage and stage.numCompletedTasks) for stage in stages) < 2:
    time.sleep(0.2)
    stages = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
print("HALF IS WRITTEN", flush=True)
while not LOST.exists():
    time.sleep(0.2)
opened = time.monotonic()
for thread in threads:
    thread.join()
print("BOTH FAILED", flush=True)
while not BACK.exists():
    time.sleep(0.2)
found["after"] = rows()
found["snapshots"] = spark.table(f"{ICEBERG}.snapshots").count()
print("RESULT", json.dumps(found), flush=True)
spark.stop()
