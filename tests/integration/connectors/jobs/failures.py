"""Reads from each URL of the arguments, and prints the errors."""

import json
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("failures").getOrCreate()
found = {}
for url in sys.argv[1:]:
    try:
        found[url] = f"{spark.sparkContext.textFile(url).count()} rows"
    except Exception as error:  # the message is the result
        found[url] = str(error)[:1000]
print("RESULT", json.dumps(found))
