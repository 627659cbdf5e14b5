"""Runs SQL queries on Parquet tables: each query twice, the second time timed.

Arguments: the folder with one file per table, the folder with one file per query. Prints one line of JSON per query.
The line ANSWER has the largest resident size of the JVM.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

from pyspark.sql import SparkSession

tables, queries = map(Path, sys.argv[1:])
spark = SparkSession.builder.appName("queries").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
for file in tables.glob("*.parquet"):
    spark.read.parquet(str(file)).createOrReplaceTempView(file.stem)
process = Path(f"/proc/{spark._jvm.java.lang.ProcessHandle.current().pid()}")


def cpu() -> float:
    """Returns the CPU seconds of the JVM and of the native code in it."""
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


for file in sorted(queries.glob("*.sql")):
    query = file.read_text()
    spark.sql(query).collect()
    wall, used = time.perf_counter(), cpu()
    rows = spark.sql(query).collect()
    wall, used = time.perf_counter() - wall, cpu() - used
    digest = hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()
    print(
        "QUERY",
        json.dumps({"name": file.stem, "wall": wall, "cpu": used, "rows": len(rows), "digest": digest}),
        flush=True,
    )
peak = next(line for line in (process / "status").read_text().splitlines() if line.startswith("VmHWM"))
print("ANSWER", int(peak.split()[1]) * 1024, flush=True)
spark.stop()
