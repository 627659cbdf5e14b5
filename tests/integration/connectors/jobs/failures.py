"""Reads from each URL of the arguments. Prints the error and the seconds that each read took."""

import json
import sys
import time

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("failures").getOrCreate()
found = {}
for url in sys.argv[1:]:
    begun = time.monotonic()
    try:
        found[url] = [str(spark.read.text(url).count()), 0]
    except Exception as error:  # each kind of error counts
        found[url] = [str(error)[:1000], round(time.monotonic() - begun, 1)]
print("RESULT", json.dumps(found))
