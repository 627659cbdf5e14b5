# Code that all modes share. Each mode begins with `source /opt/mode.sh`.
set -euo pipefail
mode=${0##*/}
conf=${SPARK_CONF_DIR:-$SPARK_HOME/conf}

# fail EXIT-CODE SENTENCE: exits with 2 if the mode was called wrongly, with 1 if something prevents the start.
fail() {
    echo "$mode: $2" >&2
    exit "$1"
}

# needs WHOSE VARIABLE...: fails if a variable is not set. WHOSE is a sentence that says who sets it.
needs() {
    local name whose=$1
    for name in "${@:2}"; do
        [[ -n ${!name:-} ]] || fail 2 "$name is not set: $whose"
    done
}

# readable VARIABLE FOLDER: fails if the folder or a file in it cannot be read. Spark would ignore such a file, or end
# with a stack trace.
readable() {
    local file whom
    whom=$(id -u):$(id -g)
    [[ -d $2 ]] || fail 1 "$1 is $2, which is not a directory: mount a directory there, or change $1"
    for file in "$2" "$2"/*; do
        [[ ! -e $file || -r $file ]] || fail 1 "$file ($1) cannot be read as $whom: check its mode and owner"
    done
}
readable SPARK_CONF_DIR "$conf"
[[ -z ${HADOOP_CONF_DIR:-} ]] || readable HADOOP_CONF_DIR "$HADOOP_CONF_DIR"

# Spark writes to its working directory: files of --jars and --files, a warehouse, a metastore. If the working directory
# is read-only, the mode uses a temporary directory under SPARK_LOCAL_DIRS.
started_in=$PWD
if [[ ! -w $PWD ]]; then
    room=${SPARK_LOCAL_DIRS:-${TMPDIR:-/tmp}}
    room=${room%%,*}
    # mktemp is a separate step, because `cd ""` succeeds and would hide that mktemp failed.
    mkdir -p "$room" 2> /dev/null && own=$(mktemp -d -p "$room" "spark-$mode-XXXXXX" 2> /dev/null) && cd "$own" ||
        fail 1 "neither $PWD nor $room can be written: mount an emptyDir at /tmp, or set SPARK_LOCAL_DIRS"
fi

# Kubernetes sets variables for each Service of a namespace in its pods. A Service named spark-master sets
# SPARK_MASTER_PORT to a URL (tcp://), which Spark would read as a port.
for variable in SPARK_MASTER_PORT SPARK_WORKER_PORT; do
    [[ ${!variable:-} != tcp://* ]] || unset "$variable"
done

# The log of a mode goes to stdout. If the configuration directory has no log4j2 file, the image's file applies. Spark
# mounts such a directory over the configuration in its own pods.
export SPARK_LOG_TARGET=${SPARK_LOG_TARGET:-SYSTEM_OUT}
[[ ${SPARK_LOG_FORMAT:-plain} =~ ^(plain|json)$ ]] || fail 2 "SPARK_LOG_FORMAT is \"$SPARK_LOG_FORMAT\": expected plain or json"
[[ ${SPARK_LOG_TARGET} =~ ^SYSTEM_(OUT|ERR)$ ]] || fail 2 "SPARK_LOG_TARGET is \"$SPARK_LOG_TARGET\": expected SYSTEM_OUT or SYSTEM_ERR"
if ! compgen -G "$conf/log4j2.*" > /dev/null; then
    export LOG4J_CONFIGURATION_FILE=${LOG4J_CONFIGURATION_FILE:-/opt/spark-conf/log4j2.properties}
fi
