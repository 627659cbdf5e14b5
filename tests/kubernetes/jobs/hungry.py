"""Makes an executor allocate more memory than the limit of its pod. It is off-heap, because Java limits the heap."""

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.sql("SELECT reflect('java.nio.ByteBuffer', 'allocateDirect', 1500000000) FROM range(0, 1, 1, 1)").collect()
