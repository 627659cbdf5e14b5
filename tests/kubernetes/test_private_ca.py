"""A driver and an executor reach a server with a certificate of a private CA, which they get from a ConfigMap."""

import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.integration.conftest import FETCH, result_in
from tests.integration.own_ca import LISTENS, PAGE, server
from tests.kubernetes.conftest import Cluster, expose, start

pytestmark = [pytest.mark.thorough, pytest.mark.slow]

SERVER = "private-server"
URL = f"https://{SERVER}:8443/page"
CERTIFICATE = "/tmp/server.pem"


@pytest.fixture
def private_server(cluster: Cluster, tmp_path: Path) -> Iterator[None]:
    """Starts the server and makes the ConfigMap with its CA, as docs/runtime.md says. Removes them with the test."""
    authority = trustme.CA(organization_name="Own CA of the test")
    certificate = authority.issue_cert(SERVER).private_key_and_cert_chain_pem.bytes().decode()
    command = f'printf %s "$CERTIFICATE" > {CERTIFICATE} && exec python3 -c "$PROGRAM"'
    environment = {"CERTIFICATE": certificate, "PROGRAM": server(CERTIFICATE)}
    start(cluster, SERVER, "bash", "-c", command, environment=environment)
    expose(cluster, SERVER, 8443)
    cluster.wait_for_log(SERVER, LISTENS)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    cluster.kubectl("create", "configmap", "spark-ca", f"--from-file={tmp_path / 'ca.pem'}")
    yield
    cluster.kubectl("delete", "configmap", "spark-ca")
    cluster.kubectl("delete", "pod", SERVER, "--wait=false")


@pytest.mark.usefixtures("private_server")
def test_driver_and_executor_trust_the_ca_of_a_config_map(cluster: Cluster) -> None:
    """The pods have a random UID and a read-only root. The pod `client` started before the ConfigMap existed."""
    fetch = shlex.join(("python3", "-c", FETCH, URL))
    refusal = "CERTIFICATE_VERIFY_FAILED"
    cluster.wait(refusal, lambda: refusal in cluster.client(fetch, check=False).stderr, SERVER, timeout=30)
    conf = {"spark.executor.instances": "1"}
    driver = cluster.submit("own-ca", f"local:///mnt/jobs/own_ca.py {URL}", conf, template="random-uid")
    found = result_in(cluster.ended(driver))
    got = {"driver's Python", "driver's JVM", "executor's Python", "executor's JVM"}
    assert {client: found[client] for client in got} == dict.fromkeys(got, PAGE), json.dumps(found)
