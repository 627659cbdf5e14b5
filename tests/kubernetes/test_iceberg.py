"""Iceberg on a cluster: driver and executors write a table on a shared volume, and a stream writes one on S3."""

import json
from collections.abc import Iterator

import pytest

from spark_images.checks import cluster as cluster_here
from spark_images.engine import build
from spark_images.matrix.model import Cell
from spark_images.plan.project import load_project
from tests.integration.servers import ACCESS_KEY, KEYS, MAKE_DIRECTORIES, SECRET_KEY
from tests.integration.streams import complete, written_batches
from tests.kubernetes.conftest import EXAMPLES, SHARED, Cluster, expose, start
from tests.kubernetes.test_examples import job_of

SERVERS = {
    "s3": ("server-s3", (), 7070, "ServerConnector@"),
    "kafka": ("server-kafka", ("kafka",), 9092, "Kafka Server started"),
}
"""The layer of each server, its arguments, its port, and the text in its log when it is ready."""

ROWS = 40


@pytest.fixture(scope="module", autouse=True)
def only_with_iceberg(image: str, cell: Cell) -> None:
    if "iceberg" not in cell.features:
        pytest.skip(f"{image} has no feature iceberg")


@pytest.fixture(scope="module")
def servers(cluster: Cluster) -> Iterator[None]:
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
    yield
    for name in SERVERS:
        cluster.kubectl("delete", "pod", name, "--wait=false")


def test_example_writes_a_table_on_a_shared_volume(cluster: Cluster) -> None:
    """Runs the example with the image under test, and the volume claim of the tests."""
    cluster.kubectl("create", "configmap", "iceberg-tables", "--from-file", str(EXAMPLES / "iceberg/tables.py"))
    job = json.dumps(job_of(EXAMPLES / "iceberg/submit.yaml", cluster))
    for claim in ('"claimName": "lake"', "claimName=lake"):
        assert claim in job
        job = job.replace(claim, claim.replace("lake", "shared"))
    cluster.apply(json.loads(job))
    cluster.wait_for_job("submit-tables")
    log = cluster.ended("tables-driver")
    assert "now: [('cake', 6), ('milk', 1), ('tea', 3)]" in log
    assert "before: [('cake', 5), ('tea', 3)]" in log


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.usefixtures("servers")
def test_stream_whose_driver_pod_was_killed_resumes_without_loss_or_duplicates(cluster: Cluster) -> None:
    """A stream from Kafka to a table on S3, with its checkpoint there. The pod dies in an open batch."""
    conf = {
        "spark.executor.instances": "1",
        "spark.hadoop.fs.s3a.endpoint": "http://s3:7070",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
        "spark.sql.catalog.lake.type": "hadoop",
        "spark.sql.catalog.lake.warehouse": "s3a://data/lake",
        "spark.kubernetes.driverEnv.HELD": f"{SHARED}/held",
        **{f"spark.kubernetes.driver.secretKeyRef.{key}": f"s3-keys:{key}" for key in KEYS},
    }
    stream = "kafka:9092 numbers lake.db.numbers s3a://data/progress"
    first = cluster.submit("stream", f"local:///mnt/jobs/hold.py {stream} iceberg {ROWS}", conf)
    cluster.wait_for_log(first, "the next one is open", timeout=240)
    assert written_batches(cluster.log(first)) > 0
    cluster.kubectl("delete", "pod", first, "--grace-period=0", "--force")
    resume = f"{stream} --format iceberg --available-now --rows-per-batch 10"
    second = cluster.submit("stream-again", f"local:///mnt/jobs/kafka_to_table.py {resume}", conf)
    assert complete(ROWS) in cluster.ended(second)
