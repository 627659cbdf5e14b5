"""What the archive of classes holds: what this job's JVM has loaded when it ends.

No query: the classes that plan and run one are 75 MB of an archive on Spark 3.5, more than the image has room for.
"""

from operator import add

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("warm-up").getOrCreate()
numbers = spark.sparkContext.parallelize(range(1000), 2)
assert numbers.map(lambda number: number * 2).reduce(add) == 999_000
spark.stop()
