"""Jobs that write and read Azure storage over TLS, and the errors of wrong settings.

The server is Azurite, at the name that Azure would give the account. Its certificate is from a CA of the test.
"""

from pathlib import Path
from typing import Any

import pytest

from spark_images import ROOT
from spark_images.checks.suites import SUITES
from tests.integration.conftest import HARDENED, RANDOM_UID, Image, options
from tests.integration.own_ca import CA_FILE
from tests.integration.servers import AZURE_KEY, Azure

JOBS = SUITES / "connectors/jobs"
EXAMPLE = ROOT / "examples/data/s3.py"
KEY = {"AZURE_STORAGE_KEY": AZURE_KEY}
MAKES_CONTAINERS = ("--conf", "spark.hadoop.fs.azure.createRemoteFileSystemDuringInitialization=true")


@pytest.mark.smoke
def test_example_writes_and_reads_parquet_and_avro(image: Image, azure: Azure) -> None:
    job = "/opt/spark/work-dir/s3.py"
    command = ("spark-submit", *azure.options, *MAKES_CONTAINERS, job, f"{azure.url('smoke')}/orders")
    result = image.run(*command, environment=KEY, files={job: EXAMPLE, CA_FILE: azure.pem}, network=azure.network)
    printed = [line for line in result.stdout.splitlines() if "orders on day" in line]
    assert printed == ["parquet: 1000 orders, 143 on day 3", "avro: 1000 orders, 143 on day 3"]


@pytest.fixture(scope="module")
def found(image: Image, azure: Azure) -> Any:
    """Returns the result of a job that appends, and replaces a partition. It runs as an unknown user, read-only."""
    with image.volume({"s3.py": JOBS / "s3.py"}) as jobs, image.volume({"ca.pem": azure.pem}) as trusted:
        mounts = {jobs: {"bind": "/mnt", "mode": "ro"}, trusted: {"bind": "/etc/spark-ca", "mode": "ro"}}
        command = ("spark-submit", *azure.options, *MAKES_CONTAINERS, "/mnt/s3.py", f"{azure.url('tables')}/table")
        result = image.run(
            *command, user=RANDOM_UID, environment=KEY, volumes=mounts, network=azure.network, **HARDENED
        )
    assert result.exit_code == 0
    return result.json()


@pytest.mark.thorough
def test_manifest_committer_appends_and_replaces_a_partition(found: Any) -> None:
    """Without the image's settings, the committer is the classic one."""
    assert found["parquet"] == found["avro"] == [1000 + 333, 2 * sum(range(1, 1000, 3))]
    assert found["committers"] == ["org.apache.hadoop.mapreduce.lib.output.committer.manifest.ManifestCommitter"]
    assert found["replaced"] == "replaced"


@pytest.mark.thorough
def test_wrong_settings_fail_soon_and_say_why(image: Image, azure: Azure) -> None:
    """The limit of `Image.run` is the test of "soon": without the image's setting, retries take minutes."""
    account = "spark.hadoop.fs.azure.account"
    known = options({f"{account}.key.no-server.invalid": AZURE_KEY})
    job = "/opt/spark/work-dir/failures.py"
    missing, no_key, no_server = (
        f"{azure.url('missing')}/x",
        "abfss://data@other.blob.core.windows.net/x",
        "abfss://data@no-server.invalid/x",
    )
    files: dict[str, str | Path] = {job: JOBS / "failures.py", CA_FILE: azure.pem}
    command = ("spark-submit", *azure.options, *known, job)
    result = image.run(
        *command, missing, no_key, no_server, environment=KEY, files=files, network=azure.network, timeout=120
    )
    wrong = {"AZURE_STORAGE_KEY": "d3Jvbmc="}
    refused = image.run(*command, missing, environment=wrong, files=files, network=azure.network, timeout=60)
    print(result.json(), refused.json())
    assert "404" in result.json()[missing]
    assert "fs.azure.account.key" in result.json()[no_key]
    assert "no-server.invalid" in result.json()[no_server]
    assert "403" in refused.json()[missing]
