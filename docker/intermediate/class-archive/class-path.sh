# How the JVMs of Spark start: sourced by bin/spark-class and by the executor mode.
archive=/opt/class-archive

# arrange CLASS-PATH: sets class_path, the same in the order that the archive is valid for, and start_options. Spark's
# jars come first, in the archive's order, then other jars beside them, then the configuration. No jar of the image
# holds a file that a configuration directory could mean, and a mounted one does not switch the archive off.
# Where anything but the configuration precedes Spark's jars, it is there to win over them: all stays as it is.
arrange() {
    local before=${1%%"$SPARK_HOME/jars/"*} after=${1#*"$SPARK_HOME/jars/*"} conf jar
    local -A archived=()
    class_path=$1
    # Code that runs for seconds is compiled once, not twice: C2 waits five times as long as it does by default.
    start_options=(-XX:Tier4InvocationThreshold=25000 -XX:Tier4MinInvocationThreshold=3000
        -XX:Tier4CompileThreshold=75000 -XX:Tier4BackEdgeThreshold=200000)
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
    # A JVM that cannot use the archive, of another make or with other jars, starts without it and says nothing.
    start_options+=(-XX:SharedArchiveFile="$archive/spark.jsa" -Xlog:cds=off -Xlog:cds+dynamic=off)
}
