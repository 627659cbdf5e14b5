"""warm-up.py [LOG]: the job whose JVM's classes the archive holds.

LOG is what the JVM of an executor wrote of its classes (-Xlog:class+load): they are loaded too.

No query: the classes that plan and run one are 75 MB of an archive on Spark 3.5, more than the image has room for.
"""

import re
import sys
from operator import add
from pathlib import Path

from pyspark.sql import SparkSession

KUBERNETES = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"

spark = SparkSession.builder.appName("warm-up").getOrCreate()
numbers = spark.sparkContext.parallelize(range(1000), 2)
assert numbers.map(lambda number: number * 2).reduce(add) == 999_000

if sys.argv[1:]:
    jvm = spark._jvm
    loader = jvm.java.lang.ClassLoader.getSystemClassLoader()
    loaded = re.findall(r" (\S+) source: (?:file|jrt):", Path(sys.argv[1]).read_text())
    assert "org.apache.spark.executor.CoarseGrainedExecutorBackend" in loaded
    # The cluster that wrote the log has another backend than Kubernetes.
    for name in (*loaded, KUBERNETES, f"{KUBERNETES}$", f"{KUBERNETES}$Arguments"):
        jvm.java.lang.Class.forName(name, False, loader)
spark.stop()
