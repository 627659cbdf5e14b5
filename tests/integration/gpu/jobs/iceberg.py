"""Appends to, scans and merges an Iceberg table under RAPIDS. Prints the results, and a line before each step."""

import json

from pyspark.sql import SparkSession

spark = SparkSession.builder.config("spark.ui.enabled", "false").getOrCreate()
table = "lake.shop.items"
spark.sql(
    f"CREATE TABLE {table} (id BIGINT, price DOUBLE) USING iceberg TBLPROPERTIES ('write.merge.mode'='copy-on-write')"
)
print("APPEND BEGINS")
spark.sql(f"INSERT INTO {table} SELECT id, id * 2.0 FROM range(100)")
print("SCAN BEGINS")
scanned = spark.sql(f"SELECT count(*), sum(price) FROM {table} WHERE id >= 50").first()
print("MERGE BEGINS")
spark.sql(f"""
    MERGE INTO {table} AS old USING (SELECT id, 0.0 AS price FROM range(90, 110)) AS new ON old.id = new.id
    WHEN MATCHED THEN UPDATE SET price = new.price WHEN NOT MATCHED THEN INSERT *
""")
print("END")
merged = spark.sql(f"SELECT count(*), sum(price) FROM {table}").first()
print("RESULT " + json.dumps({"scanned": list(scanned), "merged": list(merged)}))
