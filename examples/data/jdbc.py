"""Reads a table of a database in four partitions, counts its rows by day, and writes the counts to another table.

The user and the password are in a properties file, such as one of a mounted Secret.
"""

import argparse
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("url", help="the JDBC URL of the database: jdbc:postgresql://host/database")
parser.add_argument("credentials", help="a file with the lines user=… and password=…")
parser.add_argument("source", help="a table with a column `day` and a column `price`")
parser.add_argument("key", help="a column of the source with numbers, such as its primary key")
parser.add_argument("target", help="the table to write: it is replaced")
arguments = parser.parse_args()

spark = SparkSession.builder.appName("jdbc-example").getOrCreate()
lines = Path(arguments.credentials).read_text().splitlines()
database = {"url": arguments.url, **dict(line.split("=", 1) for line in lines if line)}

bounds = (
    spark.read.format("jdbc")
    .options(
        **database, query=f"SELECT min({arguments.key}) AS low, max({arguments.key}) AS high FROM {arguments.source}"
    )
    .load()
    .first()
)
source = (
    spark.read.format("jdbc")
    .options(**database, dbtable=arguments.source, fetchsize=10_000)
    # Each partition is one query. The bounds share the rows out, and leave none out.
    .options(partitionColumn=arguments.key, lowerBound=bounds.low, upperBound=bounds.high, numPartitions=4)
    .load()
)
print(f"{arguments.source}: {source.count()} rows in {source.rdd.getNumPartitions()} partitions")

summary = source.groupBy("day").agg(F.count("*").alias("orders"), F.sum("price").alias("revenue"))
summary.write.format("jdbc").options(**database, dbtable=arguments.target).mode("overwrite").save()
written = spark.read.format("jdbc").options(**database, dbtable=arguments.target).load()
print(f"{arguments.target}: {written.count()} rows")
spark.stop()
