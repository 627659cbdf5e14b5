"""Writes, changes and reads an Iceberg table with Comet on. Prints the plan of a query and both results as JSON."""

import json
from typing import Any

from plans import nodes, rows
from pyspark.sql import SparkSession

TABLE = "lake.shop.orders"


def main() -> None:
    spark = SparkSession.builder.getOrCreate()
    spark.sql(f"CREATE TABLE {TABLE} (id BIGINT, shop INT, amount DECIMAL(10, 2), moment TIMESTAMP) USING iceberg")
    values = (
        "id",
        "CAST(id % 7 AS INT) AS shop",
        "CAST(id / 4 AS DECIMAL(10, 2)) AS amount",
        "timestamp_seconds(id) AS moment",
    )
    made_up = ", ".join(values)
    spark.sql(f"INSERT INTO {TABLE} SELECT {made_up} FROM range(1000)")
    spark.sql(f"""
        MERGE INTO {TABLE} AS old USING (SELECT {made_up} FROM range(990, 1010)) AS new ON old.id = new.id
        WHEN MATCHED THEN UPDATE SET old.shop = -1 WHEN NOT MATCHED THEN INSERT *
    """)
    spark.sql(f"DELETE FROM {TABLE} WHERE id < 10")
    spark.sql(f"ALTER TABLE {TABLE} ADD COLUMN note STRING")
    query = f"SELECT shop, count(*), sum(amount), max(moment), count(note) FROM {TABLE} WHERE id > 100 GROUP BY shop"
    found: dict[str, Any] = {}
    for name, enabled in (("plain", "false"), ("comet", "true")):
        spark.conf.set("spark.comet.enabled", enabled)
        frame = spark.sql(query)
        found[name] = rows(frame, ordered=False)
        found[f"{name} plan"] = list(nodes(frame._jdf.queryExecution().executedPlan()))
    found["all"] = spark.table(TABLE).count()
    found["changed"] = spark.sql(f"SELECT count(*) FROM {TABLE} WHERE shop = -1").first()[0]
    print("RESULT", json.dumps(found), flush=True)


main()
