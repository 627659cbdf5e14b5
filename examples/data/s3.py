"""Writes a table as Parquet and as Avro to S3 or Azure, and reads both.

The argument is a URL: s3a://bucket/path or abfss://container@account.blob.core.windows.net/path.
"""

import sys

from pyspark.sql import SparkSession

url = sys.argv[1]
spark = SparkSession.builder.appName("s3-example").getOrCreate()

orders = spark.range(1000).selectExpr("id AS order_id", "id % 7 AS day", "id * 0.5 AS price")
for name in ("parquet", "avro"):
    orders.write.format(name).mode("overwrite").partitionBy("day").save(f"{url}/{name}")
    read = spark.read.format(name).load(f"{url}/{name}")
    print(f"{name}: {read.count()} orders, {read.where('day = 3').count()} on day 3")
spark.stop()
