#!/bin/bash
# Runs the job while the Thrift server starts. Then the history server reads the job's event log, beeline sends a query
# to the Thrift server, and the last loop asks the history server for its applications.
set -euo pipefail
cd /tmp
mkdir events thrift
quiet='--conf spark.ui.enabled=false'

(cd thrift && exec spark-submit $quiet --class org.apache.spark.sql.hive.thriftserver.HiveThriftServer2 spark-internal \
    --hiveconf hive.server2.thrift.port=10015 --hiveconf hive.server2.thrift.bind.host=127.0.0.1) > thrift.log 2>&1 &
spark-submit $quiet --conf spark.eventLog.enabled=true --conf spark.eventLog.dir=file:///tmp/events \
    --conf spark.io.compression.codec=zstd --conf spark.sql.shuffle.partitions=1 \
    --conf spark.sql.warehouse.dir=/tmp/warehouse /opt/spark/work-dir/nothing_lost.py

SPARK_HISTORY_OPTS='-Dspark.history.fs.logDirectory=file:///tmp/events -Dspark.history.ui.port=18088' \
    spark-class org.apache.spark.deploy.history.HistoryServer > history.log 2>&1 &

beeline -u jdbc:hive2://127.0.0.1:10015 --silent=true --outputformat=csv2 --showHeader=false \
    -e 'SELECT 6 * 7' < /dev/null 2> beeline.log | sed 's/^/BEELINE /' || cat beeline.log thrift.log

for _ in $(seq 60); do
    if python -c 'import urllib.request as r; print("HISTORY " + r.urlopen("http://127.0.0.1:18088/api/v1/applications").read().decode().replace("\n", " "))' \
        2> /dev/null | grep '"id"'; then
        exit
    fi
    sleep 0.5
done
cat history.log
exit 1
