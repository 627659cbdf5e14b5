"""A client of a Spark Connect server. It runs SQL, and a Python UDF on the server."""

import json
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

spark = SparkSession.builder.remote(sys.argv[1]).getOrCreate()
twice = udf(lambda number: number * 2, "long")
print(
    "RESULT "
    + json.dumps(
        {
            "version": spark.version,
            "sum": spark.range(100).selectExpr("sum(id)").first()[0],
            "twice": [row[0] for row in spark.range(3).select(twice("id")).collect()],
        }
    )
)
