#!/bin/bash
# Our own implementation of the official entrypoint's behaviour. nss_wrapper gives an unknown UID a passwd entry.
# Spark's jars come after SPARK_CLASSPATH. gosu drops root. Only the driver and the executor run under tini.
set -eo pipefail

name_this_uid() {
    getent passwd "$(id -u)" > /dev/null && return
    local library
    library=$(find /usr/lib -name libnss_wrapper.so -print -quit)
    [ -n "$library" ] || return 0
    NSS_WRAPPER_PASSWD=$(mktemp) NSS_WRAPPER_GROUP=$(mktemp)
    echo "spark:x:$(id -u):$(id -g):${SPARK_USER_NAME:-anonymous uid}:$SPARK_HOME:/bin/false" > "$NSS_WRAPPER_PASSWD"
    echo "spark:x:$(id -g):" > "$NSS_WRAPPER_GROUP"
    export LD_PRELOAD=$library NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
}

as_spark=()
[ "$(id -u)" -ne 0 ] || as_spark=(gosu spark)
classpath="${SPARK_CONF_DIR:-$SPARK_HOME/conf}:$SPARK_CLASSPATH:$SPARK_HOME/jars/*"
classpath+="${SPARK_EXTRA_CLASSPATH:+:$SPARK_EXTRA_CLASSPATH}:$PWD"
options=()
for variable in "${!SPARK_JAVA_OPT_@}"; do
    options+=("${!variable}")
done

case "$1" in
driver)
    shift
    name_this_uid
    exec "${as_spark[@]}" tini -s -- "$SPARK_HOME/bin/spark-submit" \
        --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
        --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" --deploy-mode client "$@"
    ;;
executor)
    shift
    name_this_uid
    exec "${as_spark[@]}" tini -s -- "$JAVA_HOME/bin/java" "${options[@]}" \
        -Xms"$SPARK_EXECUTOR_MEMORY" -Xmx"$SPARK_EXECUTOR_MEMORY" -cp "$classpath:$SPARK_DIST_CLASSPATH" \
        org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
        --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" --cores "$SPARK_EXECUTOR_CORES" \
        --app-id "$SPARK_APPLICATION_ID" --hostname "$SPARK_EXECUTOR_POD_IP" \
        --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" --podName "$SPARK_EXECUTOR_POD_NAME"
    ;;
*)
    exec "$@"
    ;;
esac
