"""Copies a Kafka topic to a table: Parquet, Delta Lake or Iceberg. A job that was stopped goes on where it was.

It runs until it is stopped, or with --available-now until it has read what the topic contains.
"""

import argparse

from pyspark.sql import SparkSession

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("servers", help="a Kafka server: host:port")
parser.add_argument("topic")
parser.add_argument("table", help="a URL (s3a://bucket/path) or the name of a table (catalogue.schema.table)")
parser.add_argument("checkpoint", help="the URL of the job's progress; each job needs its own")
parser.add_argument("--format", default="parquet", choices=("parquet", "delta", "iceberg"))
parser.add_argument("--available-now", action="store_true")
parser.add_argument("--rows-per-batch", default="10000")
arguments = parser.parse_args()
is_path = "://" in arguments.table

spark = SparkSession.builder.appName("kafka-to-table").getOrCreate()
messages = (
    spark.readStream.format("kafka")
    .option("kafka.bootstrap.servers", arguments.servers)
    .option("subscribe", arguments.topic)
    .option("startingOffsets", "earliest")
    .option("maxOffsetsPerTrigger", arguments.rows_per_batch)
    .load()
    .selectExpr("CAST(value AS STRING) AS value", "partition", "offset")
)
writer = messages.writeStream.format(arguments.format).option("checkpointLocation", arguments.checkpoint)
if arguments.available_now:
    writer = writer.trigger(availableNow=True)
query = writer.start(arguments.table) if is_path else writer.toTable(arguments.table)
while not query.awaitTermination(1):
    if query.lastProgress:
        print(f"batch {query.lastProgress['batchId']}: {query.lastProgress['numInputRows']} rows", flush=True)

table = spark.read.format(arguments.format).load(arguments.table) if is_path else spark.table(arguments.table)
print(f"the table has {table.count()} rows, {table.select('value').distinct().count()} different")
spark.stop()
