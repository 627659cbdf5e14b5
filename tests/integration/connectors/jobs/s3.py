"""Writes and reads Parquet and Avro at the URL of the first argument, and then tries to replace a partition.

Prints what it read, the committer of that Parquet table, and the committers of the tables of the other arguments.
"""

import json
import sys

from pyspark.sql import SparkSession

url, *others = sys.argv[1:]
spark = SparkSession.builder.appName("s3").getOrCreate()
hadoop = spark._jvm.org.apache.hadoop.fs
files = hadoop.Path(url).getFileSystem(spark._jsc.hadoopConfiguration())


def committer(table: str) -> str:
    """Returns the committer of a table. Those of S3A write to a file that the classic committer leaves empty."""
    stream = files.open(hadoop.Path(f"{table}/_SUCCESS"))
    text = spark._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8")
    stream.close()
    return json.loads(text)["committer"] if text else "classic"


found = {}
rows = spark.range(1000).selectExpr("id", "id % 3 AS third")
for name in ("parquet", "avro"):
    table = f"{url}/{name}"
    rows.write.format(name).partitionBy("third").save(table)
    rows.where("third = 1").write.format(name).partitionBy("third").mode("append").save(table)
    read = spark.read.format(name).load(table)
    found[name] = [read.count(), read.where("third = 1").agg({"id": "sum"}).first()[0]]
found["committers"] = [committer(table) for table in (f"{url}/parquet", *others)]
try:
    one = spark.range(1).selectExpr("id", "CAST(1 AS BIGINT) AS third")
    overwrite = one.write.mode("overwrite").option("partitionOverwriteMode", "dynamic").partitionBy("third")
    overwrite.parquet(f"{url}/parquet")
    found["replaced"] = "replaced"
except Exception as error:  # the message is the result
    found["replaced"] = str(error)[:5000]
print("RESULT", json.dumps(found))
