"""Runs for a minute or more: joins, aggregates, sorts and a Python UDF on generated data. The argument scales it."""

import sys

from pyspark.sql import SparkSession, Window
from pyspark.sql.functions import avg, col, count, countDistinct, rank, udf
from pyspark.sql.functions import hash as hashed
from pyspark.sql.functions import sum as total

million = 1_000_000
scale = float(sys.argv[1])
spark = SparkSession.builder.appName("long").config("spark.sql.shuffle.partitions", "8").getOrCreate()
spark.sparkContext.setLogLevel("WARN")


@udf("long")
def digits(number: int) -> int:
    return sum(map(int, str(number)))


orders = spark.range(int(8 * million * scale)).select(
    col("id").alias("order"),
    (hashed("id") % 200_000).alias("customer"),
    (hashed("id", "id") % 1_000).alias("item"),
    (col("id") % 977 / 7).alias("price"),
)
orders.write.parquet("/tmp/orders")
orders = spark.read.parquet("/tmp/orders")
customers = spark.range(-200_000, 200_000).select(col("id").alias("customer"), (col("id") % 25).alias("region"))

answers = []
# A sort-merge join of two large tables.
spark.conf.set("spark.sql.autoBroadcastJoinThreshold", "-1")
joined = orders.join(customers, "customer")
answers.append(
    joined.groupBy("region").agg(total("price").alias("t"), countDistinct("item")).agg(count("*")).first()[0]
)
# A sort of all rows, written to Parquet.
orders.sort("price", "customer").write.parquet("/tmp/sorted")
# Windows and aggregates.
by_item = orders.groupBy("item", "customer").agg(total("price").alias("spent"))
ranked = by_item.withColumn("place", rank().over(Window.partitionBy("item").orderBy(col("spent").desc())))
answers.append(ranked.where("place <= 3").agg(avg("spent")).first()[0])
# A Python UDF, row by row.
answers.append(orders.limit(int(2 * million * scale)).select(digits("order").alias("d")).agg(total("d")).first()[0])
print("ANSWER", *answers, flush=True)
spark.stop()
