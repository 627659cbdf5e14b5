"""Sums by key with a shuffle, and looks for the rows in plain text in the shuffle files of the executors.

It then waits for the file /tmp/finish, so that a test can examine the running driver.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from pyspark.sql import SparkSession

PLAIN = "a row in plain text"
FINISH = Path("/tmp/finish")

spark = SparkSession.builder.config("spark.shuffle.compress", "false").getOrCreate()
context = spark.sparkContext


def shuffle_files(_: int) -> Iterator[tuple[str, bool]]:
    """Yields the name of each shuffle file of the executor, and whether it contains the rows in plain text."""
    time.sleep(0.5)  # long enough that both executors run some tasks
    for folder in os.environ["SPARK_LOCAL_DIRS"].split(","):
        for file in Path(folder).rglob("shuffle_*.data"):
            yield file.name, PLAIN.encode() in file.read_bytes()


status = context._jsc.sc().statusTracker()
while len(status.getExecutorInfos()) < 3:  # two executors and the driver
    time.sleep(0.2)
rows = spark.range(0, 1000, 1, 4).selectExpr(f"concat('{PLAIN} ', id % 10) AS key", "id").repartition(4, "key")
sums = rows.groupBy("key").sum("id").orderBy("key").collect()
files = dict(context.parallelize(range(8), 8).flatMap(shuffle_files).collect())
found = {"sums": [row[1] for row in sums], "files": len(files), "in_plain_text": sum(files.values())}
print("RESULT " + json.dumps(found), flush=True)
while not FINISH.exists():
    time.sleep(0.2)
