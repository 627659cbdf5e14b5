"""Writes a Parquet table to each URL of the arguments and reads it, and prints the errors.

An argument is a URL, or JSON: a URL and settings of Hadoop that hold for it only.
"""

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("failures").getOrCreate()
cases = [tuple(json.loads(each)) if each.startswith("[") else (each, {}) for each in sys.argv[1:]]


def error(action: Callable[[], object]) -> str:
    """Returns the message of the exception that an action throws, or "no error"."""
    try:
        action()
    except Exception as thrown:  # the message is the result
        return str(thrown)[:2000]
    return "no error"


def errors(case: tuple[str, dict[str, str]]) -> dict[str, str]:
    """Returns the messages of a write and of a read."""
    url, settings = case
    return {
        "write": error(lambda: spark.range(1).write.mode("append").options(**settings).parquet(url)),
        "read": error(lambda: spark.read.options(**settings).parquet(url).count()),
    }


# The cases wait for servers at the same time.
with ThreadPoolExecutor(len(cases)) as pool:
    print("RESULT", json.dumps(dict(zip([url for url, _ in cases], pool.map(errors, cases), strict=True))))
