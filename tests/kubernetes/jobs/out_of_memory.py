"""Makes an executor allocate more memory than its pod may use. The memory is off-heap, because Java limits the heap."""

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.sql("SELECT reflect('java.nio.ByteBuffer', 'allocateDirect', 1500000000) FROM range(0, 1, 1, 1)").collect()
