#!/bin/bash
# start-<server>.sh and stop-<server>.sh, as in Spark's own distribution. A server starts in the background, or in the
# foreground if SPARK_NO_DAEMONIZE is set, as Kubernetes operators do.
# stop-<server>.sh signals only the process that start-<server>.sh recorded, and no later process with the same PID.
# Reads: SPARK_NO_DAEMONIZE, SPARK_LOG_DIR, SPARK_PID_DIR. Arguments: those of the mode.
set -euo pipefail
export SPARK_HOME=${SPARK_HOME:-/opt/spark}

[[ ${0##*/} =~ ^(start|stop)-(master|worker|connect|history|thriftserver)(-server)?\.sh$ ]] ||
    { echo "$0: unknown name: call start-<server>.sh or stop-<server>.sh" >&2; exit 2; }
action=${BASH_REMATCH[1]} mode=${BASH_REMATCH[2]}
pid_file=${SPARK_PID_DIR:-/tmp}/spark-$mode.pid

# born PID: prints the start time of the process and the ID of the boot. Fails if the process has ended. Another process
# can get the same PID later, or after a restart, but never with the same start time in the same boot.
born() {
    local stat
    stat=$(cat "/proc/$1/stat" 2> /dev/null) || return
    # The fields after the name, because a name can contain spaces and parentheses. The first is the state, and the
    # twentieth is the start time.
    read -ra stat <<< "${stat##*) }"
    [[ ${stat[0]} != [ZX] ]] && echo "${stat[19]} $(< /proc/sys/kernel/random/boot_id)"
}

# record PID: writes the PID, and what `born` prints in a second line.
record() { { echo "$1" && born "$1" || true; } > "$pid_file"; }

if [[ $action == stop ]]; then
    pid='' began=''
    [[ ! -e $pid_file ]] || { read -r pid && read -r began; } < "$pid_file" || true
    runs() { [[ $pid =~ ^[0-9]+$ && -n $began && $(born "$pid") == "$began" ]]; }
    if ! runs; then
        echo "no $mode to stop"
        rm -f "$pid_file"
        exit 0
    fi
    kill "$pid" 2> /dev/null || ! runs ||
        { echo "$mode ($pid) may not be signalled as $(id -u):$(id -g): stop it as the user who started it" >&2; exit 1; }
    for ((tenths = 0; tenths < 600; tenths++)); do
        runs || { rm -f "$pid_file"; exit 0; }
        sleep 0.1
    done
    echo "$mode ($pid) did not end within 60 s: end it with kill -9 $pid" >&2
    exit 1
elif [[ -v SPARK_NO_DAEMONIZE ]]; then
    record $$
    exec "/opt/entrypoint.d/$mode" "$@"
else
    log=${SPARK_LOG_DIR:-$SPARK_HOME/logs}/spark-$mode.out
    nohup "/opt/entrypoint.d/$mode" "$@" > "$log" 2>&1 < /dev/null &
    record $!
    echo "starting $mode, logging to $log"
fi
