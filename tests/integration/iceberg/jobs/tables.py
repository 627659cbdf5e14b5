"""Writes, merges, time-travels, rolls back, compacts and evolves an Iceberg table. Prints the result of each step."""

import json
import time
from typing import Any

from pyspark.sql import Row, SparkSession

TABLE = "lake.shop.orders"

spark = SparkSession.builder.config("spark.ui.enabled", "false").getOrCreate()
found: dict[str, Any] = {}


def rows(query: str) -> list[list[Any]]:
    return [list(row) for row in spark.sql(query).collect()]


def snapshot() -> Row:
    return spark.sql(f"SELECT snapshot_id, committed_at FROM {TABLE}.snapshots ORDER BY committed_at DESC").first()


spark.sql(f"CREATE TABLE {TABLE} (id BIGINT, item STRING, price DECIMAL(8, 2)) USING iceberg")
spark.sql(f"INSERT INTO {TABLE} VALUES (1, 'cup', 4.00), (2, 'pan', 20.00), (3, 'pot', 30.00)")
first = snapshot()
found["insert"] = rows(f"SELECT id, item FROM {TABLE} ORDER BY id")
time.sleep(1)

spark.sql(
    "CREATE TEMPORARY VIEW changes AS SELECT * FROM VALUES (2, 'wok', 25.00), (4, 'lid', 3.00) AS t(id, item, price)"
)
spark.sql(f"""
    MERGE INTO {TABLE} AS old USING changes AS new ON old.id = new.id
    WHEN MATCHED THEN UPDATE SET item = new.item, price = new.price
    WHEN NOT MATCHED THEN INSERT *
""")
found["merge"] = rows(f"SELECT id, item FROM {TABLE} ORDER BY id")

spark.sql(f"UPDATE {TABLE} SET price = price + 1 WHERE id = 1")
spark.sql(f"DELETE FROM {TABLE} WHERE id = 3")
found["update"] = rows(f"SELECT id, CAST(price AS STRING) FROM {TABLE} ORDER BY id")

found["by_version"] = rows(f"SELECT count(*), max(item) FROM {TABLE} VERSION AS OF {first.snapshot_id}")
found["by_timestamp"] = rows(f"SELECT count(*), max(item) FROM {TABLE} TIMESTAMP AS OF '{first.committed_at}'")

before = snapshot()
spark.sql(f"CALL lake.system.rollback_to_snapshot('shop.orders', {first.snapshot_id})")
found["rollback"] = rows(f"SELECT id, item FROM {TABLE} ORDER BY id")
spark.sql(f"CALL lake.system.set_current_snapshot('shop.orders', {before.snapshot_id})")

for number in range(5, 8):
    spark.sql(f"INSERT INTO {TABLE} VALUES ({number}, 'mug', 5.00)")
files = rows(f"SELECT count(*) FROM {TABLE}.files")[0][0]
rewritten = spark.sql(
    "CALL lake.system.rewrite_data_files(table => 'shop.orders', options => map('min-input-files', '2'))"
)
found["rewrite"] = {
    "files_before": files,
    "rewritten": rewritten.first().rewritten_data_files_count,
    "files_after": rows(f"SELECT count(*) FROM {TABLE}.files")[0][0],
}

snapshots = rows(f"SELECT count(*) FROM {TABLE}.snapshots")[0][0]
expired = spark.sql(
    "CALL lake.system.expire_snapshots("
    "table => 'shop.orders', older_than => TIMESTAMP '2100-01-01 00:00:00', retain_last => 1)"
)
found["expire"] = {
    "snapshots_before": snapshots,
    "deleted": expired.first().deleted_data_files_count,
    "snapshots_after": rows(f"SELECT count(*) FROM {TABLE}.snapshots")[0][0],
}

spark.sql(f"ALTER TABLE {TABLE} ADD COLUMN sold DATE")
spark.sql(f"ALTER TABLE {TABLE} RENAME COLUMN item TO article")
spark.sql(f"ALTER TABLE {TABLE} ALTER COLUMN price TYPE DECIMAL(10, 2)")
spark.sql(f"ALTER TABLE {TABLE} ADD PARTITION FIELD months(sold)")
spark.sql(f"INSERT INTO {TABLE} VALUES (8, 'jug', 9.00, DATE '2026-03-01'), (9, 'jar', 9.50, DATE '2026-04-01')")
found["evolved"] = {
    "columns": spark.table(TABLE).columns,
    "rows": rows(
        f"SELECT id, article, CAST(price AS STRING), CAST(sold AS STRING) FROM {TABLE} WHERE id > 7 ORDER BY id"
    ),
    "partitions": rows(f"SELECT count(*) FROM {TABLE}.partitions WHERE partition.sold_month IS NOT NULL")[0][0],
}
spark.sql(f"ALTER TABLE {TABLE} CREATE BRANCH audit")
spark.sql(f"INSERT INTO {TABLE}.branch_audit VALUES (10, 'can', 1.00, DATE '2026-05-01')")
found["branch"] = [
    rows(f"SELECT count(*) FROM {TABLE}")[0][0],
    rows(f"SELECT count(*) FROM {TABLE} VERSION AS OF 'audit'")[0][0],
]

metadata = rows(f"SELECT file FROM {TABLE}.metadata_log_entries ORDER BY timestamp DESC")[0][0]
found["metadata"] = metadata
load = spark.sparkContext._jvm.java.lang.Thread.currentThread().getContextClassLoader().loadClass
found["aws"] = load("org.apache.iceberg.aws.s3.S3FileIO").getName()
print("RESULT " + json.dumps(found))
