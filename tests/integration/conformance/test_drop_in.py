"""Parts that operators and cluster tests call by name: examples, RELEASE, daemon scripts, variables of other images."""

from contextlib import ExitStack
from typing import Any

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from tests.integration.conformance.conftest import Way
from tests.integration.conftest import HARDENED, RANDOM_UID, SPARK_UID, Image, put

EXAMPLES = "/opt/spark/examples/jars/spark-examples.jar"
MASTER = "org.apache.spark.deploy.master.Master"
WORKER = "org.apache.spark.deploy.worker.Worker"
PI = "/opt/spark/examples/src/main/python/pi.py"
STATUS = "/opt/spark/sbin/spark-daemon.sh status"


@pytest.mark.smoke
def test_spark_pi_runs_from_the_jar_with_versions(image: Image, way: Way) -> None:
    spark, scala = image.labels["spark-images.spark"], image.labels["spark-images.scala"]
    jar = f"local:///opt/spark/examples/jars/spark-examples_{scala}-{spark}.jar"
    result = image.run(
        "/opt/spark/bin/spark-submit", "--class", "org.apache.spark.examples.SparkPi", jar, "4", **way.options()
    )
    assert result.exit_code == 0
    assert "Pi is roughly 3.1" in result.stdout


OTHERS = {
    "JavaSparkPi": (["2"], "Pi is roughly 3.1"),
    "DriverSubmissionTest": (["1"], "Alive for 1 out of 1 seconds"),
    "GroupByTest": (["2", "100", "10", "3"], "200"),
    "HdfsTest": (["/data/text"], "File contents: 3 lines, 11 characters"),
    "JavaWordCount": (["/data/text"], "ship: 2"),
    "SparkTC": (["1"], "TC has "),
}
"""The arguments of each other example, and the beginning of a line that it prints."""

RUN_OTHERS = f"""
from pyspark.sql import SparkSession
gateway = SparkSession.builder.getOrCreate().sparkContext._gateway
for name, (arguments, _) in {OTHERS!r}.items():
    given = gateway.new_array(gateway.jvm.java.lang.String, len(arguments))
    for place, argument in enumerate(arguments):
        given[place] = argument
    gateway.jvm.System.out.println(f"EXAMPLE {{name}}")
    getattr(gateway.jvm.org.apache.spark.examples, name).main(given)
"""


def test_the_other_examples_run(image: Image) -> None:
    """One JVM runs all of them, because each start of a JVM takes seconds.

    It also prints their names: a line that Python prints goes through a thread, and can come after the output of one.
    """
    job = "/opt/spark/work-dir/others.py"
    files = {"/data/text": "ship\na ship\na\n", job: RUN_OTHERS}
    result = image.run("spark-submit", "--jars", EXAMPLES, job, files=files)
    assert result.exit_code == 0
    printed = {part.partition("\n")[0]: part.splitlines() for part in result.stdout.split("EXAMPLE ")[1:]}
    assert printed.keys() == OTHERS.keys()
    for name, (_, expected) in OTHERS.items():
        assert any(line.startswith(expected) for line in printed[name]), name


@pytest.mark.shared
def test_an_example_refuses_a_wrong_argument(image: Image) -> None:
    result = image.run("spark-submit", "--class", "org.apache.spark.examples.SparkPi", EXAMPLES, "many")
    assert result.exit_code == 2
    assert '"many" is not a positive whole number' in result.stderr


@pytest.mark.smoke
def test_release_names_the_revision_that_spark_reports(image: Image) -> None:
    result = image.run("bash", "-c", "cat $SPARK_HOME/RELEASE; spark-submit --version 2>&1 | grep ^Revision")
    release, flags, revision = result.stdout.splitlines()
    labels = image.labels
    assert release == (
        f"Spark {labels['spark-images.spark']} (git revision {revision.split()[1]}) "
        f"built for Hadoop {labels['spark-images.hadoop']}"
    )
    assert flags.startswith("Build flags: ")
    assert "-Pkubernetes" in flags


@pytest.mark.parametrize("user", [SPARK_UID, "1000660000:0"])
def test_the_loop_of_the_apache_operator_ends_with_the_master(image: Image, user: str) -> None:
    loop = f"/opt/spark/sbin/start-master.sh && while {STATUS} {MASTER} 1; do sleep 1; done"
    with image.start("bash", "-c", loop, user=user, entrypoint=[], **HARDENED) as service:
        service.wait_for(f"{MASTER} is running.", times=3)
        # The container ends with the master, and kills the script if it has not ended yet.
        service.run("/opt/spark/sbin/stop-master.sh")
        service.container.wait(timeout=20)
        assert service.log.splitlines()[-1] == f"{MASTER} is not running."


@pytest.mark.shared
def test_the_pid_file_is_where_others_look_for_it(image: Image) -> None:
    script = f"""
set -euo pipefail
mkdir /tmp/pids
export SPARK_PID_DIR=/tmp/pids SPARK_IDENT_STRING=team
/opt/spark/sbin/start-master.sh --host localhost > /tmp/out
pid=$(cat /tmp/pids/spark-team-{MASTER}-1.pid)
ps -p $pid -o comm=
{STATUS} {MASTER} 1
! /opt/spark/sbin/start-master.sh --host localhost
kill -9 $pid
while kill -0 $pid 2> /dev/null; do sleep 0.1; done
{STATUS} {MASTER} 1 || echo status $?
{STATUS} {WORKER} 1 || echo status $?
"""
    result = image.run("bash", "-c", script)
    assert result.stdout.splitlines() == [
        "java",
        f"{MASTER} is running.",
        f"/tmp/pids/spark-team-{MASTER}-1.pid is present but {MASTER} is not running.",
        "status 1",
        f"{WORKER} is not running.",
        "status 2",
    ]
    assert f"{MASTER} runs already, as process" in result.stderr


@pytest.mark.shared
def test_several_workers_start_and_stop(image: Image) -> None:
    script = f"""
set -euo pipefail
export SPARK_WORKER_INSTANCES=2
cd /opt/spark/sbin
./start-master.sh --host localhost
./start-worker.sh spark://localhost:7077
./spark-daemon.sh status {WORKER} 2
ps -eo args= | grep -o 'webui-port 808[0-9]' | sort -u
./stop-worker.sh
! ./spark-daemon.sh status {WORKER} 1
! ./spark-daemon.sh status {WORKER} 2
"""
    result = image.run("bash", "-c", script)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-6:] == [
        "webui-port 8081",
        "webui-port 8082",
        f"stopping {WORKER}",
        f"stopping {WORKER}",
        f"{WORKER} is not running.",
        f"{WORKER} is not running.",
    ]


@pytest.mark.shared
def test_a_server_that_does_not_start_shows_its_log(image: Image) -> None:
    result = image.run("/opt/spark/sbin/start-worker.sh")
    assert result.exit_code == 1
    assert "did not start" in result.stderr
    assert "set SPARK_MASTER_URL" in result.stderr


@pytest.mark.shared
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", MASTER, "1"], "usage: spark-daemon.sh"),
        (["status", MASTER], "usage: spark-daemon.sh"),
        (["--config", "/missing", "status", MASTER, "1"], "--config /missing is not a directory"),
    ],
)
def test_spark_daemon_refuses_a_wrong_call(image: Image, arguments: list[str], message: str) -> None:
    result = image.run("/opt/spark/sbin/spark-daemon.sh", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.shared
def test_pyspark_python_selects_the_interpreters(image: Image) -> None:
    job = """
import os
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
workers = spark.sparkContext.range(1).map(lambda _: os.environ["INTERPRETER"]).collect()
print("RESULT", [os.environ["INTERPRETER"], *workers])
"""
    files = {f"/opt/py/{name}": f'#!/bin/sh\nINTERPRETER={name} exec python3 "$@"\n' for name in ("driver", "worker")}
    environment = {"PYSPARK_PYTHON": "/opt/py/worker", "PYSPARK_DRIVER_PYTHON": "/opt/py/driver"}
    modes = dict.fromkeys(files, 0o755)
    job_file = "/opt/spark/work-dir/job.py"
    result = image.run("spark-submit", job_file, files={**files, job_file: job}, modes=modes, environment=environment)
    assert "RESULT ['driver', 'worker']" in result.stdout


@pytest.mark.shared
def test_hadoop_home_adds_its_files_to_the_class_path_of_drivers(image: Image) -> None:
    job = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
loader = spark._jvm.java.lang.Thread.currentThread().getContextClassLoader()
print("RESULT", loader.getResource("of-hadoop.txt").getPath())
"""
    files = {
        "/hadoop/bin/hadoop": "#!/bin/sh\necho /hadoop/share/$1\n",
        "/hadoop/share/classpath/of-hadoop.txt": "x",
        "/opt/spark/work-dir/job.py": job,
    }
    modes = {"/hadoop/bin/hadoop": 0o755}
    environment = {"HADOOP_HOME": "/hadoop"}
    result = image.run("spark-submit", "/opt/spark/work-dir/job.py", files=files, modes=modes, environment=environment)
    assert "RESULT /hadoop/share/classpath/of-hadoop.txt" in result.stdout


@pytest.mark.shared
def test_jemalloc_replaces_the_allocator_by_ld_preload(image: Image) -> None:
    environment = {"LD_PRELOAD": "libjemalloc.so.2", "MALLOC_CONF": "stats_print:true"}
    result = image.run("java", "-version", environment=environment)
    assert result.exit_code == 0
    assert "Begin jemalloc statistics" in result.stderr


SECURED = {
    "SPARK_RPC_AUTHENTICATION_ENABLED": "yes",
    "SPARK_RPC_AUTHENTICATION_SECRET": "s3cret of the cluster",
    "SPARK_RPC_ENCRYPTION_ENABLED": "yes",
    "SPARK_LOCAL_STORAGE_ENCRYPTION_ENABLED": "yes",
    "SPARK_SSL_ENABLED": "no",
}


@pytest.mark.shared
def test_cluster_with_variables_of_bitnami_accepts_only_its_secret(image: Image, network: str) -> None:
    url = f"spark://{network}-master:7077"
    secret = ["--conf", "spark.authenticate=true", "--conf", "spark.network.crypto.enabled=true"]
    submit = ["spark-submit", "--master", url, *secret, "--conf", "spark.cores.max=1"]
    options: dict[str, Any] = {**HARDENED, "network": network, "user": RANDOM_UID}
    with ExitStack() as stack:
        environment = {"SPARK_MODE": "master", **SECURED}
        master = stack.enter_context(image.start(environment=environment, name=f"{network}-master", **options))
        master.wait_for("Successfully started service 'MasterUI'")
        environment = {"SPARK_MODE": "worker", "SPARK_MASTER_URL": url, **SECURED}
        environment |= {"SPARK_WORKER_CORES": "1", "SPARK_WORKER_MEMORY": "1g"}
        stack.enter_context(image.start(environment=environment, **options))
        master.wait_for("with 1 cores, 1024.0 MiB RAM")
        assert "s3cret" not in master.run("ps", "-eo", "args").stdout

        right = f"spark.authenticate.secret={SECURED['SPARK_RPC_AUTHENTICATION_SECRET']}"
        job = image.run(*submit, "--conf", right, PI, "2", **options)
        assert job.exit_code == 0
        assert "Pi is roughly 3.1" in job.stdout

        # Spark tries to register for a minute, so the job is stopped earlier.
        job = image.run("timeout", "30", *submit, "--conf", "spark.authenticate.secret=wrong", PI, "2", **options)
        assert "Failed to connect to master" in job.output
        assert master.log.count("Registered app") == 1


@pytest.mark.shared
def test_master_serves_its_ui_with_the_key_store_of_the_user(image: Image) -> None:
    """Java's keytool is not in the image, so the test makes the PKCS12 store."""
    environment = {
        "SPARK_SSL_ENABLED": "yes",
        "SPARK_SSL_KEYSTORE_FILE": "/opt/spark/work-dir/key.p12",
        "SPARK_SSL_KEYSTORE_PASSWORD": "changeit",
    }
    script = "until [ -e /opt/spark/work-dir/key.p12 ]; do sleep 0.1; done; exec /opt/entrypoint.sh master"
    with image.start("bash", "-c", script, environment=environment) as master:
        put(master.container, {"/opt/spark/work-dir/key.p12": key_store("localhost", "changeit")}, {})
        master.wait_for("Successfully started service 'MasterUI (HTTPS)'")
        fetch = "import ssl, urllib.request as u; c = ssl._create_unverified_context(); "
        fetch += "print(u.urlopen('https://localhost:8480', context=c).read().decode())"
        assert "Spark Master at" in master.run("python3", "-c", fetch).stdout


def key_store(host: str, password: str) -> bytes:
    """Returns a PKCS12 key store with a certificate of a new CA for `host`."""
    certificate = trustme.CA().issue_cert(host)
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    chain = x509.load_pem_x509_certificate(certificate.cert_chain_pems[0].bytes())
    encryption = serialization.BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(b"spark", key, chain, None, encryption)  # type: ignore[arg-type]
