"""Runs a query with each common operator, so that RAPIDS explains its plan. The CPU computes the result."""

import json

from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from pyspark.sql.window import Window

spark = SparkSession.builder.config("spark.ui.enabled", "false").getOrCreate()

spark.range(1000).select(f.col("id"), (f.col("id") % 10).alias("key"), (f.col("id") * 1.5).alias("amount")).write.mode(
    "overwrite"
).parquet("facts")
spark.createDataFrame([(n, f"name {n}") for n in range(10)], "key LONG, name STRING").write.mode("overwrite").parquet(
    "names"
)

facts, names = spark.read.parquet("facts"), spark.read.parquet("names")
ranked = f.row_number().over(Window.partitionBy("name").orderBy(f.desc("total")))
query = (
    facts.where("amount > 100")
    .join(names, "key")
    .groupBy("name", (f.col("id") % 3).alias("part"))
    .agg(f.sum("amount").alias("total"))
    .withColumn("rank", ranked)
    .orderBy("name", "rank")
)
rows = [list(row) for row in query.collect()]
# RAPIDS does not support this function, and must log the reason.
print("UNSUPPORTED BEGINS")
soundex = spark.range(3).select(f.soundex(f.col("id").cast("string")).alias("s"), "id").orderBy("id").collect()

expected: dict[tuple[str, int], float] = {}
for number in range(1000):
    if number * 1.5 > 100:
        group = (f"name {number % 10}", number % 3)
        expected[group] = expected.get(group, 0) + number * 1.5
print(
    "RESULT "
    + json.dumps(
        {
            "rows": len(rows),
            "right": {(name, part): total for name, part, total, _ in rows} == expected,
            "ranks": [rank for _, _, _, rank in rows[:6]],
            "plugins": spark.conf.get("spark.plugins"),
            "soundex": len(soundex),
        }
    )
)
