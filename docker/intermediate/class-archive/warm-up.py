"""warm-up.py [LOG]: the job whose classes go into the archive.

LOG is the file in which an executor of this job logged its classes (class+load, class+init). With a LOG, the job plans
and runs the kinds of queries that most jobs run: rows from Python, Parquet, aggregates, joins and SQL. It also loads
the classes that the executor initialised. Without a LOG, the job runs no query, because its executor logs only how it
starts.

The size budget of the archive limits what the job can do. JSON, CSV, DDL, windows, caching and Python functions would
add 9 MB together.
"""

import re
import sys
import tempfile
from operator import add
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

KUBERNETES = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"


def used(log: str) -> set[str]:
    """Returns the classes that a JVM initialised from jars or from the JDK, except those in the JDK's own archive."""
    loaded = re.findall(r"\] (\S+) source: (?:file|jrt):", log)
    initialised = re.findall(r" Initializing '([^']+)'", log)
    return set(loaded) & {name.replace("/", ".") for name in initialised}


def query(spark: SparkSession, folder: str) -> None:
    """Runs queries. Writes their table to `folder`."""
    people = spark.createDataFrame([(1, "Ada", 1.5), (2, "Grace", None)], "id int, name string, score double")
    people.show()
    numbers = spark.range(1000).select(
        "id",
        (f.col("id") % 7).alias("key"),
        f.col("id").cast("string").alias("text"),
        f.current_date().alias("day"),
        (f.col("id") / 3).cast("decimal(10,2)").alias("price"),
    )
    numbers.write.parquet(f"{folder}/numbers")
    stored = spark.read.parquet(f"{folder}/numbers")
    stored.createOrReplaceTempView("numbers")
    totals = stored.groupBy("key").agg(f.sum("id"), f.avg("price"), f.countDistinct("text")).orderBy("key")
    assert len(totals.collect()) == 7
    assert stored.join(people, stored.key == people.id, "left").count() == 1000
    spark.sql(
        "SELECT key, count(*) AS n, max(text) FROM numbers WHERE id > 10 AND text LIKE '1%' "
        "GROUP BY key HAVING n > 1 ORDER BY n DESC LIMIT 3"
    ).show()


session = SparkSession.builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()
context = session.sparkContext
assert context.parallelize(range(1000), 2).map(lambda number: number * 2).reduce(add) == 999_000

if sys.argv[1:]:
    with tempfile.TemporaryDirectory() as scratch:
        query(session, scratch)
    classes = used(Path(sys.argv[1]).read_text())
    assert "org.apache.spark.executor.CoarseGrainedExecutorBackend" in classes
    loader = context._jvm.java.lang.ClassLoader.getSystemClassLoader()
    # The cluster that wrote the log does not use the backend of Kubernetes.
    for name in sorted(classes | {KUBERNETES, f"{KUBERNETES}$", f"{KUBERNETES}$Arguments"}):
        context._jvm.java.lang.Class.forName(name, False, loader)
session.stop()
