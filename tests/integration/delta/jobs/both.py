"""Joins a Delta table and an Iceberg table, and merges each into the other. Prints the result of each step."""

import json
from typing import Any

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
DELTA, ICEBERG = "orders", "lake.shop.orders"
MERGE = """
    MERGE INTO {into} AS old USING {source} AS new ON old.id = new.id
    WHEN MATCHED THEN UPDATE SET item = new.item
    WHEN NOT MATCHED THEN INSERT *
"""
found: dict[str, Any] = {}


def rows(query: str) -> list[list[Any]]:
    return [list(row) for row in spark.sql(query).collect()]


spark.sql(f"CREATE TABLE {DELTA} (id INT, item STRING) USING delta")
spark.sql(f"CREATE TABLE {ICEBERG} (id INT, item STRING) USING iceberg")
spark.sql(f"INSERT INTO {DELTA} VALUES (1, 'cup'), (2, 'pan')")
spark.sql(f"INSERT INTO {ICEBERG} VALUES (2, 'wok'), (3, 'pot')")
found["joined"] = rows(f"SELECT id, d.item, i.item FROM {DELTA} AS d JOIN {ICEBERG} AS i USING (id)")

spark.sql(MERGE.format(into=DELTA, source=ICEBERG))
found["into_delta"] = rows(f"SELECT * FROM {DELTA} ORDER BY id")
spark.sql(f"UPDATE {DELTA} SET item = 'lid' WHERE id = 3")

spark.sql(f"CREATE TEMPORARY VIEW changes AS SELECT * FROM {DELTA} WHERE id < 3")
spark.sql(MERGE.format(into=ICEBERG, source="changes"))
found["by_view"] = rows(f"SELECT * FROM {ICEBERG} ORDER BY id")
try:
    spark.sql(MERGE.format(into=ICEBERG, source=DELTA))
    found["by_name"] = rows(f"SELECT * FROM {ICEBERG} ORDER BY id")
except Exception as error:  # the message is the result
    found["by_name"] = str(error)[:200]
spark.sql(f"ALTER TABLE {ICEBERG} SET TBLPROPERTIES ('write.merge.mode' = 'merge-on-read')")
spark.sql(MERGE.format(into=ICEBERG, source=DELTA))
found["on_read"] = rows(f"SELECT * FROM {ICEBERG} ORDER BY id")

found["optimize"] = rows(f"OPTIMIZE {DELTA}")[0][1].numFilesAdded
options = "options => map('rewrite-all', 'true')"
found["rewritten"] = rows(f"CALL lake.system.rewrite_data_files(table => 'shop.orders', {options})")[0][0]
print("RESULT " + json.dumps(found))
