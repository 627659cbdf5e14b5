"""Fails after its session is up."""

from pyspark.sql import SparkSession

SparkSession.builder.getOrCreate()
raise ValueError("this job was made to fail")
