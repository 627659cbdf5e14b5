"""Changes, reads, compacts, evolves and streams Delta tables. Prints the result of each step.

The argument is a directory for all files of the job.
"""

import json
import sys
from pathlib import Path
from typing import Any

from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

FOLDER = sys.argv[1]
COPY = f"{FOLDER}/copy"

spark = SparkSession.builder.config("spark.sql.warehouse.dir", f"{FOLDER}/warehouse").getOrCreate()
found: dict[str, Any] = {}


def rows(query: str) -> list[list[Any]]:
    return [list(row) for row in spark.sql(query).collect()]


def orders() -> list[list[Any]]:
    return rows("SELECT id, item FROM orders ORDER BY id")


def items(values: str) -> DataFrame:
    return spark.sql(f"SELECT * FROM VALUES {values}")


spark.sql("CREATE TABLE orders (id INT, item STRING) USING delta")
spark.sql("INSERT INTO orders VALUES (1, 'cup'), (2, 'pan'), (3, 'pot')")
items("(4, 'lid') AS t(id, item)").write.format("delta").mode("append").saveAsTable("orders")
found["append"] = orders()
found["plan"] = rows("EXPLAIN SELECT * FROM orders WHERE id > 1")[0][0]

items("(2, 'wok'), (5, 'mug') AS t(id, item)").createOrReplaceTempView("changes")
spark.sql("""
    MERGE INTO orders AS old USING changes AS new ON old.id = new.id
    WHEN MATCHED THEN UPDATE SET item = new.item
    WHEN NOT MATCHED THEN INSERT *
""")
spark.sql("UPDATE orders SET item = 'glass' WHERE id = 1")
spark.sql("DELETE FROM orders WHERE id = 3")
found["changed"] = orders()

table = DeltaTable.forName(spark, "orders")
newer = items("(5, 'jug'), (6, 'jar') AS t(id, item)").alias("new")
merge = table.alias("old").merge(newer, "old.id = new.id")
merge.whenMatchedUpdate(set={"item": "new.item"}).whenNotMatchedInsertAll().execute()
found["python"] = orders()
found["history"] = [row.operation for row in table.history().orderBy("version").collect()]

found["by_version"] = rows("SELECT count(*), max(item) FROM orders VERSION AS OF 1")
location = table.detail().first().location
found["by_option"] = spark.read.format("delta").option("versionAsOf", 2).load(location).count()

metrics = spark.sql("OPTIMIZE orders").first().metrics
found["optimize"] = [metrics.numFilesRemoved, metrics.numFilesAdded]
spark.sql("INSERT INTO orders VALUES (7, 'can')")
metrics = spark.sql("OPTIMIZE orders ZORDER BY (id)").first().metrics
found["zorder"] = [metrics.zOrderStats.inputOtherFiles.num, metrics.numFilesAdded]

spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
files = sorted(Path(location.removeprefix("file:")).glob("*.parquet"))
unused = spark.sql("VACUUM orders RETAIN 0 HOURS DRY RUN").count()
kept = sorted(Path(location.removeprefix("file:")).glob("*.parquet")) == files
found["vacuum"] = {"files": len(files), "unused": unused, "kept": kept}

wider = items("(8, 'box', 2.5) AS t(id, item, price)").write.format("delta").mode("append")
try:
    wider.saveAsTable("orders")
    found["mismatch"] = "written"
except AnalysisException as error:
    found["mismatch"] = str(error)[:200]
wider.option("mergeSchema", "true").saveAsTable("orders")
spark.sql("ALTER TABLE orders ADD COLUMN sold DATE")
found["evolved"] = {
    "columns": spark.table("orders").columns,
    "rows": rows("SELECT id, CAST(price AS STRING) FROM orders WHERE id > 6 ORDER BY id"),
}


def copy() -> tuple[int, int]:
    """Copies the new rows of `events`. Returns how many rows the stream read, and how many the copy has."""
    stream = spark.readStream.table("events").writeStream.format("delta").trigger(availableNow=True)
    query = stream.option("checkpointLocation", f"{FOLDER}/checkpoint").start(COPY)
    query.awaitTermination()
    return sum(each["numInputRows"] for each in query.recentProgress), spark.read.format("delta").load(COPY).count()


spark.sql("CREATE TABLE events USING delta AS SELECT id FROM range(5)")
found["streamed"] = [copy()]
spark.sql("INSERT INTO events SELECT id FROM range(5, 8)")
found["streamed"].append(copy())

spark.sql("CREATE TABLE plain USING parquet AS SELECT id FROM range(3)")
found["plain"] = rows("SELECT count(*) FROM plain")[0][0]
print("RESULT " + json.dumps(found))
