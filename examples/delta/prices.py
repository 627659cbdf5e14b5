"""Creates a Delta table, merges rows into it and reads its earlier version. The argument is the path of the table."""

import sys

from delta.tables import DeltaTable
from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("prices").getOrCreate()
path = sys.argv[1]

prices = spark.createDataFrame([("tea", 3), ("cake", 5)], "item STRING, price INT")
prices.write.format("delta").mode("overwrite").save(path)
table = DeltaTable.forPath(spark, path)
before = table.history(1).first().version

changes = spark.createDataFrame([("cake", 6), ("milk", 1)], "item STRING, price INT")
(
    table.alias("old")
    .merge(changes.alias("new"), "old.item = new.item")
    .whenMatchedUpdateAll()
    .whenNotMatchedInsertAll()
    .execute()
)

now = table.toDF().orderBy("item")
print(f"now: {[tuple(row) for row in now.collect()]}")
then = spark.read.format("delta").option("versionAsOf", before).load(path).orderBy("item")
print(f"before: {[tuple(row) for row in then.collect()]}")
