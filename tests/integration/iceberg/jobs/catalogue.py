"""Uses the catalogue `lake` as a job does, and prints what each step returned. The arguments are other catalogues.

If a catalogue does not support a step, the result has the error instead. The other catalogues give errors too. With the
option `--until-killed`, the job then inserts rows until it is killed. It writes the files of the first rows and never
commits.
"""

import argparse
import json
import socket
import threading
import time

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf

parser = argparse.ArgumentParser()
parser.add_argument("others", nargs="*")
parser.add_argument("--until-killed", action="store_true")
arguments = parser.parse_args()
spark = SparkSession.builder.appName("catalogue").getOrCreate()
TABLE = "lake.shop.prices"


def rows(statement):
    return [list(row) for row in spark.sql(statement).collect()]


def attempt(*statements):
    """Returns the rows of the last statement, or the error of the first that fails."""
    try:
        return [rows(statement) for statement in statements][-1]
    except Exception as error:  # the message is the result
        return str(error)[:20000]


found = {}
rows("CREATE NAMESPACE lake.shop")
rows(f"CREATE TABLE {TABLE} (id INT, item STRING, price INT) USING iceberg")
rows(f"INSERT INTO {TABLE} VALUES (1, 'tea', 3), (2, 'cake', 5)")
first = rows(f"SELECT snapshot_id FROM {TABLE}.snapshots")[0][0]
spark.sql("CREATE TEMPORARY VIEW changes AS SELECT * FROM VALUES (2, 'cake', 6), (3, 'milk', 1) AS t(id, item, price)")
rows(
    f"MERGE INTO {TABLE} t USING changes c ON t.id = c.id WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
)
found["merge"] = rows(f"SELECT * FROM {TABLE} ORDER BY id")
for change in (
    "ADD COLUMN sold INT",
    "RENAME COLUMN item TO article",
    "ALTER COLUMN price TYPE BIGINT",
    "ADD PARTITION FIELD bucket(2, id)",
):
    rows(f"ALTER TABLE {TABLE} {change}")
rows(f"INSERT INTO {TABLE} VALUES (4, 'rice', 3000000000, 7)")
found["columns"] = spark.table(TABLE).dtypes
found["evolved"] = rows(f"SELECT * FROM {TABLE} ORDER BY id")
found["specs"] = rows(f"SELECT DISTINCT spec_id FROM {TABLE}.files ORDER BY spec_id")
found["first"] = attempt(f"SELECT * FROM {TABLE} VERSION AS OF {first} ORDER BY id")
found["view"] = attempt(
    f"CREATE VIEW lake.shop.cheap AS SELECT article FROM {TABLE} WHERE price < 5",
    "SELECT * FROM lake.shop.cheap ORDER BY 1",
)
found["expire"] = attempt(
    "CALL lake.system.expire_snapshots('shop.prices', TIMESTAMP '2100-01-01 00:00:00', 1)",
    f"SELECT count(*) FROM {TABLE}.snapshots",
)
rows("CREATE TABLE lake.shop.orders USING iceberg AS SELECT id FROM range(10)")
rows("CREATE TABLE lake.shop.dropped USING iceberg AS SELECT id FROM range(1)")
rows("DROP TABLE lake.shop.dropped")
found["tables"] = sorted(name for _, name, *_ in rows("SHOW TABLES IN lake.shop"))
# A server that accepts connections and does not answer.
silent = socket.create_server(("127.0.0.1", 9999))
for other in arguments.others:
    found[other] = attempt(f"CREATE TABLE {other}.shop.{other} (id INT) USING iceberg")
print("RESULT", json.dumps(found), flush=True)


def report():
    """Prints a line when the first two tasks of the insertion have written their files."""
    tracker = spark.sparkContext.statusTracker()
    stages = []
    while not any(stage and stage.numCompletedTasks >= 2 for stage in stages):
        time.sleep(0.2)
        stages = [tracker.getStageInfo(number) for number in tracker.getActiveStageIds()]
    print("FILES ARE WRITTEN", flush=True)


@udf("bigint")
def late(number):
    if number >= 2:
        time.sleep(600)
    return number


if arguments.until_killed:
    threading.Thread(target=report, daemon=True).start()
    spark.range(0, 4, 1, 4).select(late("id").alias("id")).writeTo("lake.shop.orders").append()
