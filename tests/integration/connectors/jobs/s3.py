"""Writes and reads Parquet and Avro at the URL that is the first argument, and then replaces a partition.

Prints what it read, and the committer.
"""

import json
import sys

from pyspark.sql import SparkSession

url = sys.argv[1]
spark = SparkSession.builder.appName("s3").getOrCreate()
hadoop = spark._jvm.org.apache.hadoop.fs
files = hadoop.Path(url).getFileSystem(spark._jsc.hadoopConfiguration())


def text(path: str) -> str:
    stream = files.open(hadoop.Path(path))
    try:
        return spark._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8")
    finally:
        stream.close()


found = {}
rows = spark.range(1000).selectExpr("id", "id % 3 AS third")
for name in ("parquet", "avro"):
    table = f"{url}/{name}"
    rows.write.format(name).partitionBy("third").save(table)
    rows.where("third = 1").write.format(name).partitionBy("third").mode("append").save(table)
    read = spark.read.format(name).load(table)
    found[name] = [read.count(), read.where("third = 1").agg({"id": "sum"}).first()[0]]
# A committer of S3A describes its work in this file. The classic committer leaves it empty.
success = text(f"{url}/parquet/_SUCCESS")
found["committer"] = json.loads(success)["committer"] if success else "classic"

try:
    one = spark.range(1).selectExpr("id", "CAST(1 AS BIGINT) AS third")
    overwrite = one.write.mode("overwrite").option("partitionOverwriteMode", "dynamic").partitionBy("third")
    overwrite.parquet(f"{url}/parquet")
    found["replaced"] = spark.read.parquet(f"{url}/parquet").count()
except Exception as error:  # the message is the result
    found["replaced"] = str(error)[:5000]
print("RESULT", json.dumps(found))
