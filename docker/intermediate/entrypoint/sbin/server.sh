#!/bin/bash
# start-<server>.sh and stop-<server>.sh, as Spark's own distribution has them: a server in the background, or in the
# foreground with SPARK_NO_DAEMONIZE, as Kubernetes operators ask for it.
# Reads: SPARK_NO_DAEMONIZE, SPARK_LOG_DIR, SPARK_PID_DIR. Arguments: the mode's.
set -euo pipefail
export SPARK_HOME=${SPARK_HOME:-/opt/spark}

[[ ${0##*/} =~ ^(start|stop)-(master|worker|connect|history|thriftserver)(-server)?\.sh$ ]] ||
    { echo "$0: call start-<server>.sh or stop-<server>.sh" >&2; exit 2; }
action=${BASH_REMATCH[1]} mode=${BASH_REMATCH[2]}
pid_file=${SPARK_PID_DIR:-/tmp}/spark-$mode.pid

if [[ $action == stop ]]; then
    pid=$(cat "$pid_file" 2> /dev/null) && kill "$pid" 2> /dev/null || { echo "no $mode to stop"; exit 0; }
    timeout 60 tail --pid="$pid" -f /dev/null || { echo "$mode ($pid) did not end within 60 s" >&2; exit 1; }
    rm -f "$pid_file"
elif [[ -v SPARK_NO_DAEMONIZE ]]; then
    echo $$ > "$pid_file"
    exec "/opt/entrypoint.d/$mode" "$@"
else
    log=${SPARK_LOG_DIR:-$SPARK_HOME/logs}/spark-$mode.out
    nohup "/opt/entrypoint.d/$mode" "$@" > "$log" 2>&1 < /dev/null &
    echo $! > "$pid_file"
    echo "starting $mode, logging to $log"
fi
