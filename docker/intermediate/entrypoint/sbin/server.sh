#!/bin/bash
# start-<server>.sh and stop-<server>.sh, under the names that Spark's distribution uses. Arguments: those of the mode.
# A worker reads SPARK_WORKER_INSTANCES: that many workers, each with the next web UI port.
set -euo pipefail
export SPARK_HOME=${SPARK_HOME:-/opt/spark}

[[ ${0##*/} =~ ^(start|stop)-(master|worker|connect-server|history-server|thriftserver)\.sh$ ]] ||
    { echo "$0: call start-<server>.sh or stop-<server>.sh" >&2; exit 2; }
action=${BASH_REMATCH[1]} start=start instances=1
case ${BASH_REMATCH[2]} in
    master) class=org.apache.spark.deploy.master.Master ;;
    worker) class=org.apache.spark.deploy.worker.Worker instances=${SPARK_WORKER_INSTANCES:-1} ;;
    history-server) class=org.apache.spark.deploy.history.HistoryServer ;;
    connect-server) class=org.apache.spark.sql.connect.service.SparkConnectServer start=submit ;;
    thriftserver) class=org.apache.spark.sql.hive.thriftserver.HiveThriftServer2 start=submit ;;
esac
[[ $action == stop ]] || action=$start
[[ $instances =~ ^[1-9][0-9]*$ ]] ||
    { echo "$0: SPARK_WORKER_INSTANCES is \"$instances\": expected a positive number" >&2; exit 2; }

(( instances > 1 )) || exec "$SPARK_HOME/sbin/spark-daemon.sh" "$action" "$class" 1 "$@"
first_port=${SPARK_WORKER_WEBUI_PORT:-8081}
for ((instance = 1; instance <= instances; instance++)); do
    ports=()
    [[ $action == stop ]] || ports=(--webui-port $((first_port + instance - 1)))
    "$SPARK_HOME/sbin/spark-daemon.sh" "$action" "$class" "$instance" "$@" "${ports[@]}"
done
