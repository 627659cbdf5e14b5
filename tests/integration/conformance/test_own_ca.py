"""A mounted PEM file is trusted by every client of a job, in addition to the public CAs."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest
import trustme

from spark_images.matrix.model import Cell
from tests.integration.conformance.conftest import EXECUTOR_POD, JOBS, Way
from tests.integration.conformance.test_class_archive import MIN_RATIO, run_driver
from tests.integration.conftest import HARDENED, RANDOM_UID, Image, Result
from tests.integration.own_ca import CA_FILE, PAGE, Private, private_server

USAGE = 2
REFUSALS = {
    "driver's Python": "CERTIFICATE_VERIFY_FAILED",
    "driver's JVM": "PKIX path building failed",
    "executor's Python": "CERTIFICATE_VERIFY_FAILED",
    "executor's JVM": "PKIX path building failed",
    "gRPC": "FutureTimeoutError",
}
"""The error of each client without the CA."""

VARIABLES = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "AWS_CA_BUNDLE",
)


@pytest.fixture(scope="module")
def private(image: Image) -> Iterator[Private]:
    with private_server(image) as running:
        yield running


@pytest.fixture(scope="module")
def jobs(image: Image) -> Iterator[str]:
    """Yields a volume with the jobs."""
    with image.volume({name: JOBS / name for name in ("own_ca.py", "connect.py")}) as volume:
        yield volume


def run_job(image: Image, private: Private, jobs: str, *options: str, ca: bool = True, **how: Any) -> Result:
    """Runs the job that asks the server with each client, with or without the CA."""
    volumes = {jobs: {"bind": "/mnt", "mode": "ro"}, **(private.mount if ca else {})}
    command = ("/opt/spark/bin/spark-submit", *options, "/mnt/own_ca.py", private.url, private.grpc)
    return image.run(*command, network=private.network, volumes=volumes, **{**HARDENED, **how})


def refused(found: Mapping[str, str]) -> list[str]:
    """Returns the clients that did not get the page. A client that is not installed is not among them."""
    got = (PAGE, "connected", "requests is not installed")
    return [f"{client}: {answer}" for client, answer in found.items() if answer not in got]


def test_clients_of_a_job_trust_the_mounted_ca(image: Image, private: Private, jobs: str, way: Way) -> None:
    result = run_job(image, private, jobs, **way.options())
    assert result.exit_code == 0
    assert refused(result.json()) == []


@pytest.mark.shared
def test_clients_of_a_job_refuse_an_unknown_ca(image: Image, private: Private, jobs: str) -> None:
    result = run_job(image, private, jobs, ca=False, user=RANDOM_UID)
    assert result.exit_code == 0
    found = result.json()
    for client, error in REFUSALS.items():
        assert error in found[client], client


@pytest.mark.shared
def test_spark_connect_client_trusts_the_mounted_ca(image: Image, private: Private, jobs: str) -> None:
    volumes = {jobs: {"bind": "/mnt", "mode": "ro"}, **private.mount}
    command = ("python3", "/mnt/connect.py", f"sc://{private.grpc}/;use_ssl=true")
    result = image.run(*command, network=private.network, volumes=volumes, user=RANDOM_UID, **HARDENED)
    assert result.exit_code == 0
    assert result.json()["sum"] == 4950


@pytest.mark.shared
def test_executors_of_a_worker_trust_the_mounted_ca(image: Image, private: Private, jobs: str) -> None:
    """A worker starts the JVMs of executors itself, without spark-class."""
    url = f"spark://{private.network}-master:7077"
    hardened: dict[str, Any] = {**HARDENED, "network": private.network, "user": RANDOM_UID}
    with ExitStack() as stack:
        master = stack.enter_context(image.start("master", name=f"{private.network}-master", **hardened))
        master.wait_for("Successfully started service 'MasterUI'")
        worker = ("spark-class", "org.apache.spark.deploy.worker.Worker", url)
        how: dict[str, Any] = {
            "entrypoint": [],
            "volumes": private.mount,
            "environment": {"SPARK_WORKER_DIR": "/tmp/work"},
        }
        stack.enter_context(image.start(*worker, **how, **hardened))
        master.wait_for("Registering worker")
        options = ("--master", url, "--conf", "spark.cores.max=1", "--conf", "spark.executor.memory=600m")
        result = run_job(image, private, jobs, *options, user=RANDOM_UID)
        assert result.exit_code == 0
        assert refused(result.json()) == []


@pytest.mark.shared
def test_executor_of_a_pod_gets_the_trust_store(image: Image) -> None:
    environment = {
        **EXECUTOR_POD,
        "SPARK_EXECUTOR_POD_IP": "127.0.0.1",
        "SPARK_JAVA_OPT_0": "-XshowSettings:properties",
    }
    pem = trustme.CA().cert_pem.bytes().decode()
    with image.volume({"ca.pem": pem}) as volume:
        volumes = {volume: {"bind": "/etc/spark-ca", "mode": "ro"}}
        result = image.run("executor", environment=environment, user=RANDOM_UID, volumes=volumes, **HARDENED)
    assert "javax.net.ssl.trustStore = /tmp/spark-ca-1000660000-" in result.stderr


@pytest.mark.shared
def test_settings_of_the_user_override_the_mounted_ca(image: Image, private: Private, jobs: str, cell: Cell) -> None:
    environment = {"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt", "JAVA_TOOL_OPTIONS": ""}
    public = f"-Djavax.net.ssl.trustStore=/usr/lib/jvm/java-{cell.values['java']}/lib/security/cacerts"
    options = ("--driver-java-options", public)
    found = run_job(image, private, jobs, *options, environment=environment).json()
    assert REFUSALS["driver's Python"] in found["driver's Python"]
    assert REFUSALS["driver's JVM"] in found["driver's JVM"]
    assert found["gRPC"] == "connected"
    found = run_job(image, private, jobs, environment={"JAVA_TOOL_OPTIONS": public}).json()
    assert REFUSALS["driver's JVM"] in found["driver's JVM"]


@pytest.mark.shared
def test_public_cas_stay_trusted(image: Image) -> None:
    """The bundle and the trust store contain the public CAs and both certificates of the file."""
    script = """
count() { grep -c BEGIN "$1"; }
echo $(($(count $SSL_CERT_FILE) - $(count /etc/ssl/certs/ca-certificates.crt)))
entries=$(keytool -list -keystore $SPARK_CA_TRUSTSTORE < /dev/null 2> /dev/null | grep -c trustedCertEntry)
echo $((entries - $(count /etc/ssl/certs/ca-certificates.crt)))
"""
    pem = trustme.CA().cert_pem.bytes() + b"\r\n" + trustme.CA().cert_pem.bytes().replace(b"\n", b"\r\n")
    result = image.run("bash", "-c", script, files={CA_FILE: pem})
    assert result.stdout.split() == ["2", "2"]


@pytest.mark.shared
def test_driver_uses_the_class_archive_with_a_ca(image: Image) -> None:
    found = run_driver(image, files={CA_FILE: trustme.CA().cert_pem.bytes()})
    assert found["archive"] > MIN_RATIO * found["jars"] > 0


@pytest.mark.shared
def test_image_without_a_ca_writes_and_sets_nothing(image: Image) -> None:
    script = f"ls /tmp; env | grep -E '^({'|'.join(VARIABLES)}|SPARK_CA_TRUSTSTORE)='"
    result = image.run("bash", "-c", script, user=RANDOM_UID, **HARDENED)
    assert result.output == ""


@pytest.mark.shared
def test_concurrent_starts_make_the_files_once(image: Image) -> None:
    script = """
check='[[ -s $SSL_CERT_FILE && -s $SPARK_CA_TRUSTSTORE ]]'
for _ in 1 2 3 4 5 6; do /opt/entrypoint.sh bash -c "$check" & starts+=($!); done
for start in "${starts[@]}"; do wait $start || echo failed; done
ls /tmp
"""
    files = {"/etc/other/own.crt": trustme.CA().cert_pem.bytes()}
    environment = {"SPARK_CA_FILE": "/etc/other/own.crt"}
    result = image.run("bash", "-c", script, files=files, environment=environment, entrypoint=[])
    (made,) = (name for name in result.stdout.split() if not name.startswith("hsperfdata"))
    assert made.startswith("spark-ca-185-")
    assert result.stderr == ""


KEY = trustme.CA().private_key_pem.bytes()
BROKEN = b"-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n"


@pytest.mark.shared
@pytest.mark.parametrize("through_entrypoint", [True, False], ids=["entrypoint", "spark-submit"])
@pytest.mark.parametrize(
    ("files", "ca_file", "message"),
    [
        pytest.param(
            {}, "/no/ca.pem", "SPARK_CA_FILE is /no/ca.pem, which is not a file: mount a PEM file", id="missing"
        ),
        pytest.param({}, "/etc", "SPARK_CA_FILE is /etc, which is not a file: mount a PEM file", id="directory"),
        pytest.param({CA_FILE: b"text"}, "", f"{CA_FILE} contains no certificate: expected PEM", id="text"),
        pytest.param({CA_FILE: KEY}, "", f"{CA_FILE} contains no certificate: expected PEM", id="private key"),
        pytest.param({CA_FILE: BROKEN}, "", f"{CA_FILE} contains a certificate that Java cannot read", id="broken"),
        pytest.param({"/etc/spark-ca/tls.crt": b""}, "", "name the mounted file ca.pem", id="name"),
    ],
)
def test_wrong_ca_file_gives_one_line_and_exit_code_2(
    image: Image, through_entrypoint: bool, files: dict[str, bytes], ca_file: str, message: str
) -> None:
    command = ("true",) if through_entrypoint else ("/opt/spark/bin/spark-submit", "--version")
    how: dict[str, Any] = {} if through_entrypoint else {"entrypoint": []}
    result = image.run(*command, files=files, environment={"SPARK_CA_FILE": ca_file}, **how)
    assert result.exit_code == USAGE
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert result.stdout == ""


@pytest.mark.shared
def test_unreadable_ca_file_is_an_error(image: Image) -> None:
    result = image.run("true", files={CA_FILE: b""}, modes={CA_FILE: 0o600}, user=RANDOM_UID)
    assert result.exit_code == USAGE
    assert result.stderr.endswith(f": {CA_FILE} cannot be read as 1000660000:0: check its mode and owner\n")


@pytest.mark.shared
def test_ca_without_a_writable_directory_is_an_error(image: Image) -> None:
    files = {CA_FILE: trustme.CA().cert_pem.bytes()}
    result = image.run("true", files=files, environment={"TMPDIR": "/proc"})
    assert result.exit_code == 1
    assert "/proc cannot be written, but the CA files go there: mount an emptyDir at /tmp" in result.stderr
