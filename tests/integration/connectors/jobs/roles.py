"""Writes a table to each URL of the arguments, and prints the number of rows that it read back, or the error."""

import json
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("roles").getOrCreate()
found = {}
for url in sys.argv[1:]:
    try:
        spark.range(0, 10, 1, 1).write.parquet(url)
        found[url] = f"{spark.read.parquet(url).count()} rows"
    except Exception as error:  # the message is the result
        found[url] = str(error)[:2000]
print("RESULT", json.dumps(found))
