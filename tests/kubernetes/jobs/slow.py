"""Runs forty tasks of one second, so that a test can kill an executor. Prints a line after the first four."""

import json
import threading
import time

from pyspark.sql import SparkSession

context = SparkSession.builder.getOrCreate().sparkContext
status = context._jsc.sc().statusTracker()
done = context.accumulator(0)


def task(number: int) -> int:
    time.sleep(1)
    done.add(1)
    return number


def announce() -> None:
    while done.value < 4:
        time.sleep(0.2)
    print("FIRST TASKS DONE", flush=True)


while len(status.getExecutorInfos()) < 3:  # two executors and the driver
    time.sleep(0.2)
threading.Thread(target=announce, daemon=True).start()
total = context.parallelize(range(40), 40).map(task).sum()
every = context._jsc.sc().statusStore().executorList(False)
lost = sum(not every.apply(number).isActive() for number in range(every.size()))
print("RESULT " + json.dumps({"sum": total, "lost": lost}), flush=True)
