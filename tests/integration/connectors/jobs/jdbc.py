"""Writes and reads tables of a database, and at last writes to a table while the test kills the server.

Arguments: a JSON file of test_jdbc.py, and a properties file with the user and the password. The result has, for each
part, what was read and the text of each error.
"""

import json
import socket
import sys
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

given = json.loads(Path(sys.argv[1]).read_text())
credentials = dict(line.split("=", 1) for line in Path(sys.argv[2]).read_text().splitlines())
options = {"url": given["url"], **credentials}
spark = SparkSession.builder.appName("jdbc").getOrCreate()


def read(**more: str) -> DataFrame:
    return spark.read.format("jdbc").options(**{**options, **more}).load()


def write(rows: DataFrame, table: str, mode: str = "overwrite", **more: str) -> None:
    rows.write.format("jdbc").options(**options, dbtable=table, **more).mode(mode).save()


def shown(value: Any) -> str:
    return bytes(value).hex() if isinstance(value, bytes | bytearray) else str(value)


def columns(rows: DataFrame) -> dict[str, list[str]]:
    """Returns the type and the values of each column. Rows are in the order of `position`, if there is this column."""
    # Spark would sort with 200 tasks.
    found = sorted(rows.collect(), key=lambda row: row["position"] if "position" in rows.columns else 0)
    return {
        field.name: [field.dataType.simpleString(), *(shown(row[field.name]) for row in found)] for field in rows.schema
    }


def plan(rows: DataFrame) -> str:
    return str(rows._jdf.queryExecution().executedPlan().toString())


def messages(error: Exception) -> str:
    """Returns the messages of an error and its causes, without the lines of the stack."""
    return "\n".join(line for line in str(error).splitlines() if not line.lstrip().startswith("at "))


def error_of(**more: str) -> str:
    try:
        return f"{read(**more).count()} rows"
    except Exception as error:  # the messages are the result
        return messages(error)


found: dict[str, Any] = {}

# Each type of Spark, and each type of the server. A second row has no values.
literals = ", ".join(f"{literal} AS {name}" for name, literal in given["written"].items())
empty = ", ".join("NULL" for _ in given["written"])
write(spark.sql(f"SELECT {literals}, 1 AS position UNION ALL SELECT {empty}, 2"), "written")
found["written"] = columns(read(dbtable="written"))
found["native"] = columns(read(dbtable="native"))
found["options"] = columns(read(url=given["url"] + given["more"], dbtable="native", preferTimestampNTZ="true"))

# Times with microseconds, written to columns that keep them: as times, then as strings.
times = "TIMESTAMP'2026-03-29 02:30:00.123456' AS at, TIMESTAMP_NTZ'2026-03-29 02:30:00.654321' AS local_at"
write(spark.sql(f"SELECT 1 AS position, {times}"), "moments", "append")
write(
    spark.sql(f"SELECT 2 AS position, CAST(at AS STRING), CAST(local_at AS STRING) FROM (SELECT {times})"),
    "moments",
    "append",
    **given["strings"],
)
found["moments"] = columns(read(dbtable="moments"))

# A read in partitions, and what Spark leaves to the server.
bounds = {"partitionColumn": "id", "lowerBound": "100", "upperBound": "900", "numPartitions": "4"}
numbers = read(dbtable="numbers", **bounds)
found["partitions"] = [len(rows) for rows in numbers.rdd.glom().collect()]
found["plan of the format"] = plan(numbers.where("id < 10").groupBy().count())
schema = f"db.{given['schema']}"
for name, more in {"db": {}, "exact": {"pushDownAggregate": "false"}}.items():
    spark.conf.set(f"spark.sql.catalog.{name}", "org.apache.spark.sql.execution.datasources.v2.jdbc.JDBCTableCatalog")
    for key, value in {**options, "driver": given["driver"], **more}.items():
        spark.conf.set(f"spark.sql.catalog.{name}.{key}", value)
found["plans"] = {
    "filter": plan(spark.table(f"{schema}.numbers").where("id < 10")),
    "aggregate": plan(spark.table(f"{schema}.numbers").groupBy("day").sum("price")),
    "limit": plan(spark.table(f"{schema}.numbers").limit(3)),
    "top": plan(spark.table(f"{schema}.numbers").orderBy("id").limit(3)),
}
found["sums"] = [
    shown(spark.table(f"{name}.{given['schema']}.numbers").agg({"price": "sum"}).first()[0]) for name in ("db", "exact")
]


def tables() -> set[str]:
    return {row.tableName for row in spark.sql(f"SHOW TABLES IN {schema}").collect()}


before = tables()
spark.sql(f"CREATE TABLE {schema}.made (id BIGINT, name STRING)")
spark.sql(f"INSERT INTO {schema}.made VALUES (1, 'one'), (2, NULL)")
spark.sql(f"ALTER TABLE {schema}.made ADD COLUMN more INT")
listed = sorted(tables() - before)
made = sorted(list(row) for row in spark.table(f"{schema}.made").collect())
spark.sql(f"DROP TABLE {schema}.made")
found["catalogue"] = {"listed": listed, "read": made, "left": sorted(tables() - before)}

# A server that accepts connections and does not answer, and one whose queue is full: it does not answer to the request
# for one more connection.
silent = socket.create_server(("127.0.0.1", 0))
full = socket.create_server(("127.0.0.1", 0), backlog=0)
queued = [socket.socket() for _ in range(2)]
for client in queued:
    client.setblocking(False)
    client.connect_ex(full.getsockname())
here, there = (f"127.0.0.1:{server.getsockname()[1]}" for server in (silent, full))
host = given["host"]
limits = given["limits"]
# From Spark 4.2 on, the message of an error has its cause only with this setting.
spark.conf.set("spark.sql.pyspark.jvmStacktrace.enabled", "true")
found["errors"] = {
    "wrong password": error_of(dbtable="numbers", password="wrong"),
    "unknown host": error_of(dbtable="numbers", url=given["url"].replace(host, "no-such-host")),
    "closed port": error_of(dbtable="numbers", url=given["url"].replace(host, f"{host}:9")),
    "silent server": error_of(dbtable="numbers", url=given["url"].replace(host, here) + limits),
    "full server": error_of(dbtable="numbers", url=given["url"].replace(host, there) + limits),
    "slow query": error_of(query=given["slow"], url=given["url"] + limits),
    "mariadb url": error_of(dbtable="numbers", url=given["url"].replace("mysql:", "mariadb:")),
}

# Another transaction has a row of the second half. So the second half waits, after the first five of its rows.
connection = spark._jvm.java.sql.DriverManager.getConnection(given["url"], *credentials.values())
connection.setAutoCommit(False)
connection.createStatement().execute("INSERT INTO halves VALUES (15)")
print("writing two halves", flush=True)
try:
    write(spark.range(0, 20, 1, 2), "halves", "append", batchsize="5")
    found["halves"] = "written"
except Exception as error:  # the messages are the result
    found["halves"] = messages(error)
print("RESULT", json.dumps(found), flush=True)
spark.stop()
