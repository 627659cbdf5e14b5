"""Uses a Spark Connect server as an application does: one step for each part of the API. Prints the result of each."""

import json
import sys
import time
from collections.abc import Callable

import pandas
import pyspark
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

url, folder = sys.argv[1:]
spark = SparkSession.builder.remote(url).getOrCreate()
found: dict[str, object] = {}


def people() -> DataFrame:
    return spark.createDataFrame([("Ada", 36, 1), ("Bob", 52, 2), ("Cyd", 41, 1)], "name string, age int, team int")


def step(function: Callable[[], object]) -> None:
    """Runs a step. Records what it returns or, if it fails, the first line of its error."""
    try:
        found[function.__name__] = function()
    except Exception as error:
        found[function.__name__] = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


@step
def version() -> object:
    return spark.version


@step
def dataframe() -> object:
    return spark.range(100).selectExpr("sum(id)").first()[0]


@step
def rows_of_the_client() -> object:
    return [list(row) for row in people().filter("age > 40").orderBy("name").select("name", "age").collect()]


@step
def sql() -> object:
    return spark.sql("SELECT :low + 1 AS next", args={"low": 6}).first().next


@step
def python_udf() -> object:
    twice = sf.udf(lambda number: number * 2, "long")
    return [row[0] for row in spark.range(3).select(twice("id")).collect()]


@step
def pandas_udf() -> object:
    def plus_one(numbers: pandas.Series) -> pandas.Series:
        return numbers + 1

    return [row[0] for row in spark.range(3).select(sf.pandas_udf(plus_one, "long")("id")).collect()]


@step
def pandas_round_trip() -> object:
    table = pandas.DataFrame({"number": [1, 2], "text": ["a", None]})
    return spark.createDataFrame(table).toPandas().equals(table)


@step
def join_and_group() -> object:
    teams = spark.createDataFrame([(1, "red"), (2, "blue")], "team int, colour string")
    counted = people().join(teams, "team").groupBy("colour").count().orderBy("colour")
    return {row.colour: row["count"] for row in counted.collect()}


@step
def parquet() -> object:
    people().write.partitionBy("team").parquet(folder)
    return spark.read.parquet(folder).where("team = 1").count()


@step
def view_and_catalog() -> object:
    people().createOrReplaceTempView("people")
    return [[table.name for table in spark.catalog.listTables() if table.isTemporary], spark.table("people").count()]


@step
def explain() -> object:
    return "Range (0, 5" in spark.range(5)._explain_string()


@step
def error() -> object:
    try:
        spark.table("missing").collect()
    except AnalysisException as raised:
        return [raised.getSqlState(), "[TABLE_OR_VIEW_NOT_FOUND]" in str(raised)]


@step
def stream() -> object:
    numbers = spark.readStream.format("rate").option("rowsPerSecond", 50).load()
    query = numbers.writeStream.format("memory").queryName("numbers").start()
    deadline = time.monotonic() + 30
    while not spark.table("numbers").count() and time.monotonic() < deadline:
        time.sleep(0.2)
    query.stop()
    return spark.table("numbers").count() > 0


# The client of Spark 3.5 returns integers of NumPy.
print("RESULT " + json.dumps({"client": pyspark.__version__, "steps": found}, default=int))
