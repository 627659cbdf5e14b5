#!/bin/bash
# start-<server>.sh and stop-<server>.sh, as Spark's own distribution has them: a server in the background, or in the
# foreground with SPARK_NO_DAEMONIZE, as Kubernetes operators ask for it.
# stop-<server>.sh signals only the process that start-<server>.sh recorded, whatever has its number now.
# Reads: SPARK_NO_DAEMONIZE, SPARK_LOG_DIR, SPARK_PID_DIR. Arguments: the mode's.
set -euo pipefail
export SPARK_HOME=${SPARK_HOME:-/opt/spark}

[[ ${0##*/} =~ ^(start|stop)-(master|worker|connect|history|thriftserver)(-server)?\.sh$ ]] ||
    { echo "$0: call start-<server>.sh or stop-<server>.sh" >&2; exit 2; }
action=${BASH_REMATCH[1]} mode=${BASH_REMATCH[2]}
pid_file=${SPARK_PID_DIR:-/tmp}/spark-$mode.pid

# born PID: prints when the process began and fails where it has ended. The kernel gives its number to another process
# later, and after a restart of the container or the machine, but never with the same start in the same boot.
born() {
    local stat
    stat=$(cat "/proc/$1/stat" 2> /dev/null) || return
    # The fields after the name, which may hold spaces and parentheses: first the state, the twentieth is the start.
    read -ra stat <<< "${stat##*) }"
    [[ ${stat[0]} != [ZX] ]] && echo "${stat[19]} $(< /proc/sys/kernel/random/boot_id)"
}

# record PID: writes the number of the process, and in a second line when it began.
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
    echo "$mode ($pid) did not end within 60 s" >&2
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
