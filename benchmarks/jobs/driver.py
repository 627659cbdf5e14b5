"""Runs a driver that waits for executors from other containers, until its container stops."""

import json
import threading

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("driver").getOrCreate()
options = spark.sparkContext._jvm.org.apache.spark.launcher.JavaModuleOptions.defaultModuleOptions().split()
print("DRIVER", json.dumps({"application": spark.sparkContext.applicationId, "options": list(options)}), flush=True)
threading.Event().wait()
