"""Jobs under any UID on a read-only root: their user, their inputs, their logs, and their exit codes."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conformance.conftest import EXECUTOR_POD, JOBS, Way
from tests.integration.conftest import HARDENED, RANDOM_UID, Image

BIND = {"SPARK_DRIVER_BIND_ADDRESS": "127.0.0.1"}
JOB = "/mnt/contract.py"

HADOOP_CONF = """<configuration>
<property><name>conformance.hadoop</name><value>from core-site.xml</value></property>
</configuration>"""


def archive(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as jar:
        for name, text in members.items():
            jar.writestr(name.replace("__", "/").replace("_txt", ".txt").replace("_py", ".py"), text)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def mounted(image: Image) -> Iterator[dict[str, dict[str, str]]]:
    files: dict[str, str | Path | bytes] = {
        "contract.py": JOBS / "contract.py",
        "conf/spark-defaults.conf": "spark.conformance  from spark-defaults.conf\n",
        "hadoop/core-site.xml": HADOOP_CONF,
        "handed.jar": archive(handed__over_txt="over"),
        "handed.zip": archive(handed_py="WORD = 'handed over'\n"),
    }
    with image.volume(files) as name:
        yield {name: {"bind": "/mnt", "mode": "ro"}}


@pytest.mark.smoke
@pytest.mark.parametrize("mode", ["driver", "spark-submit"])
def test_a_job_knows_who_it_is(image: Image, way: Way, mounted: dict[str, dict[str, str]], mode: str) -> None:
    command = mode if way.through_entrypoint or mode != "driver" else "/opt/entrypoint.d/driver"
    result = image.run(command, JOB, **way.options(volumes=mounted, environment=BIND))
    assert result.exit_code == 0
    found = result.json()
    uid = way.user.split(":")[0]
    assert found["uid"] == int(uid)
    name, _, *ids, _, home, shell = found["passwd"].split(":")
    assert (name, ids, home, shell) == ("spark", [uid, "0"], "/home/spark", "/bin/bash")
    assert found["whoami"] == found["python_user"] == found["spark_user"] == "spark"
    assert found["user_home"] == "/home/spark"
    assert found["local_dir"] == ["/tmp"]
    assert found["sum"] == 499500


def test_driver_uses_mounted_files(image: Image, mounted: dict[str, dict[str, str]]) -> None:
    environment = {
        **{"SPARK_CONF_DIR": "/mnt/conf", "HADOOP_CONF_DIR": "/mnt/hadoop", "SPARK_LOCAL_DIRS": "/tmp/a,/tmp/b"},
        **BIND,
    }
    handed = ("--jars", "/mnt/handed.jar", "--py-files", "/mnt/handed.zip", "--conf", "spark.driver.host=127.0.0.1")
    exit_code = ("--conf", "spark.conformance.exit=7")
    result = image.run(
        *("driver", *handed, *exit_code, JOB),
        **HARDENED,
        user=RANDOM_UID,
        volumes=mounted,
        environment=environment,
    )
    found = result.json()
    assert found["from_conf"] == "from spark-defaults.conf"
    assert found["from_hadoop_conf"] == "from core-site.xml"
    assert found["local_dir"] == ["/tmp/a", "/tmp/b"]
    assert found["in_jar"]
    assert found["in_py_files"] == "handed over"
    assert result.exit_code == 7, "the container does not have the exit code of the job"


@pytest.mark.own_layers
def test_driver_keeps_the_defaults_of_its_image(
    image: Image, mounted: dict[str, dict[str, str]], extensions: set[str]
) -> None:
    """Spark mounts the submitter's configuration over the image's. The image's settings apply unless overridden."""
    job = "from pyspark.sql import SparkSession as S; import json; s = S.builder.getOrCreate(); "
    job += "print('RESULT ' + json.dumps(dict(s.sparkContext.getConf().getAll())))"
    with image.volume({"job.py": job, "spark.properties": "spark.ui.prometheus.enabled=false\n"}) as volume:
        result = image.run(
            *("driver", "--properties-file", "/mnt/spark.properties", "/mnt/job.py"),
            **HARDENED,
            user=RANDOM_UID,
            volumes={volume: {"bind": "/mnt", "mode": "ro"}},
            environment=BIND,
        )
    conf = result.json()
    assert conf["spark.ui.prometheus.enabled"] == "false", "the image's value overrides the submitter's"
    assert set(filter(None, conf.get("spark.sql.extensions", "").split(","))) == extensions


@pytest.mark.shared
def test_sigterm_stops_a_job(image: Image) -> None:
    job = "from pyspark.sql import SparkSession as S; import time; S.builder.getOrCreate(); print('UP'); time.sleep(99)"
    with image.volume({"job.py": job}) as volume:
        mounts = {volume: {"bind": "/mnt", "mode": "ro"}}
        command = ("driver", "/mnt/job.py")
        options = {**HARDENED, "volumes": mounts, "environment": {**BIND, "PYTHONUNBUFFERED": "1"}}
        with image.start(*command, user=RANDOM_UID, **options) as driver:
            driver.wait_for("UP")
            assert driver.terminate() == 143


FAKE_JAVA = """#!/bin/bash
printf 'RESULT '; python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@"
"""


@pytest.mark.shared
def test_executor_passes_the_variables_of_its_pod_to_java(image: Image) -> None:
    """A fake `java` prints the command line of the executor's JVM."""
    environment = {
        **EXECUTOR_POD,
        "JAVA_HOME": "/opt/spark/work-dir",
        "SPARK_EXECUTOR_POD_NAME": "pod-4",
        "SPARK_RESOURCE_PROFILE_ID": "3",
        "SPARK_CLASSPATH": "/first/*",
        "SPARK_EXTRA_CLASSPATH": "/extra/*",
        "HADOOP_CONF_DIR": "/opt/spark/data",
        "HADOOP_HOME": "/hadoop",
        **{f"SPARK_JAVA_OPT_{number}": f"-Dposition={number} of a dozen" for number in range(12)},
    }
    java = "/opt/spark/work-dir/bin/java"
    hadoop = "/hadoop/bin/hadoop"
    files = {java: FAKE_JAVA, hadoop: '#!/bin/sh\necho "/hadoop/share of $1/*"\n'}
    result = image.run("executor", environment=environment, files=files, modes={java: 0o755, hadoop: 0o755})
    given = result.json()
    arguments = given[given.index("-Dposition=0 of a dozen") :]
    assert arguments[:12] == [f"-Dposition={number} of a dozen" for number in range(12)]
    assert arguments[12:15] == ["-Xms1g", "-Xmx1g", "-cp"]
    assert arguments[15].split(":") == [
        "/first/*",
        "/opt/spark/conf",
        "/opt/spark/jars/*",
        "/extra/*",
        "/opt/spark/data",
        "/hadoop/share of classpath/*",
        "/opt/spark/work-dir",
    ]
    named = dict(zip(arguments[17::2], arguments[18::2], strict=True))
    assert named == {
        "--driver-url": "spark://driver:7078",
        "--executor-id": "4",
        "--cores": "2",
        "--app-id": "spark-1",
        "--hostname": "10.0.0.1",
        "--resourceProfileId": "3",
        "--podName": "pod-4",
    }


@pytest.mark.parametrize(
    ("option", "master"),
    [
        ("-Dspark.authenticate.secret.file=/secret", ["-Dspark.master=k8s://kubernetes"]),
        ("-Dspark.authenticate=true", []),
    ],
    ids=["file", "no file"],
)
def test_executor_reads_the_file_of_the_secret(image: Image, option: str, master: list[str]) -> None:
    """Spark reads the file only with a Kubernetes master. A fake `java` prints the command line."""
    environment = {**EXECUTOR_POD, "JAVA_HOME": "/opt/spark/work-dir", "SPARK_JAVA_OPT_0": option}
    java = "/opt/spark/work-dir/bin/java"
    given = image.run("executor", environment=environment, files={java: FAKE_JAVA}, modes={java: 0o755}).json()
    assert given[given.index(option) : given.index("-Xms1g")] == [option, *master]


def test_json_log_has_one_object_per_line(image: Image) -> None:
    """Each log line is one JSON object, also for an exception, and also if a configuration is mounted."""
    job = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
spark.sparkContext.parallelize([0], 1).map(lambda x: 1 // x).collect()
"""
    with image.volume({"job.py": job, "conf/spark-defaults.conf": ""}) as volume:
        result = image.run(
            *("driver", "/mnt/job.py"),
            **HARDENED,
            volumes={volume: {"bind": "/mnt", "mode": "ro"}},
            environment={**BIND, "SPARK_LOG_FORMAT": "json", "SPARK_CONF_DIR": "/mnt/conf"},
        )
    assert result.exit_code == 1
    assert not re.search(r"^\d\d/\d\d/\d\d ", result.output, re.MULTILINE)
    # Spark prints Python's own traceback unchanged, outside the log.
    lines = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    assert {"@timestamp", "log.level", "log.logger", "process.thread.name", "message"} <= lines[0].keys()
    assert any("ZeroDivisionError" in line.get("error.stack_trace", line["message"]) for line in lines)
    assert any("error.stack_trace" in line for line in lines)


@pytest.mark.shared
@pytest.mark.parametrize("source", ["mounted file", "system property"])
def test_log4j2_file_of_the_user_overrides_the_default(image: Image, source: str) -> None:
    own = """
rootLogger.level = info
rootLogger.appenderRef.own.ref = own
appender.own.type = Console
appender.own.name = own
appender.own.layout.type = PatternLayout
appender.own.layout.pattern = OWN %m%n
"""
    from_file = source == "mounted file"
    options = () if from_file else ("--driver-java-options", "-Dlog4j2.configurationFile=/mnt/conf/log4j2.properties")
    environment = {**BIND, **({"SPARK_CONF_DIR": "/mnt/conf"} if from_file else {})}
    with image.volume({"conf/log4j2.properties": own}) as volume:
        result = image.run(
            *("driver", *options, "/opt/spark/examples/src/main/python/pi.py", "1"),
            **HARDENED,
            volumes={volume: {"bind": "/mnt", "mode": "ro"}},
            environment=environment,
        )
    assert result.exit_code == 0
    assert "OWN Running Spark version" in result.stdout
    assert "INFO SparkContext" not in result.output
