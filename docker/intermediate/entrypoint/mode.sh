# What the modes have in common: each of them begins with `source /opt/mode.sh`.
set -euo pipefail
mode=${0##*/}
conf=${SPARK_CONF_DIR:-$SPARK_HOME/conf}

# fail EXIT-CODE SENTENCE: 2 says that the mode was called wrongly, 1 that something stands in its way.
fail() {
    echo "$mode: $2" >&2
    exit "$1"
}

# needs WHOSE VARIABLE...: each is set, by Spark or by the user.
needs() {
    local name whose=$1
    for name in "${@:2}"; do
        [[ -n ${!name:-} ]] || fail 2 "$name is not set: $whose"
    done
}

# A file that cannot be read would be taken for one that is not there, or end Spark with a stack trace.
readable() {
    local file whom
    whom=$(id -u):$(id -g)
    [[ -d $2 ]] || fail 1 "$1 is $2, which is no directory"
    for file in "$2" "$2"/*; do
        [[ ! -e $file || -r $file ]] || fail 1 "$file ($1) cannot be read as $whom: check its mode and owner"
    done
}
readable SPARK_CONF_DIR "$conf"
[[ -z ${HADOOP_CONF_DIR:-} ]] || readable HADOOP_CONF_DIR "$HADOOP_CONF_DIR"

# Spark writes beside where it starts: what --jars and --files name, a warehouse, a metastore. On a read-only root that
# is a directory of its own where Spark has room anyway.
started_in=$PWD
if [[ ! -w $PWD ]]; then
    room=${SPARK_LOCAL_DIRS:-${TMPDIR:-/tmp}}
    room=${room%%,*}
    # In a step of its own: `cd ""` succeeds, and would hide that mktemp failed.
    mkdir -p "$room" 2> /dev/null && own=$(mktemp -d -p "$room" "spark-$mode-XXXXXX" 2> /dev/null) && cd "$own" ||
        fail 1 "neither $PWD nor $room can be written: mount an emptyDir at /tmp, or set SPARK_LOCAL_DIRS"
fi

# Kubernetes gives each pod of a namespace the variables of its services: one called spark-master sets
# SPARK_MASTER_PORT=tcp://…, which Spark would take for a port.
for variable in SPARK_MASTER_PORT SPARK_WORKER_PORT; do
    [[ ${!variable:-} != tcp://* ]] || unset "$variable"
done

# The log of a mode goes to stdout. A directory that is mounted over the configuration, as Spark does in its own pods,
# need not bring a log4j2 file: the image's is used then.
export SPARK_LOG_TARGET=${SPARK_LOG_TARGET:-SYSTEM_OUT}
[[ ${SPARK_LOG_FORMAT:-plain} =~ ^(plain|json)$ ]] || fail 2 "SPARK_LOG_FORMAT is \"$SPARK_LOG_FORMAT\": expected plain or json"
[[ ${SPARK_LOG_TARGET} =~ ^SYSTEM_(OUT|ERR)$ ]] || fail 2 "SPARK_LOG_TARGET is \"$SPARK_LOG_TARGET\": expected SYSTEM_OUT or SYSTEM_ERR"
if ! compgen -G "$conf/log4j2.*" > /dev/null; then
    export LOG4J_CONFIGURATION_FILE=${LOG4J_CONFIGURATION_FILE:-/opt/spark-conf/log4j2.properties}
fi
