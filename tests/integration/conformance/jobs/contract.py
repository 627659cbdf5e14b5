"""Prints the job's user and directories, its mounted configuration, and the jars and Python files it can load."""

import getpass
import json
import os
import pwd
import subprocess
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
jvm = spark._jvm
conf = spark.sparkContext.getConf()
loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()


def handed_over(_: int) -> str:
    try:
        import handed  # noqa: PLC0415 -- it exists only with --py-files
    except ImportError:
        return ""
    return handed.WORD


found = {
    "uid": os.getuid(),
    "whoami": subprocess.run(["whoami"], capture_output=True, text=True, check=False).stdout.strip(),
    "passwd": ":".join(map(str, pwd.getpwuid(os.getuid()))),
    "python_user": getpass.getuser(),
    "user_home": jvm.java.lang.System.getProperty("user.home"),
    "spark_user": spark.sparkContext.sparkUser(),
    "local_dir": list(jvm.org.apache.spark.util.Utils.getConfiguredLocalDirs(conf._jconf)),
    "sum": spark.range(1000).selectExpr("sum(id)").first()[0],
    "from_conf": conf.get("spark.conformance", ""),
    "from_hadoop_conf": spark.sparkContext._jsc.hadoopConfiguration().get("conformance.hadoop") or "",
    "in_jar": loader.getResource("handed/over.txt") is not None,
    "in_py_files": spark.sparkContext.parallelize([0], 1).map(handed_over).first(),
}
print("RESULT " + json.dumps(found))
sys.exit(int(conf.get("spark.conformance.exit", "0")))
