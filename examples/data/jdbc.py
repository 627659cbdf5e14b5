"""Reads a table of orders from a database in partitions, sums them up by day, and writes the sums to another table.

The user and the password are in a properties file, such as one of a mounted Secret.
"""

import argparse
from pathlib import Path

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("url", help="the JDBC URL of the database: jdbc:postgresql://host/database")
parser.add_argument("credentials", help="a file with the lines user=… and password=…")
parser.add_argument("source", help="a table with the columns `order_id`, `day` and `price`")
parser.add_argument("target", help="the table to write; it is replaced")
parser.add_argument("--highest-id", type=int, default=1_000_000)
parser.add_argument("--partitions", type=int, default=4)
arguments = parser.parse_args()

spark = SparkSession.builder.appName("jdbc-example").getOrCreate()
lines = Path(arguments.credentials).read_text().splitlines()
database = {"url": arguments.url, **dict(line.split("=", 1) for line in lines if line)}

# Each partition is one query for a range of IDs. The bounds only share the rows out: no row is left out.
orders = (
    spark.read.format("jdbc")
    .options(**database, dbtable=arguments.source, fetchsize=10_000)
    .options(partitionColumn="order_id", lowerBound=0, upperBound=arguments.highest_id)
    .options(numPartitions=arguments.partitions)
    .load()
)
print(f"{arguments.source}: {orders.count()} orders in {orders.rdd.getNumPartitions()} partitions")

orders.createOrReplaceTempView("orders")
sums = spark.sql("SELECT day, count(*) AS orders, sum(price) AS revenue FROM orders GROUP BY day")
sums.write.format("jdbc").options(**database, dbtable=arguments.target).mode("overwrite").save()
written = spark.read.format("jdbc").options(**database, dbtable=arguments.target).load()
print(f"{arguments.target}: {written.count()} days")
spark.stop()
