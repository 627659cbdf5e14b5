"""Counts its executors before a stage, during it, and after idle executors have been removed."""

import json
import threading
import time

from pyspark.sql import SparkSession

context = SparkSession.builder.getOrCreate().sparkContext
status = context._jsc.sc().statusTracker()


def executors() -> int:
    return len(status.getExecutorInfos()) - 1  # without the driver


def task(_: int) -> None:
    time.sleep(1)


before, most = executors(), 0
stage = threading.Thread(target=lambda: context.parallelize(range(20), 20).map(task).count())
stage.start()
while stage.is_alive():
    most = max(most, executors())
    time.sleep(0.2)
deadline = time.monotonic() + 60
while executors() and time.monotonic() < deadline:
    time.sleep(0.5)
print("RESULT " + json.dumps({"before": before, "most": most, "after": executors()}), flush=True)
