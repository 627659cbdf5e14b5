"""Runs a session like the first cells of a notebook: write and read Parquet, then three queries."""

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, count
from pyspark.sql.functions import sum as total

spark = SparkSession.builder.appName("session").getOrCreate()
numbers = spark.range(200_000).select("id", (col("id") % 100).alias("key"))
numbers.write.parquet("/tmp/numbers")
stored = spark.read.parquet("/tmp/numbers")
first = stored.groupBy("key").agg(total("id").alias("total")).orderBy("key").collect()
second = stored.join(spark.range(50).withColumnRenamed("id", "key"), "key").count()
stored.createOrReplaceTempView("numbers")
third = (
    spark.sql("SELECT key, count(*) AS n FROM numbers WHERE id > 1000 GROUP BY key HAVING n > 1")
    .agg(count("*"))
    .first()
)
print("ANSWER", len(first), second, third[0], flush=True)
spark.stop()
