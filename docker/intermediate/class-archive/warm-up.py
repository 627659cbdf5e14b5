"""warm-up.py [LOG...]: the job whose JVM's classes the archive holds.

Without a LOG it has a SparkSession. With some, what JVMs of this job wrote of their classes (class+load, class+init),
it has none: the classes that those have initialised are loaded instead. A session of Spark 4.1 looks at two thousand
more and runs nothing of them, SQL's functions above all: 14 MB of an archive, more than that image has room for.

No query: the classes that plan and run one are 75 MB of an archive on Spark 3.5, more than the image has room for.
"""

import re
import sys
from operator import add
from pathlib import Path

from pyspark import SparkContext
from pyspark.sql import SparkSession

KUBERNETES = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"


def used(log: str) -> set[str]:
    """The classes of jars, and of the JDK beside its own archive, that a JVM has initialised."""
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
    # The cluster that wrote a log has another backend than Kubernetes.
    for name in sorted(classes | {KUBERNETES, f"{KUBERNETES}$", f"{KUBERNETES}$Arguments"}):
        jvm.java.lang.Class.forName(name, False, loader)
context.stop()
