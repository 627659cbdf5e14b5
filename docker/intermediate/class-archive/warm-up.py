"""warm-up.py [LOG...]: the job whose classes go into the archive.

Without a LOG, the job has a SparkSession. In a LOG, a JVM of this job logged its classes (class+load,
class+init). With LOGs, the job has no SparkSession. It loads the classes that those JVMs initialised instead. A session
of Spark 4.1 also loads two thousand classes that it does not run, mostly SQL functions. They would add 14 MB to the
archive, and the image would exceed its budget.

The job runs no query. On Spark 3.5 the classes that plan and run one would add 75 MB, which also exceeds the budget.
"""

import re
import sys
from operator import add
from pathlib import Path

from pyspark import SparkContext
from pyspark.sql import SparkSession

KUBERNETES = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"


def used(log: str) -> set[str]:
    """Returns the classes that a JVM initialised from jars or from the JDK, except those in the JDK's own archive."""
    loaded = re.findall(r"\] (\S+) source: (?:file|jrt):", log)
    initialised = re.findall(r" Initializing '([^']+)'", log)
    return set(loaded) & {name.replace("/", ".") for name in initialised}


logs = [Path(name).read_text() for name in sys.argv[1:]]
context = SparkContext.getOrCreate() if logs else SparkSession.builder.getOrCreate().sparkContext
assert context.parallelize(range(1000), 2).map(lambda number: number * 2).reduce(add) == 999_000

if logs:
    classes = set().union(*map(used, logs))
    assert {"org.apache.spark.executor.CoarseGrainedExecutorBackend", "org.apache.spark.sql.SparkSession"} <= classes
    jvm = context._jvm
    loader = jvm.java.lang.ClassLoader.getSystemClassLoader()
    # The cluster that wrote a log does not use the backend of Kubernetes.
    for name in sorted(classes | {KUBERNETES, f"{KUBERNETES}$", f"{KUBERNETES}$Arguments"}):
        jvm.java.lang.Class.forName(name, False, loader)
context.stop()
