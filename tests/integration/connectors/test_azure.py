"""Jobs that write and read Azure storage over TLS, and the errors of wrong settings.

The server is Azurite, at the name that Azure would give the account. Its certificate is from a CA of the test. Only the
images of line 4.1 and later have Azure's connector.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from spark_images.matrix.model import Cell
from tests.integration.conftest import HARDENED, RANDOM_UID, Image, Result, options
from tests.integration.connectors.test_s3 import ALL_ROWS, EXAMPLE, JOBS
from tests.integration.own_ca import CA_FILE
from tests.integration.servers import AZURE_KEY, Azure

KEY = {"AZURE_STORAGE_KEY": AZURE_KEY}
MAKES_CONTAINERS = ("--conf", "spark.hadoop.fs.azure.createRemoteFileSystemDuringInitialization=true")
CLOUD = "org.apache.spark.internal.io.cloud"
MANIFEST = options(
    {
        "spark.sql.sources.commitProtocolClass": f"{CLOUD}.PathOutputCommitProtocol",
        "spark.sql.parquet.output.committer.class": f"{CLOUD}.BindingParquetOutputCommitter",
    }
)
LINE_WITHOUT = "3.5"
WRONG_KEY = "d3Jvbmc="

LOGGED = """
mkdir /tmp/logs
logs="--conf spark.eventLog.enabled=true --conf spark.eventLog.dir=file:/tmp/logs --conf spark.eventLog.compress=false"
spark-submit $logs "$@" || exit
grep -rFqe 'fs.azure.account.key.' /tmp/logs && echo 'the setting is in the log'
grep -rFqe "$AZURE_STORAGE_KEY" /tmp/logs && echo 'the key is in the log'
exit 0
"""
"""A bash script. It runs spark-submit with an event log, and says whether the log contains the setting and the key."""

LISTENS = "the server listens"
SILENT = f"""
import signal, socket
server = socket.create_server(("", 443))
print("{LISTENS}", flush=True)
signal.pause()
"""
"""A Python script for a server that takes connections and never answers."""


@pytest.fixture(scope="module")
def connected(cell: Cell) -> None:
    """Skips tests of images without the connector."""
    if cell.line == LINE_WITHOUT:
        pytest.skip(f"Spark {LINE_WITHOUT} has no connector for Azure")


@pytest.mark.thorough
def test_line_without_the_connector_names_the_missing_class(image: Image, cell: Cell) -> None:
    if cell.line != LINE_WITHOUT:
        pytest.skip("this image has the connector")
    job = "/opt/spark/work-dir/errors.py"
    url = "abfss://data@lake.blob.core.windows.net/x"
    result = image.run("spark-submit", job, url, files={job: JOBS / "errors_of_settings.py"})
    assert "Class org.apache.hadoop.fs.azurebfs.SecureAzureBlobFileSystem not found" in result.json()[url]["write"]


@pytest.mark.usefixtures("connected")
def test_example_writes_and_reads_parquet_and_avro(image: Image, azure: Azure) -> None:
    job = "/opt/spark/work-dir/s3.py"
    command = ("spark-submit", *azure.options, *MAKES_CONTAINERS, job, f"{azure.url('smoke')}/orders")
    result = image.run(*command, environment=KEY, files={job: EXAMPLE, CA_FILE: azure.pem}, network=azure.network)
    printed = [line for line in result.stdout.splitlines() if line.endswith("on day 3")]
    assert printed == ["parquet: 1000 orders, 143 on day 3", "avro: 1000 orders, 143 on day 3"]


@pytest.fixture(scope="module")
def tables(image: Image, connected: None, azure: Azure) -> Result:
    """Returns the output of a job that appends, and replaces a partition. It runs as an unknown user, read-only."""
    with image.volume({"s3.py": JOBS / "s3.py"}) as jobs, image.volume({"ca.pem": azure.pem}) as trusted:
        mounts = {jobs: {"bind": "/mnt", "mode": "ro"}, trusted: {"bind": "/etc/spark-ca", "mode": "ro"}}
        job = ("/mnt/s3.py", f"{azure.url('tables')}/table")
        return image.run(
            *("bash", "-c", LOGGED, "bash", *azure.options, *MAKES_CONTAINERS, *MANIFEST, *job),
            user=RANDOM_UID,
            environment=KEY,
            volumes=mounts,
            network=azure.network,
            **HARDENED,
        )


@pytest.mark.thorough
def test_two_settings_turn_the_manifest_committer_on(tables: Result) -> None:
    """Without the image's setting, the committer is the classic one, because the path is `abfss://`."""
    found = tables.json()
    assert found["parquet"] == found["avro"] == ALL_ROWS
    assert found["committers"] == ["org.apache.hadoop.mapreduce.lib.output.committer.manifest.ManifestCommitter"]
    assert found["replaced"] == "replaced"


@pytest.mark.thorough
def test_event_log_has_the_name_of_the_variable_and_not_the_key(tables: Result) -> None:
    assert "the setting is in the log" in tables.stdout
    assert "the key is in the log" not in tables.stdout


@pytest.fixture(scope="module")
def silent(image: Image, connected: None, azure: Azure) -> Iterator[str]:
    """Yields the name of a server that takes connections and never answers."""
    host = f"{azure.network}-silent.example"
    with image.start("python3", "-c", SILENT, network=azure.network, name=host) as service:
        service.wait_for(LISTENS)
        yield host


@pytest.fixture(scope="module")
def failures(image: Image, azure: Azure, silent: str) -> Any:
    """Returns the errors of wrong settings.

    The limit of `Image.run` is the test of "soon": without the image's setting, retries take minutes. The server that
    never answers has a shorter time-out than the image's.
    """
    unused = {name: f"abfss://data@{name}.example" for name in ("closed", "unset")}
    unknown = "abfss://data@no-server.invalid"
    account = "fs.azure.account"
    keys = {f"spark.hadoop.{account}.key.{host}": AZURE_KEY for host in ("closed.example", "no-server.invalid", silent)}
    unset = options({f"spark.hadoop.{account}.key.unset.example": "${env.NOT_SET}"})
    cases: dict[str, str | tuple[str, dict[str, str]]] = {
        "missing container": f"{azure.url('missing')}/x",
        "wrong key": (f"{azure.url('any')}/x", {f"{account}.key.{azure.host}": WRONG_KEY}),
        "no key": "abfss://data@other.blob.core.windows.net/x",
        "unset variable": f"{unused['unset']}/x",
        "unknown host": f"{unknown}/x",
        "closed port": f"{unused['closed']}/x",
        "no answer": (f"abfss://data@{silent}/x", {"fs.azure.http.read.timeout": "1000"}),
    }
    job = "/opt/spark/work-dir/errors.py"
    arguments = [case if isinstance(case, str) else json.dumps(case) for case in cases.values()]
    result = image.run(
        *("spark-submit", *azure.options, *options(keys), *unset, job, *arguments),
        environment=KEY,
        files={job: JOBS / "errors_of_settings.py", CA_FILE: azure.pem},
        network=azure.network,
        extra_hosts={"closed.example": "127.0.0.1"},
        timeout=150,
    )
    by_url = result.json()
    return {name: by_url[case if isinstance(case, str) else case[0]] for name, case in cases.items()}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("case", "write", "read"),
    [
        ("missing container", "The specified container does not exist", "[PATH_NOT_FOUND]"),
        ("wrong key", "Server failed to authenticate the request", "Server failed to authenticate the request"),
        ("no key", "Invalid configuration value detected for fs.azure.account.key", "fs.azure.account.key"),
        ("unset variable", 'key ="${env.NOT_SET}"', "fs.azure.account.key"),
        ("unknown host", "UnknownHostException: no-server.invalid", "UnknownHostException: no-server.invalid"),
        ("closed port", "ConnectException: Connection refused", "ConnectException: Connection refused"),
        ("no answer", "SocketTimeoutException: Read timed out", "SocketTimeoutException: Read timed out"),
    ],
)
def test_wrong_settings_fail_soon_and_say_why(failures: Any, case: str, write: str, read: str) -> None:
    assert write in failures[case]["write"]
    assert read in failures[case]["read"]
