"""Each server starts, answers, shows its metrics, and stops on SIGTERM."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.integration.conformance.conftest import JOBS, Way
from tests.integration.conftest import HARDENED, RANDOM_UID, SPARK_UID, Image

ENDED_BY_SIGTERM = 143
AGENT = "-javaagent:/opt/jmx-exporter/jmx_prometheus_javaagent.jar=9404:/opt/jmx-exporter/spark.yaml"
JMX_SINK = "spark.metrics.conf.*.sink.jmx.class=org.apache.spark.metrics.sink.JmxSink"


@pytest.mark.smoke
def test_spark_connect(image: Image, way: Way) -> None:
    with image.volume({"connect.py": JOBS / "connect.py"}) as volume:
        options = way.options(volumes={volume: {"bind": "/mnt", "mode": "ro"}})
        with image.start(*way.server("connect-server"), **options) as server:
            server.wait_for("Spark Connect server started at")
            found = server.run("python3", "/mnt/connect.py", "sc://localhost:15002").json()
            assert found["version"] == image.labels["spark-images.spark"]
            assert found["sum"] == 4950
            assert found["twice"] == [0, 2, 4]
            assert "_driver_BlockManager_" in server.fetch("http://localhost:4040/metrics/prometheus/")
            assert "metrics_executor_" in server.fetch("http://localhost:4040/metrics/executors/prometheus/")
            assert server.terminate() == ENDED_BY_SIGTERM


def test_jmx_exporter_shows_the_metrics_of_spark(image: Image) -> None:
    command = ("connect", "--driver-java-options", AGENT, "--conf", JMX_SINK)
    with image.start(*command, **HARDENED) as server:
        server.wait_for("Spark Connect server started at")
        page = server.fetch("http://localhost:9404/metrics")
        assert 'executor="driver"' in page
        assert "jvm_memory_used_bytes" in page


def test_thrift_server_answers_beeline(image: Image, way: Way) -> None:
    with image.start(*way.server("thriftserver"), **way.options()) as server:
        server.wait_for("ThriftBinaryCLIService on port 10000")
        result = server.run("beeline", "-u", "jdbc:hive2://localhost:10000", "-e", "SELECT sum(id) FROM range(100)")
        assert result.exit_code == 0
        assert "4950" in result.stdout
        assert server.terminate() == ENDED_BY_SIGTERM


@pytest.fixture(scope="module")
def events(image: Image) -> Iterator[str]:
    """Yields a volume with the event log of a job that ran under a random UID."""
    with image.volume({"events/.keep": ""}) as volume:
        logged = "--conf spark.eventLog.enabled=true --conf spark.eventLog.dir=/mnt/events"
        mounts = {volume: {"bind": "/mnt", "mode": "rw"}}
        command = f"spark-submit {logged} /opt/spark/examples/src/main/python/pi.py 1".split()
        assert image.run(*command, user=RANDOM_UID, volumes=mounts, **HARDENED).exit_code == 0
        yield volume


def test_history_server_lists_a_job(image: Image, way: Way, events: str) -> None:
    options = way.options(volumes={events: {"bind": "/mnt", "mode": "ro"}})
    environment = {"SPARK_HISTORY_LOG_DIR": "/mnt/events"}
    with image.start(*way.server("history-server"), environment=environment, **options) as server:
        server.wait_for("and started at")
        # The server looks for new applications every few seconds.
        found = server.fetch_until("http://localhost:18080/api/v1/applications", "PythonPi", attempts=50)
        assert '"name" : "PythonPi"' in found
        assert server.terminate() == ENDED_BY_SIGTERM


@pytest.mark.slow
def test_standalone_cluster_of_three_containers_runs_a_job(image: Image, way: Way, network: str) -> None:
    url = f"spark://{network}-master:7077"
    with ExitStack() as stack:
        master = stack.enter_context(
            image.start(*way.server("master"), **way.options(network=network, name=f"{network}-master"))
        )
        master.wait_for("Successfully started service 'MasterUI'")
        options = way.options(network=network, environment={"SPARK_MASTER_URL": url})
        workers = [stack.enter_context(image.start(*way.server("worker"), **options)) for _ in range(2)]
        master.wait_for("Registering worker", times=2)

        submit = f"spark-submit --master {url} --executor-cores 1 --executor-memory 600m"
        job = image.run(
            *f"{submit} --conf spark.cores.max=2 /opt/spark/examples/src/main/python/pi.py 4".split(),
            **way.options(network=network),
        )
        assert job.exit_code == 0
        assert "Pi is roughly 3.1" in job.stdout
        assert all("Executor finished" in worker.log or "Asked to launch executor" in worker.log for worker in workers)

        assert "metrics_master_aliveWorkers_Value" in master.fetch("http://localhost:8080/metrics/master/prometheus/")
        assert "metrics_worker_coresFree_Value" in workers[0].fetch("http://localhost:8081/metrics/prometheus/")
        assert {service.terminate() for service in (*workers, master)} == {ENDED_BY_SIGTERM}


@pytest.mark.shared
def test_scripts_start_and_stop_servers_in_the_background(image: Image) -> None:
    """Without SPARK_NO_DAEMONIZE, Spark's scripts start a server in the background, next to the user's own process."""
    script = """
set -euo pipefail
cd $SPARK_HOME/sbin
says() { timeout 30 bash -c "until grep -q '$2' $SPARK_HOME/logs/spark-*.$1-1-*.out; do sleep 0.2; done"; }
./start-master.sh --host localhost
says Master 'started at http'
./start-worker.sh spark://localhost:7077
says Worker 'Successfully registered with master'
./stop-worker.sh
./stop-master.sh
! pgrep java
./stop-master.sh
"""
    result = image.run("bash", "-c", script, user=SPARK_UID)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "no org.apache.spark.deploy.master.Master to stop"


WORKER = "org.apache.spark.deploy.worker.Worker"
UNRELATED = """
set -euo pipefail
cd $SPARK_HOME/sbin
sleep 300 &
file=/tmp/spark--{WORKER}-1.pid
{PID_FILE}
./stop-worker.sh
kill -0 $!  # the unrelated process still runs
[[ ! -e $file ]]
./stop-worker.sh
"""


@pytest.mark.shared
@pytest.mark.parametrize(
    "pid_file",
    [
        pytest.param("echo $! > $file", id="PID without a start time"),
        # The start time is that of a worker which was killed. Start times have a resolution of 10 ms.
        pytest.param(
            "sleep 0.1; ./start-worker.sh spark://localhost:7077; kill -9 $(< $file); echo $! > $file", id="reused PID"
        ),
        pytest.param("echo none > $file", id="not a number"),
        pytest.param(": > $file", id="empty file"),
    ],
)
def test_stop_script_signals_no_unrelated_process(image: Image, pid_file: str) -> None:
    result = image.run(
        "bash", "-c", UNRELATED.replace("{PID_FILE}", pid_file).replace("{WORKER}", WORKER), user=SPARK_UID
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-2:] == [f"no {WORKER} to stop"] * 2
    assert result.stderr == ""


@pytest.mark.shared
def test_stop_script_reports_a_process_that_it_may_not_signal(image: Image) -> None:
    """Another user of the container started the server, so the script may not signal it."""
    script = "cd $SPARK_HOME/sbin && ./start-master.sh --host localhost && chmod a+r /tmp/spark-*.pid*"
    with image.start("sleep", "300") as service:
        assert service.run("bash", "-c", script).exit_code == 0
        done: Any = service.container.exec_run(["/opt/spark/sbin/stop-master.sh"], user="999:0")
        assert done.exit_code == 1
        assert "master.Master (" in done.output.decode()
        assert "cannot be signalled as 999:0" in done.output.decode()
        assert service.run("/opt/spark/sbin/stop-master.sh").exit_code == 0
