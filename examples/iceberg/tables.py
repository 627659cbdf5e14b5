"""Creates an Iceberg table, merges rows into it and reads its earlier version. The argument is the warehouse path."""

import sys

from pyspark.sql import SparkSession

spark = (
    SparkSession.builder.appName("tables")
    .config("spark.sql.catalog.lake", "org.apache.iceberg.spark.SparkCatalog")
    .config("spark.sql.catalog.lake.type", "hadoop")
    .config("spark.sql.catalog.lake.warehouse", sys.argv[1])
    .getOrCreate()
)

spark.sql("DROP TABLE IF EXISTS lake.shop.prices")
spark.sql("CREATE TABLE lake.shop.prices (item STRING, price INT) USING iceberg")
spark.sql("INSERT INTO lake.shop.prices VALUES ('tea', 3), ('cake', 5)")
before = spark.sql("SELECT snapshot_id FROM lake.shop.prices.snapshots").first()[0]

spark.sql("CREATE TEMPORARY VIEW changes AS SELECT * FROM VALUES ('cake', 6), ('milk', 1) AS t(item, price)")
spark.sql("""
    MERGE INTO lake.shop.prices AS p USING changes AS c ON p.item = c.item
    WHEN MATCHED THEN UPDATE SET price = c.price
    WHEN NOT MATCHED THEN INSERT *
""")

now = spark.table("lake.shop.prices").orderBy("item")
print(f"now: {[tuple(row) for row in now.collect()]}")
then = spark.sql("SELECT * FROM lake.shop.prices VERSION AS OF {before} ORDER BY item", before=before)
print(f"before: {[tuple(row) for row in then.collect()]}")
