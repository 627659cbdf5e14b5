"""A typical session: SQL, Parquet, a pandas UDF over Arrow. Prints the results as JSON."""

import getpass
import json
import os
from pathlib import Path

import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from pyspark.sql.functions import pandas_udf

spark = SparkSession.builder.config("spark.ui.enabled", "false").getOrCreate()


@pandas_udf("double")
def half(values: pd.Series) -> pd.Series:
    return values / 2


@pandas_udf("long")
def uid(values: pd.Series) -> pd.Series:
    return pd.Series([os.getuid()] * len(values))


target = "numbers.parquet"
numbers = spark.range(1000).withColumn("half", half(f.col("id").cast("double"))).withColumn("key", f.col("id") % 7)
numbers.write.partitionBy("key").mode("overwrite").parquet(target)
read = spark.read.parquet(target)
grouped = read.groupBy("key").agg(f.sum("half").alias("total")).orderBy("key").toPandas()
nulls = spark.createDataFrame(pd.DataFrame({"text": ["a", None]})).where("text IS NULL").count()

print(
    "RESULT "
    + json.dumps(
        {
            "version": spark.version,
            "rows": read.count(),
            "totals": grouped["total"].tolist(),
            "nulls": nulls,
            "worker_uids": [row[0] for row in spark.range(2).select(uid("id")).distinct().collect()],
            "written_uid": Path(target).stat().st_uid,
            "user": getpass.getuser(),
            "spark_user": spark.sparkContext.sparkUser(),
            "java_home_directory": spark.sparkContext._jvm.System.getProperty("user.home"),
            "python_home_directory": str(Path.home()),
            "working_directory": str(Path.cwd()),
        }
    )
)
