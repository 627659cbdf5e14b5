"""Runs a pandas UDF: a Python worker starts, imports pandas and Arrow, and returns a column."""

import pandas
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf
from pyspark.sql.functions import sum as total

spark = SparkSession.builder.appName("pandas-udf").getOrCreate()


@pandas_udf("double")
def half(column: pandas.Series) -> pandas.Series:
    return column / 2


print("ANSWER", spark.range(100_000).select(half("id").alias("x")).agg(total("x")).first()[0], flush=True)
spark.stop()
