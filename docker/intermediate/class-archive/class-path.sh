# The class path and options with which Spark's JVMs start. bin/spark-class and the mode executor source this file.
archive=/opt/class-archive
source /opt/ca.sh

# Adds the jars of a Hadoop installation unless SPARK_DIST_CLASSPATH is set. The official image does the same.
if [[ -n ${HADOOP_HOME:-} && -z ${SPARK_DIST_CLASSPATH:-} ]]; then
    if [[ ! -x $HADOOP_HOME/bin/hadoop ]]; then
        echo "HADOOP_HOME is $HADOOP_HOME, which is not a Hadoop installation: expected the program bin/hadoop in it" >&2
        exit 2
    fi
    SPARK_DIST_CLASSPATH=$("$HADOOP_HOME/bin/hadoop" classpath) ||
        { echo "HADOOP_HOME: $HADOOP_HOME/bin/hadoop classpath failed: set SPARK_DIST_CLASSPATH" >&2; exit 1; }
    export SPARK_DIST_CLASSPATH
fi

# arrange CLASS-PATH: sets start_options and class_path. class_path has the same entries in the order that the archive
# needs: Spark's jars in the archive's order, then other jars in their folder, then the configuration, then the rest.
# The configuration can follow the jars, because no jar of the image contains a file of the same name. In this order, a
# mounted configuration does not turn the archive off.
# If anything except the configuration precedes Spark's jars, it must override them. The class path then stays the same.
arrange() {
    local before=${1%%"$SPARK_HOME/jars/"*} after=${1#*"$SPARK_HOME/jars/*"} conf jar
    local -A archived=()
    class_path=$1
    # Code that runs only for seconds is compiled once, not twice: C2 has five times its default thresholds.
    start_options=(-XX:Tier4InvocationThreshold=25000 -XX:Tier4MinInvocationThreshold=3000
        -XX:Tier4CompileThreshold=75000 -XX:Tier4BackEdgeThreshold=200000 ${ca_java_option:+"$ca_java_option"})
    conf=${before%:}
    [[ $after != "$1" && ${conf%/} == "${SPARK_CONF_DIR:-$SPARK_HOME/conf}" && -r $archive/class-path ]] || return 0

    local known
    known=$(< "$archive/class-path")
    [[ $known == "$SPARK_HOME/jars/"* ]] || return 0
    while IFS= read -r -d : jar; do
        archived[$jar]=yes
    done <<< "$known:"
    class_path=$known
    for jar in "$SPARK_HOME"/jars/*.jar; do
        [[ -n ${archived[$jar]:-} ]] || class_path+=:$jar
    done
    class_path+=:$conf$after
    # A JVM of another build or with other jars cannot use the archive. It then starts without it and logs nothing.
    start_options+=(-XX:SharedArchiveFile="$archive/spark.jsa" -Xlog:cds=off -Xlog:cds+dynamic=off)
}
