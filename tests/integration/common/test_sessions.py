"""Jobs in Python, SQL and Scala, and the JDBC drivers."""

from pathlib import Path
from typing import Any

import pytest

from spark_images.matrix.tables import Artefact
from spark_images.plan.graph import file_name
from spark_images.plan.project import load_project
from tests.integration.conftest import RANDOM_UID, SPARK_UID, Image, Result

JOBS = Path(__file__).parent / "jobs"
DRIVERS = [artefact for _, artefact in load_project(locked=False).matrix.all_artefacts() if artefact.driver]


@pytest.fixture(
    scope="module",
    params=[pytest.param(SPARK_UID, marks=pytest.mark.smoke), pytest.param(RANDOM_UID, marks=pytest.mark.shared)],
)
def session(request: pytest.FixtureRequest, image: Image) -> tuple[str, Any]:
    job = "/opt/spark/work-dir/session.py"
    result = image.run("spark-submit", job, user=request.param, files={job: JOBS / "session.py"})
    assert result.exit_code == 0
    return request.param, result.json()


def test_job_writes_and_reads_parquet(session: tuple[str, Any]) -> None:
    user, found = session
    assert found["rows"] == 1000
    assert found["written_uid"] == int(user.partition(":")[0])


def test_pandas_udf_runs_over_arrow(session: tuple[str, Any]) -> None:
    totals = [sum(number / 2 for number in range(1000) if number % 7 == key) for key in range(7)]
    assert session[1]["totals"] == totals


def test_pandas_none_becomes_null(session: tuple[str, Any]) -> None:
    assert session[1]["nulls"] == 1


def test_any_uid_has_the_name_spark_and_a_home_directory(session: tuple[str, Any]) -> None:
    user, found = session
    assert found["user"] == found["spark_user"] == "spark"
    assert found["java_home_directory"] == found["python_home_directory"] == "/home/spark"
    assert found["worker_uids"] == [int(user.partition(":")[0])]


def test_spark_sql_runs_statements(image: Image) -> None:
    statements = "CREATE TABLE t (n INT) USING parquet; INSERT INTO t VALUES (40), (2); SELECT sum(n) AS answer FROM t"
    result = image.run("spark-sql", "-e", statements)
    assert result.exit_code == 0
    assert result.stdout.split()[-1] == "42"


@pytest.fixture(scope="module")
def shell(image: Image) -> Result:
    """Runs one spark-shell that computes a sum and then loads each JDBC driver."""
    lines = ['println("sum " + spark.range(101).as[Long].reduce(_ + _))']
    for driver in DRIVERS:
        accepts = (
            f'Class.forName("{driver.driver}").getDeclaredConstructor().newInstance().asInstanceOf[java.sql.Driver]'
        )
        lines.append(f'println("{driver.link} " + {accepts}.acceptsURL("{driver.url}"))')
    script = "/opt/spark/work-dir/lines.scala"
    return image.run(
        "bash", "-c", f"spark-shell --conf spark.ui.enabled=false < {script}", files={script: "\n".join(lines) + "\n"}
    )


def test_spark_shell_runs_scala(shell: Result) -> None:
    assert shell.exit_code == 0
    assert "sum 5050" in shell.stdout


@pytest.mark.parametrize("driver", DRIVERS, ids=[driver.link for driver in DRIVERS])
def test_jdbc_driver_loads_and_accepts_its_url(shell: Result, driver: Artefact) -> None:
    assert f"{driver.link} true" in shell.stdout


def test_jdbc_links_point_to_the_jars(image: Image) -> None:
    result = image.run("bash", "-c", "cd /opt/jdbc && for link in *; do echo $link $(realpath $link); done")
    found = dict(line.split() for line in result.stdout.splitlines())
    for driver in DRIVERS:
        assert found[f"{driver.link}.jar"] == f"/opt/spark/jars/{file_name(driver.coordinate)}"


def test_traceback_names_the_pyspark_source_file(image: Image) -> None:
    job = "/opt/spark/work-dir/fails.py"
    script = "from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate().sql('SELEKT 1')\n"
    output = image.run("spark-submit", job, files={job: script}).output
    assert 'File "/opt/spark/python/lib/pyspark.zip/pyspark/sql/session.py"' in output
