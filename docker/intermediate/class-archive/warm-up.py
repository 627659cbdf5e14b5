"""What the archive of classes holds: what this job's JVM has loaded when it ends."""

from operator import add

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("warm-up").getOrCreate()
numbers = spark.sparkContext.parallelize(range(1000), 2)
assert numbers.map(lambda number: number * 2).reduce(add) == 999_000
spark.stop()
