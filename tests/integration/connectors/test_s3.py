"""Jobs that write and read S3, event logs on S3, and the errors of wrong settings.

The server has no name: jobs reach it by its IP address, so they need no name server.
"""

from pathlib import Path
from typing import Any

import pytest

from spark_images import ROOT
from tests.integration.conftest import HARDENED, RANDOM_UID, Image, Result, options
from tests.integration.servers import ACCESS_KEY, KEYS, PROFILE, S3

JOBS = Path(__file__).parent / "jobs"
EXAMPLE = ROOT / "examples/data/s3.py"
NO_NAME_SERVER = "192.0.2.1"
"""An address at which no server answers: it is reserved for documentation."""

READS_PROFILE = (
    "--conf",
    "spark.hadoop.fs.s3a.aws.credentials.provider=com.amazonaws.auth.profile.ProfileCredentialsProvider",
)
"""The options that make S3A read ~/.aws/credentials, on each line."""

LOGS = "s3a://data/logs/"
MAGIC = ("--conf", "spark.hadoop.fs.s3a.committer.magic.enabled=true")
BUCKET = "spark.hadoop.fs.s3a.bucket"
ALL_ROWS = [1000 + 333, 2 * sum(range(1, 1000, 3))]
"""The number of rows that jobs/s3.py writes, and the sum of the part that it writes twice."""


@pytest.fixture(scope="module")
def example(image: Image, s3: S3) -> Result:
    """Returns the output of the example of examples/data, with keys of the environment."""
    job = "/opt/spark/work-dir/s3.py"
    command = ("spark-submit", *s3.options, job, "s3a://data/orders")
    return image.run(*command, environment=KEYS, files={job: EXAMPLE}, network=s3.network)


def test_example_writes_and_reads_parquet_and_avro(example: Result) -> None:
    printed = [line for line in example.stdout.splitlines() if "orders" in line]
    assert printed == ["parquet: 1000 orders, 143 on day 3", "avro: 1000 orders, 143 on day 3"]


@pytest.fixture(scope="module")
def magic(image: Image, s3: S3, example: Result) -> Any:
    """Returns the result of a job with the magic committer, a mounted profile and an event log on S3.

    It also reads a file of the example's table. It runs as an unknown user, with a read-only root file system and
    without a name server.
    """
    logged = ("--conf", "spark.eventLog.enabled=true", "--conf", f"spark.eventLog.dir={LOGS}")
    with image.volume({"s3.py": JOBS / "s3.py"}) as jobs, image.volume({"credentials": PROFILE}) as profile:
        mounts = {jobs: {"bind": "/mnt", "mode": "ro"}, profile: {"bind": "/home/spark/.aws", "mode": "ro"}}
        result = image.run(
            *("spark-submit", *s3.options, *MAGIC, *logged, *READS_PROFILE, "/mnt/s3.py", "s3a://data/magic"),
            "s3a://data/orders/parquet",
            user=RANDOM_UID,
            volumes=mounts,
            network=s3.network,
            dns=[NO_NAME_SERVER],
            **HARDENED,
        )
    assert result.exit_code == 0
    return result.json()


@pytest.mark.thorough
def test_one_setting_turns_the_magic_committer_on(magic: Any) -> None:
    assert magic["committers"] == ["magic", "classic"]
    assert magic["parquet"] == magic["avro"] == ALL_ROWS


@pytest.mark.thorough
def test_magic_committer_refuses_to_replace_partitions(magic: Any) -> None:
    """docs/data.md says so. It is the reason why the magic committer is off by default."""
    assert "does not support dynamicPartitionOverwrite" in magic["replaced"]


@pytest.mark.thorough
@pytest.mark.usefixtures("magic")
def test_history_server_reads_event_logs_on_s3(image: Image, s3: S3) -> None:
    java = " ".join(option.replace("spark.", "-Dspark.", 1) for option in s3.options if option != "--conf")
    environment = {**KEYS, "SPARK_HISTORY_LOG_DIR": LOGS, "SPARK_HISTORY_OPTS": java}
    with image.start("history", environment=environment, network=s3.network, **HARDENED) as server:
        server.wait_for("and started at")
        # The server looks for new applications every few seconds.
        url = "http://localhost:18080/api/v1/applications"
        found = server.fetch_until(url, '"completed" : true', attempts=150)
        assert '"name" : "s3"' in found


@pytest.mark.thorough
def test_wrong_settings_fail_soon_and_say_why(image: Image, s3: S3) -> None:
    """The limit of `Image.run` is the test of "soon": without the image's settings, retries take longer."""
    wrong = {
        f"{BUCKET}.wrong-key.access.key": ACCESS_KEY,
        f"{BUCKET}.wrong-key.secret.key": "wrong",
        f"{BUCKET}.no-server.endpoint": "http://127.0.0.1:9",
    }
    job = "/opt/spark/work-dir/failures.py"
    urls = ("s3a://wrong-key/x", "s3a://missing/x", "s3a://no-server/x")
    result = image.run(
        *("spark-submit", *s3.options, *options(wrong), job, *urls),
        environment=KEYS,
        files={job: JOBS / "failures.py"},
        network=s3.network,
        timeout=90,
    )
    wrong_key, missing, no_server = (result.json()[url] for url in urls)
    assert "403" in wrong_key
    assert "wrong-key" in wrong_key
    assert "The specified bucket does not exist" in missing
    assert "Connection refused" in no_server
    assert "127.0.0.1:9" in no_server
