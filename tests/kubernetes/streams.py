"""A stream from Kafka to a table on S3, on a cluster. Its driver pod is killed, and another one resumes the stream."""

from collections.abc import Mapping

from spark_images.checks import cluster as cluster_here
from spark_images.engine import build
from spark_images.plan.project import load_project
from tests.integration.servers import ACCESS_KEY, KEYS, MAKE_DIRECTORIES, SECRET_KEY
from tests.integration.streams import complete, written_batches
from tests.kubernetes.conftest import SHARED, Cluster, expose, start

SERVERS = {
    "s3": ("server-s3", (), 7070, "ServerConnector@"),
    "kafka": ("server-kafka", ("kafka",), 9092, "Kafka Server started"),
}
"""The layer of each server, its arguments, its port, and the text in its log when it is ready."""

ROWS = 40


def start_servers(cluster: Cluster) -> None:
    """Starts Kafka and an S3 server with the bucket `data` as pods, with services of the names `kafka` and `s3`."""
    project = load_project()
    for name, (layer, arguments, port, _) in SERVERS.items():
        reference = build.layer(project, layer)
        cluster_here.load(reference)
        environment = {"ACCESS_KEY": ACCESS_KEY, "SECRET_KEY": SECRET_KEY}
        start(cluster, name, *arguments, environment=environment, image=reference)
        expose(cluster, name, port)
    for name, (*_, ready) in SERVERS.items():
        cluster.wait_for_log(name, ready)
    keys = [f"{key}={value}" for key, value in KEYS.items()]
    cluster.kubectl("create", "secret", "generic", "s3-keys", *(f"--from-literal={key}" for key in keys))
    cluster.kubectl("exec", "client", "--", "env", *keys, "python3", "-c", MAKE_DIRECTORIES, "http://s3:7070", "data")


def stop_servers(cluster: Cluster) -> None:
    """Deletes the pods of the servers."""
    for name in SERVERS:
        cluster.kubectl("delete", "pod", name, "--wait=false")


def killed_and_resumed(cluster: Cluster, form: str, table: str, settings: Mapping[str, str]) -> None:
    """Runs a stream to `table` in the format `form`, with its checkpoint on S3. The driver pod dies in an open batch.

    Fails the test if a row is missing or is in the table twice.
    """
    conf = {
        "spark.executor.instances": "1",
        "spark.hadoop.fs.s3a.endpoint": "http://s3:7070",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.kubernetes.driverEnv.HELD": f"{SHARED}/held",
        **{f"spark.kubernetes.driver.secretKeyRef.{key}": f"s3-keys:{key}" for key in KEYS},
        **settings,
    }
    stream = f"kafka:9092 numbers {table} s3a://data/progress"
    first = cluster.submit("stream", f"local:///mnt/jobs/hold.py {stream} {form} {ROWS}", conf)
    cluster.wait_for_log(first, "the next one is open", timeout=240)
    assert written_batches(cluster.log(first)) > 0
    cluster.kubectl("delete", "pod", first, "--grace-period=0", "--force")
    resume = f"{stream} --format {form} --available-now --rows-per-batch 10"
    second = cluster.submit("stream-again", f"local:///mnt/jobs/kafka_to_table.py {resume}", conf)
    assert complete(ROWS) in cluster.ended(second)
