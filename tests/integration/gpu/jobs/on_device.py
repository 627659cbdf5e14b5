"""Runs a query on a GPU and on the CPU. Prints whether the plan has GPU operators and the results are the same."""

import json

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

spark = SparkSession.builder.config("spark.ui.enabled", "false").getOrCreate()
numbers = spark.range(100_000).withColumn("key", f.col("id") % 100)
numbers.write.mode("overwrite").parquet("numbers")
query = spark.read.parquet("numbers").groupBy("key").agg(f.sum("id").alias("total")).orderBy("key")
totals = [row.total for row in query.collect()]
plan = query._jdf.queryExecution().executedPlan().toString()
spark.conf.set("spark.rapids.sql.enabled", "false")
on_cpu = [
    row.total
    for row in spark.read.parquet("numbers").groupBy("key").agg(f.sum("id").alias("total")).orderBy("key").collect()
]
print("RESULT " + json.dumps({"gpu": "Gpu" in plan, "same": totals == on_cpu, "rows": len(totals)}))
