"""Every driver and executor loads Spark's classes from the class archive, unless the user's options exclude it.

The JVM's log (-Xlog:class+load) shows the source of each class.
"""

from typing import Any

import pytest

from spark_images.matrix.model import Cell
from tests.integration.conformance.conftest import EXECUTOR_POD
from tests.integration.conftest import HARDENED, RANDOM_UID, Image

LOG = "/tmp/classes.log"


def job(work: str) -> str:
    """Returns a job that does `work` with a `context`, and prints how many of its classes came from which source."""
    return f"""
import json
{work}
assert context.parallelize(range(10), 2).sum() == 45
sources = [line.rpartition("source: ")[2] for line in open("{LOG}").read().splitlines()]
print("RESULT", json.dumps({{
    "archive": sum(source == "shared objects file (top)" for source in sources),
    "jdk": sum(source == "shared objects file" for source in sources),
    "jars": sum(source.endswith(".jar") and "/opt/spark/jars/" in source for source in sources),
    "extra": context.getConf().get("spark.extra", ""),
}}))
"""


JOB = job("from pyspark import SparkContext\ncontext = SparkContext()")
QUERY = job("""
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
context = spark.sparkContext
spark.range(100).selectExpr("id", "id % 7 AS key").write.parquet("/tmp/numbers")
spark.read.parquet("/tmp/numbers").createOrReplaceTempView("numbers")
assert len(spark.sql("SELECT key, sum(id) FROM numbers GROUP BY key ORDER BY key").collect()) == 7
""")
LOGGED = ("--driver-java-options", f"-Xlog:class+load=info:file={LOG}")
MOUNTED = {"conf/spark-defaults.conf": "spark.extra mounted\n", "conf/hive-site.xml": "<configuration/>"}
MIN_RATIO = 5
"""The minimum ratio of classes from the archive to classes from Spark's jars.

Some classes always come from the jars, because they vary by machine or by run."""

EMPTY_JAR = b"PK\x05\x06" + bytes(18)
"""A zip file without entries: only its end record."""


def run_driver(image: Image, *options: str, program: str = JOB, **how: Any) -> Any:
    with image.volume({"job.py": program, "other.jar": EMPTY_JAR, **MOUNTED}) as volume:
        mounts = {volume: {"bind": "/mnt", "mode": "ro"}}
        result = image.run("spark-submit", *LOGGED, *options, "/mnt/job.py", volumes=mounts, **how)
    assert result.exit_code == 0
    assert "[warning]" not in result.output
    return result.json()


@pytest.mark.own_layers
@pytest.mark.smoke
def test_driver_uses_the_archive(image: Image) -> None:
    found = run_driver(image)
    assert found["archive"] > MIN_RATIO * found["jars"] > 0


def test_query_uses_the_archive(image: Image) -> None:
    """The archive also contains the classes that plan and run a query."""
    found = run_driver(image, program=QUERY)
    assert found["archive"] > MIN_RATIO * found["jars"] > 0


@pytest.mark.parametrize(
    ("options", "how"),
    [
        pytest.param((), {"environment": {"SPARK_CONF_DIR": "/mnt/conf"}}, id="mounted configuration"),
        pytest.param(("--jars", "/mnt/other.jar"), {}, id="--jars", marks=pytest.mark.shared),
        pytest.param(("--conf", "spark.jars=/mnt/other.jar"), {}, id="spark.jars", marks=pytest.mark.shared),
        pytest.param((), {"working_dir": "/tmp"}, id="another working directory", marks=pytest.mark.shared),
        pytest.param((), {"user": RANDOM_UID, **HARDENED}, id="random UID on a read-only root"),
    ],
)
def test_driver_uses_the_archive_with(image: Image, options: tuple[str, ...], how: dict[str, Any]) -> None:
    found = run_driver(image, *options, **how)
    assert found["archive"] > MIN_RATIO * found["jars"] > 0
    assert found["extra"] == ("mounted" if "environment" in how else "")


def test_executor_uses_the_archive(image: Image) -> None:
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
    assert archived > MIN_RATIO * opened
    assert backend == 1


@pytest.mark.shared
def test_extra_class_path_disables_the_archive(image: Image) -> None:
    """Spark documents that extraClassPath comes first on the class path. The JVM then uses only the JDK's archive."""
    found = run_driver(image, "--driver-class-path", "/mnt/other.jar")
    assert found["archive"] == 0
    assert found["jdk"] > 500


@pytest.mark.shared
@pytest.mark.parametrize(
    ("option", "jdk"), [("-Xshare:off", 0), ("-XX:SharedArchiveFile={home}/lib/server/classes.jsa", 500)]
)
def test_user_options_override_the_archive(image: Image, option: str, jdk: int, cell: Cell) -> None:
    home = f"/usr/lib/jvm/java-{cell.values['java']}"
    found = run_driver(image, "--conf", f"spark.driver.defaultJavaOptions={option.format(home=home)}")
    assert found["archive"] == 0
    assert found["jars"] > 1000
    assert found["jdk"] > jdk or jdk == 0 == found["jdk"]


@pytest.mark.own_layers
def test_no_jar_of_spark_contains_a_configuration_file(image: Image) -> None:
    """The jars come before the configuration on the class path. A configuration file in a jar would hide the user's."""
    script = """
import glob, json, zipfile
meant = ["core-site.xml", "hdfs-site.xml", "hive-site.xml", "fairscheduler.xml", "metrics.properties"]
meant += ["log4j2.properties", "log4j2.xml", "log4j.properties"]
print("RESULT", json.dumps([f"{jar}: {name}" for jar in sorted(glob.glob("/opt/spark/jars/*.jar"))
    for name in zipfile.ZipFile(jar).namelist() if name in meant]))
"""
    assert image.run("python3", "-c", script).json() == []
