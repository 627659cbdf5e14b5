"""Reads a shuffle after one of the executors that wrote it has gone. Counts the runs of the map tasks."""

import json
import time

from pyspark.sql import SparkSession

context = SparkSession.builder.getOrCreate().sparkContext
status = context._jsc.sc().statusTracker()
runs = context.accumulator(0)


def tagged(number: int) -> tuple[int, int]:
    runs.add(1)
    time.sleep(0.3)  # long enough that both executors run some tasks
    return number, number


def inactive() -> int:
    every = context._jsc.sc().statusStore().executorList(False)
    return sum(not every.apply(number).isActive() for number in range(every.size()))


while len(status.getExecutorInfos()) < 3:  # two executors and the driver
    time.sleep(0.2)
shuffled = context.parallelize(range(8), 8).map(tagged).partitionBy(4)
shuffled.count()
print("SHUFFLED", flush=True)
while not inactive():
    time.sleep(0.2)
total = shuffled.values().sum()
print("RESULT " + json.dumps({"sum": total, "map_tasks_run": runs.value}), flush=True)
