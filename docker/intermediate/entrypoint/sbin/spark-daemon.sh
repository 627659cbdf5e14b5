#!/bin/bash
# Starts a class of Spark in the background, and finds, signals or stops it later by its class and number. The usage, the
# files and the exit codes of `status` are those of Spark's own script, because operators call it.
# Unlike that script, it signals only the process that it started: it records when the process began, and compares.
# With SPARK_NO_DAEMONIZE the class runs in the foreground.
# Reads: SPARK_NO_DAEMONIZE, SPARK_IDENT_STRING, SPARK_PID_DIR, SPARK_LOG_DIR, SPARK_LOG_MAX_FILES.
set -euo pipefail
export SPARK_HOME=${SPARK_HOME:-/opt/spark}
USAGE='usage: spark-daemon.sh [--config DIRECTORY] start|submit|stop|decommission|status CLASS NUMBER [ARGUMENT...]'

# fail EXIT-CODE SENTENCE
fail() {
    echo "spark-daemon.sh: $2" >&2
    exit "$1"
}

if [[ ${1:-} == --config ]]; then
    [[ -d ${2:-} ]] || fail 2 "--config ${2:-} is not a directory. $USAGE"
    export SPARK_CONF_DIR=$2
    shift 2
fi
[[ $# -ge 3 && $1 =~ ^(start|submit|stop|decommission|status)$ && $3 =~ ^[0-9]+$ ]] || fail 2 "$USAGE"
action=$1 class=$2 number=$3
shift 3

set +eu
source "$SPARK_HOME/bin/load-spark-env.sh"
set -eu
pid_dir=${SPARK_PID_DIR:-/tmp}
name=spark-${SPARK_IDENT_STRING:-${USER:-}}-$class-$number
pid_file=$pid_dir/$name.pid

# born PID: prints when the process began. Fails if it ended. The kernel reuses the number of a process, also after a
# restart of the container, but never with the same start time in the same boot.
born() {
    local stat
    stat=$(cat "/proc/$1/stat" 2> /dev/null) || return
    # Fields after the name, which can contain spaces and parentheses: the first is the state, the 20th the start time.
    read -ra stat <<< "${stat##*) }"
    [[ ${stat[0]} != [ZX] ]] && echo "${stat[19]} $(< /proc/sys/kernel/random/boot_id)"
}

# The PID file contains only the number, because other programs read it. A second file contains the start time.
record() {
    mkdir -p "$pid_dir" 2> /dev/null && { echo "$1" > "$pid_file"; } 2> /dev/null ||
        fail 1 "cannot write $pid_file as $(id -u):$(id -g): set SPARK_PID_DIR to a writable directory"
    born "$1" > "$pid_file.born" || rm "$pid_file.born"  # it ended already
}
forget() { rm -f "$pid_file" "$pid_file.born"; }

# runs: the recorded process is alive. Sets pid.
runs() {
    pid=$(cat "$pid_file" 2> /dev/null) && [[ $pid =~ ^[0-9]+$ ]] &&
        [[ -s $pid_file.born && $(born "$pid") == "$(< "$pid_file.born")" ]]
}

# signal NAME: sends a signal to the recorded process.
signal() {
    kill -s "$1" "$pid" 2> /dev/null || ! runs ||
        fail 1 "$class ($pid) cannot be signalled as $(id -u):$(id -g): use the user that started it"
}

# The command of the class: the mode that starts it, if there is one.
command_of() {
    case $action.$class in
        start.org.apache.spark.deploy.master.Master) command=(/opt/entrypoint.d/master) ;;
        start.org.apache.spark.deploy.worker.Worker) command=(/opt/entrypoint.d/worker) ;;
        start.org.apache.spark.deploy.history.HistoryServer) command=(/opt/entrypoint.d/history) ;;
        submit.org.apache.spark.sql.connect.service.SparkConnectServer) command=(/opt/entrypoint.d/connect) ;;
        submit.org.apache.spark.sql.hive.thriftserver.HiveThriftServer2) command=(/opt/entrypoint.d/thriftserver) ;;
        start.*) command=("$SPARK_HOME/bin/spark-class" "$class") ;;
        submit.*) command=("$SPARK_HOME/bin/spark-submit" --class "$class") ;;
    esac
}

# Keeps the logs of the last starts: .1 is the newest.
rotate() {
    local older
    for ((older = ${SPARK_LOG_MAX_FILES:-5}; older > 1; older--)); do
        [[ ! -f $1.$((older - 1)) ]] || mv -f "$1.$((older - 1))" "$1.$older"
    done
    [[ ! -f $1 ]] || mv -f "$1" "$1.1"
}

case $action in
    start | submit)
        ! runs || fail 1 "$class runs already, as process $pid: stop it first"
        command_of
        if [[ -v SPARK_NO_DAEMONIZE ]]; then
            record $$
            exec "${command[@]}" "$@"
        fi
        log_dir=${SPARK_LOG_DIR:-$SPARK_HOME/logs}
        # On a read-only root file system.
        [[ -n ${SPARK_LOG_DIR:-} || -w $log_dir ]] || log_dir=${TMPDIR:-/tmp}/spark-logs
        log=$log_dir/$name-$(uname -n).out
        mkdir -p "$log_dir" 2> /dev/null && [[ -w $log_dir ]] ||
            fail 1 "cannot write to $log_dir as $(id -u):$(id -g): set SPARK_LOG_DIR to a writable directory"
        rotate "$log"
        nohup "${command[@]}" "$@" > "$log" 2>&1 < /dev/null &
        record $!
        echo "starting $class, logging to $log"
        # Others take a process for running when it is called java: return when it is, or when it ended before.
        while runs; do
            [[ $(cat "/proc/$pid/comm" 2> /dev/null) != java ]] || exit 0
            sleep 0.1
        done
        forget
        echo "$class did not start. The last lines of $log:" >&2
        tail -n 20 "$log" >&2
        exit 1
        ;;
    stop)
        if ! runs; then
            forget
            echo "no $class to stop"
            exit 0
        fi
        echo "stopping $class"
        signal TERM
        for ((tenths = 0; tenths < 600; tenths++)); do
            runs || { forget; exit 0; }
            sleep 0.1
        done
        fail 1 "$class ($pid) did not end within 60 s"
        ;;
    decommission)
        if ! runs; then
            echo "no $class to decommission"
            exit 0
        fi
        echo "decommissioning $class"
        signal PWR
        ;;
    status)
        if runs; then
            echo "$class is running."
        elif [[ -e $pid_file ]]; then
            echo "$pid_file is present but $class is not running."
            exit 1
        else
            echo "$class is not running."
            exit 2
        fi
        ;;
esac
