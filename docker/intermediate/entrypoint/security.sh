# Security settings of a standalone cluster from environment variables, under the names that Bitnami's images use. The
# modes master and worker source this file after mode.sh. It sets properties_file: the arguments that add the settings.
# The settings go to a file that only this user can read, because other processes can read a command line.
properties_file=()

# on VARIABLE: succeeds if it is yes or true. Fails the start if it has another value than yes, true, no or false.
on() {
    case ${!1:-no} in
        yes | true) ;;
        no | false) return 1 ;;
        *) fail 2 "$1 is \"${!1}\": expected yes or no" ;;
    esac
}

# alone SWITCH VARIABLE...: fails if a variable is set, but not the switch that it belongs to.
alone() {
    local name
    [[ -z ${!1:-} ]] || return 0
    for name in "${@:2}"; do
        [[ -z ${!name:-} ]] || fail 2 "$name is set, but $1 is not: set $1 to yes, or unset $name"
    done
}

# store VARIABLE: fails if it does not name a readable file.
store() { [[ -r ${!1} ]] || fail 2 "$1 is ${!1}, which cannot be read as $(id -u):$(id -g): mount the file, and check its mode"; }

settings=()
alone SPARK_RPC_AUTHENTICATION_ENABLED SPARK_RPC_AUTHENTICATION_SECRET
alone SPARK_SSL_ENABLED SPARK_SSL_KEYSTORE_FILE SPARK_SSL_KEYSTORE_PASSWORD SPARK_SSL_KEY_PASSWORD \
    SPARK_SSL_TRUSTSTORE_FILE SPARK_SSL_TRUSTSTORE_PASSWORD SPARK_SSL_NEED_CLIENT_AUTH SPARK_SSL_PROTOCOL
if on SPARK_RPC_AUTHENTICATION_ENABLED; then
    needs "SPARK_RPC_AUTHENTICATION_ENABLED needs the same secret on the master, the workers and the applications" \
        SPARK_RPC_AUTHENTICATION_SECRET
    settings+=("spark.authenticate true" "spark.authenticate.secret $SPARK_RPC_AUTHENTICATION_SECRET")
fi
if on SPARK_RPC_ENCRYPTION_ENABLED; then
    on SPARK_RPC_AUTHENTICATION_ENABLED ||
        fail 2 "SPARK_RPC_ENCRYPTION_ENABLED is yes, but SPARK_RPC_AUTHENTICATION_ENABLED is not: Spark encrypts only with a secret"
    settings+=("spark.network.crypto.enabled true")
fi
if on SPARK_LOCAL_STORAGE_ENCRYPTION_ENABLED; then
    settings+=("spark.io.encryption.enabled true")
fi
if on SPARK_SSL_ENABLED; then
    needs "SPARK_SSL_ENABLED needs a key store" SPARK_SSL_KEYSTORE_FILE SPARK_SSL_KEYSTORE_PASSWORD
    store SPARK_SSL_KEYSTORE_FILE
    settings+=("spark.ssl.enabled true" "spark.ssl.protocol ${SPARK_SSL_PROTOCOL:-TLSv1.3}"
        "spark.ssl.keyStore $SPARK_SSL_KEYSTORE_FILE" "spark.ssl.keyStorePassword $SPARK_SSL_KEYSTORE_PASSWORD"
        "spark.ssl.keyPassword ${SPARK_SSL_KEY_PASSWORD:-$SPARK_SSL_KEYSTORE_PASSWORD}")
    if [[ -n ${SPARK_SSL_TRUSTSTORE_FILE:-}${SPARK_SSL_TRUSTSTORE_PASSWORD:-} ]]; then
        needs "a trust store has a file and a password" SPARK_SSL_TRUSTSTORE_FILE SPARK_SSL_TRUSTSTORE_PASSWORD
        store SPARK_SSL_TRUSTSTORE_FILE
        settings+=("spark.ssl.trustStore $SPARK_SSL_TRUSTSTORE_FILE"
            "spark.ssl.trustStorePassword $SPARK_SSL_TRUSTSTORE_PASSWORD")
    fi
    if on SPARK_SSL_NEED_CLIENT_AUTH; then
        needs "clients are checked with a trust store" SPARK_SSL_TRUSTSTORE_FILE
        settings+=("spark.ssl.needClientAuth true")
    fi
fi

if [[ ${#settings[@]} -gt 0 ]]; then
    [[ " $* " != *" --properties-file "* ]] ||
        fail 2 "--properties-file and the variables SPARK_RPC_… or SPARK_SSL_… are both given: write all settings to the file"
    secure=$(mktemp "${TMPDIR:-/tmp}/spark-$mode-XXXXXX.conf") ||
        fail 1 "${TMPDIR:-/tmp} cannot be written: mount an emptyDir at /tmp"
    [[ ! -r $conf/spark-defaults.conf ]] || cat "$conf/spark-defaults.conf" > "$secure"
    printf '\n%s' "${settings[@]}" >> "$secure"
    properties_file=(--properties-file "$secure")
fi
