"""Reads a topic in a batch and as a stream while the test stops the broker. Prints both errors.

Arguments: the broker, the topic, and options of the source as JSON.
"""

import json
import sys
import threading
import time
from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession

broker, topic, options = sys.argv[1:]
spark = SparkSession.builder.appName("lost-broker").getOrCreate()
# One message for each request of the client, so that the broker must answer in the middle of a batch.
small = {"kafka.max.partition.fetch.bytes": "1", "kafka.fetch.max.bytes": "1", "startingOffsets": "earliest"}
source = {"kafka.bootstrap.servers": broker, "subscribe": topic, **small, **json.loads(options)}
messages = spark.range(0, 40, 1, 1).selectExpr("CAST(id AS STRING) AS value", "0 AS partition")
write = messages.write.format("kafka").option("kafka.bootstrap.servers", broker).option("kafka.batch.size", "0")
write.option("topic", topic).save()
found = {}


def slow(rows: DataFrame) -> DataFrame:
    """Returns the rows that take half a second each."""
    return rows.where("reflect('java.lang.Thread', 'sleep', CAST(500 AS BIGINT)) IS NOT NULL")


def attempt(name: str, action: Callable[[], object]) -> None:
    """Records the error of an action, and how many seconds it took after the line OPEN."""
    try:
        found[name] = f"no error: {action()}"
    except Exception as error:  # the message is the result
        found[name] = str(error)[:20000]
    found[f"{name} seconds"] = round(time.monotonic() - opened)


opened = time.monotonic()
idle = spark.readStream.format("kafka").options(**source).load().writeStream.format("noop").start()
idle.processAllAvailable()
stream = slow(spark.readStream.format("kafka").options(**source).load()).writeStream.format("noop").start()
batch = slow(spark.read.format("kafka").options(**source).load())
actions = {"idle": idle.awaitTermination, "stream": stream.awaitTermination, "batch": batch.count}
threads = [threading.Thread(target=attempt, args=each) for each in actions.items()]
for thread in threads:
    thread.start()
tracker = spark.sparkContext.statusTracker()
while len([stage for stage in tracker.getActiveStageIds() if tracker.getStageInfo(stage).numActiveTasks]) < 2:
    time.sleep(0.2)
time.sleep(1)
opened = time.monotonic()
print("OPEN", flush=True)
for thread in threads:
    thread.join()
print("RESULT", json.dumps(found), flush=True)
spark.stop()
