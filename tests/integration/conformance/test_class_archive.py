"""The archive of Spark's classes: each way of starting a driver or an executor uses it, and the user's word wins.

What a JVM took from where stands in its own log, -Xlog:class+load.
"""

from typing import Any

import pytest

from tests.integration.conformance.conftest import EXECUTOR_POD
from tests.integration.conftest import HARDENED, RANDOM_UID, Image

LOG = "/tmp/classes.log"
JOB = f"""
import json
from pyspark import SparkContext
context = SparkContext()
assert context.parallelize(range(10), 2).sum() == 45
sources = [line.rpartition("source: ")[2] for line in open("{LOG}").read().splitlines()]
print("RESULT", json.dumps({{
    "archive": sum(source == "shared objects file (top)" for source in sources),
    "jdk": sum(source == "shared objects file" for source in sources),
    "jars": sum(source.endswith(".jar") and "/opt/spark/jars/" in source for source in sources),
    "extra": context.getConf().get("spark.extra", ""),
}}))
"""
LOGGED = ("--driver-java-options", f"-Xlog:class+load=info:file={LOG}")
MOUNTED = {"conf/spark-defaults.conf": "spark.extra mounted\n", "conf/hive-site.xml": "<configuration/>"}
MOST = 5
"""How many times as many classes of a driver come from the archive as from Spark's jars: those that differ by machine
or by moment do not."""

EMPTY_JAR = b"PK\x05\x06" + bytes(18)
"""The record that ends a zip, of one without entries."""


def started(image: Image, *options: str, **how: Any) -> Any:
    with image.volume({"job.py": JOB, "other.jar": EMPTY_JAR, **MOUNTED}) as volume:
        mounts = {volume: {"bind": "/mnt", "mode": "ro"}}
        result = image.run("spark-submit", *LOGGED, *options, "/mnt/job.py", volumes=mounts, **how)
    assert result.exit_code == 0
    assert "[warning]" not in result.output
    return result.json()


@pytest.mark.own_layers
@pytest.mark.smoke
def test_a_driver_uses_the_archive(image: Image) -> None:
    found = started(image)
    assert found["archive"] > MOST * found["jars"] > 0


@pytest.mark.parametrize(
    ("options", "how"),
    [
        pytest.param((), {"environment": {"SPARK_CONF_DIR": "/mnt/conf"}}, id="a mounted configuration"),
        pytest.param(("--jars", "/mnt/other.jar"), {}, id="--jars"),
        pytest.param(("--conf", "spark.jars=/mnt/other.jar"), {}, id="spark.jars"),
        pytest.param((), {"working_dir": "/tmp"}, id="another working directory"),
        pytest.param((), {"user": RANDOM_UID, **HARDENED}, id="a random UID on a read-only root"),
    ],
)
def test_it_stays_valid(image: Image, options: tuple[str, ...], how: dict[str, Any]) -> None:
    found = started(image, *options, **how)
    assert found["archive"] > MOST * found["jars"] > 0
    assert found["extra"] == ("mounted" if "environment" in how else "")


def test_an_executor_uses_the_archive(image: Image) -> None:
    environment = {
        **EXECUTOR_POD,
        "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@127.0.0.1:9",
        "SPARK_EXECUTOR_POD_IP": "127.0.0.1",
        "SPARK_JAVA_OPT_0": f"-Xlog:class+load=info:file={LOG}",
    }
    patterns = ("file (top)", "source: .*/opt/spark/jars/.*jar$", "[.]KubernetesExecutorBackend source: .*file (top)$")
    counted = "; ".join(["/opt/entrypoint.sh executor", *(f"grep -c '{pattern}' {LOG}" for pattern in patterns)])
    result = image.run("bash", "-c", counted, environment=environment)
    archived, opened, backend = map(int, result.stdout.split()[-3:])
    assert archived > MOST * opened
    assert backend == 1


def test_jars_that_are_to_win_over_sparks_own_still_do(image: Image) -> None:
    """Spark's documentation has extraClassPath prepended: no archive then, but the JDK's."""
    found = started(image, "--driver-class-path", "/mnt/other.jar")
    assert found["archive"] == 0
    assert found["jdk"] > 500


@pytest.mark.parametrize(
    ("option", "jdk"), [("-Xshare:off", 0), ("-XX:SharedArchiveFile=/usr/lib/jvm/java-17/lib/server/classes.jsa", 500)]
)
def test_what_the_user_says_of_archives_wins(image: Image, option: str, jdk: int) -> None:
    found = started(image, "--conf", f"spark.driver.defaultJavaOptions={option}")
    assert found["archive"] == 0
    assert found["jars"] > 1000
    assert found["jdk"] > jdk or jdk == 0 == found["jdk"]


@pytest.mark.own_layers
def test_no_jar_hides_a_configuration(image: Image) -> None:
    """The configuration follows Spark's jars on the class path: none of them may hold a file that it could mean."""
    script = """
import glob, json, zipfile
meant = ["core-site.xml", "hdfs-site.xml", "hive-site.xml", "fairscheduler.xml", "metrics.properties"]
meant += ["log4j2.properties", "log4j2.xml", "log4j.properties"]
print("RESULT", json.dumps([f"{jar}: {name}" for jar in sorted(glob.glob("/opt/spark/jars/*.jar"))
    for name in zipfile.ZipFile(jar).namelist() if name in meant]))
"""
    assert image.run("python3", "-c", script).json() == []
