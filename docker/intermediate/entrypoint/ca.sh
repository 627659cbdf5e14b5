# Trusts the certificates of a mounted PEM file in addition to the public CAs. entrypoint.sh and class-path.sh source this
# file. So a JVM trusts them also if a pod overrides the entrypoint.
# Reads: SPARK_CA_FILE (default: /etc/spark-ca/ca.pem). Without such a file, it starts no process and sets nothing.

# ca_fail EXIT-CODE SENTENCE
ca_fail() {
    echo "${0##*/}: $2" >&2
    exit "$1"
}

# trust_own_ca: sets ca_java_option and SPARK_CA_TRUSTSTORE. Also sets the variables that name the bundle for Python's ssl,
# requests, gRPC, curl and the AWS SDKs, except those that the user has set.
trust_own_ca() {
    local file=${SPARK_CA_FILE:-} folder=/etc/spark-ca public=/etc/ssl/certs/ca-certificates.crt
    if [[ -z $file ]]; then
        # An optional Secret that does not exist mounts an empty directory.
        compgen -G "$folder/*" > /dev/null || return 0
        file=$folder/ca.pem
        [[ -e $file ]] || ca_fail 2 "$folder contains no ca.pem: name the mounted file ca.pem, or set SPARK_CA_FILE to its path"
    fi
    [[ -f $file ]] || ca_fail 2 "SPARK_CA_FILE is $file, which is not a file: mount a PEM file with CA certificates there, or change SPARK_CA_FILE"
    [[ -r $file ]] || ca_fail 2 "$file cannot be read as $(id -u):$(id -g): check its mode and owner"

    # The name contains a hash of the content. So a second start reuses the files, and a changed PEM file gets new ones.
    local room=${TMPDIR:-/tmp} key own
    key=$(cat "$file" "$public" | sha256sum)
    own=$room/spark-ca-$UID-${key:0:16}
    [[ -d $own ]] || make_ca_files "$file" "$public" "$own"
    # The owner of the directory decides which servers are trusted.
    [[ -O $own && ! -L $own ]] || ca_fail 1 "$own belongs to another user: remove it, or set TMPDIR to another directory"

    local variable
    for variable in SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE GRPC_DEFAULT_SSL_ROOTS_FILE_PATH AWS_CA_BUNDLE; do
        export "$variable=${!variable:-$own/ca-bundle.pem}"
    done
    export SPARK_CA_TRUSTSTORE=$own/truststore.p12
    # Options of the command line override those of these variables, so the option must not follow the user's own.
    [[ "${JAVA_TOOL_OPTIONS:-} ${JDK_JAVA_OPTIONS:-}" == *-Djavax.net.ssl.trustStore=* ]] ||
        ca_java_option=-Djavax.net.ssl.trustStore=$SPARK_CA_TRUSTSTORE
}

# make_ca_files PEM PUBLIC-PEM DIRECTORY: writes ca-bundle.pem and truststore.p12 to the directory. The directory appears
# with its whole content. If two processes make it at the same time, the second one uses that of the first one.
make_ca_files() {
    local made said
    made=$(mktemp -d "$3.XXXXXX" 2> /dev/null) ||
        ca_fail 1 "${3%/*} cannot be written, but the CA files go there: mount an emptyDir at /tmp, or set TMPDIR to a writable directory"
    # Only certificates: a private key in the file must not be copied, and Java does not skip it.
    LC_ALL=C sed -n 's/[[:space:]]*$//; /^-----BEGIN CERTIFICATE-----$/,/^-----END CERTIFICATE-----$/p' "$1" > "$made/own.pem"
    if [[ ! -s $made/own.pem ]]; then
        rm -r "$made"
        ca_fail 2 "$1 contains no certificate: expected PEM, with lines -----BEGIN CERTIFICATE-----"
    fi
    if ! said=$({ cat "$2" "$made/own.pem" > "$made/ca-bundle.pem" && write_truststore "$made"; } 2>&1); then
        rm -r "$made"
        said=${said%%$'\n'*}
        [[ $said != *CertificateException* ]] ||
            ca_fail 2 "$1 contains a certificate that Java cannot read (${said#*Exception: }): export the certificate again, as PEM"
        ca_fail 1 "cannot write a trust store to ${3%/*}: $said"
    fi
    # rename() fails if another process was faster.
    mv -T "$made" "$3" 2> /dev/null || rm -r "$made"
}

# write_truststore DIRECTORY: runs without the user's options for JVMs, because they can contain an agent with a port.
write_truststore() {
    unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS
    "${JAVA_HOME:+$JAVA_HOME/bin/}java" -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
        -Dkeystore.pkcs12.certProtectionAlgorithm=NONE -Dkeystore.pkcs12.macAlgorithm=NONE \
        -cp /opt/pem-truststore PemTruststore "$1/ca-bundle.pem" "$1/truststore.p12"
}

ca_java_option=
trust_own_ca
