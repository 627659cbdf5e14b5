"""Sums by key with a shuffle over two executors. Prints the sums, and the IDs, UIDs and users of the executors."""

import getpass
import json
import os
import time

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.getOrCreate()
context = spark.sparkContext


def who(_: int) -> tuple[str, int, str]:
    time.sleep(0.5)  # long enough that both executors run some tasks
    executor = os.environ.get("SPARK_EXECUTOR_ID", "")
    return executor, os.getuid(), getpass.getuser()


status = context._jsc.sc().statusTracker()
while len(status.getExecutorInfos()) < 3:  # two executors and the driver
    time.sleep(0.2)
workers = context.parallelize(range(8), 8).map(who).collect()
sums = spark.range(0, 1000, 1, 8).selectExpr("id % 10 AS key", "id").groupBy("key").sum("id").orderBy("key").collect()
triple = udf(lambda number: number * 3, "long")
print(
    "RESULT "
    + json.dumps(
        {
            "version": spark.version,
            "sums": [row[1] for row in sums],
            "tripled": [row[0] for row in spark.range(3).select(triple("id")).collect()],
            "executors": sorted({executor for executor, _, _ in workers}),
            "uids": sorted({uid for _, uid, _ in workers}),
            "users": sorted({user for _, _, user in workers}),
        }
    )
)
