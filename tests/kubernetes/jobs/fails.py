"""Starts a session and then fails."""

from pyspark.sql import SparkSession

SparkSession.builder.getOrCreate()
raise ValueError("this job was made to fail")
