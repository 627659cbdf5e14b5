"""What the archive of classes holds: what this job's JVM has loaded when it ends.

No SparkSession: on Spark 4.1 its classes alone are 32 MB of an archive, more than the smallest image may grow by.
"""

from operator import add

from pyspark import SparkContext

context = SparkContext(appName="warm-up")
numbers = context.parallelize(range(1000), 2)
assert numbers.map(lambda number: number * 2).reduce(add) == 999_000
context._jvm.org.apache.spark.sql.internal.SQLConf.get()
context.stop()
