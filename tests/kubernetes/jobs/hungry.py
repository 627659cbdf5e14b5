"""Lets an executor take more memory than its pod may have, beside its heap, which Java keeps within bounds."""

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.sql("SELECT reflect('java.nio.ByteBuffer', 'allocateDirect', 1500000000) FROM range(0, 1, 1, 1)").collect()
