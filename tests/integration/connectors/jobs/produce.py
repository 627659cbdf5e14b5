"""Writes numbers to a Kafka topic. Arguments: the server, the topic and the count."""

import sys

from pyspark.sql import SparkSession

server, topic, count = sys.argv[1:]
spark = SparkSession.builder.appName("produce").getOrCreate()
numbers = spark.range(int(count)).selectExpr("CAST(id AS STRING) AS value")
numbers.write.format("kafka").option("kafka.bootstrap.servers", server).option("topic", topic).save()
