"""The example with authentication and encryption, and what its driver refuses. The README's commands make the keys."""

import base64
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spark_images.matrix.model import Cell
from tests.integration.conftest import Result, result_in
from tests.kubernetes.conftest import EXAMPLES, JOBS, Cluster
from tests.kubernetes.test_examples import job_of

pytestmark = [pytest.mark.thorough, pytest.mark.slow]

EXAMPLE = EXAMPLES / "kubernetes/secure"
DRIVER = "secure-driver"
RPC_PORT = 7078
UI_PORT = 4040
MOUNT = "/etc/spark-secure"
KEYS = "/tmp/keys"
"""The folder in the pod `client` with the files of the Secret, and with a wrong secret."""

REFUSALS = {"aes": "Authentication failed", "tls": "DIGEST-MD5: digest response format violation"}
"""The error of an executor with a wrong secret, for each of the settings."""


def commands(heading: str) -> str:
    """Returns the first block of shell commands under a heading of the example's README."""
    found = re.search(
        rf"^## {heading}$.*?^```sh\n(.*?)^```$", (EXAMPLE / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    assert found, heading
    return found[1]


@dataclass(frozen=True)
class Keys:
    """The folder in which the README's commands made the keys, and a kubeconfig with the namespace of the tests."""

    folder: Path
    kubeconfig: Path

    def run(self, script: str) -> str:
        """Runs commands of the README in the folder. Returns what they print."""
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        command = ["bash", "-euc", script]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def token(self) -> str:
        """Returns a token that the commands of the README sign."""
        return self.run(commands("Open the web UI") + '\necho "$token"').strip()


@dataclass(frozen=True)
class Secured:
    """A running driver of the example, and its settings: aes or tls."""

    cluster: Cluster
    settings: str
    address: str
    result: Any

    def try_to_join(self, *, secret: str | None) -> Result:
        """Starts an executor in the pod `client`, with the JVM options of a real one and the secret in a file.

        Without a file, it does not authenticate itself.
        """
        executor = self.cluster.pod(self.cluster.executors("secure")[0])
        environment = executor["spec"]["containers"][0]["env"]
        real = [variable["value"] for variable in environment if variable["name"].startswith("SPARK_JAVA_OPT_")]
        options = [
            option.replace(f"{MOUNT}/secret", f"{KEYS}/{secret}").replace(MOUNT, KEYS)
            for option in real
            if secret or not option.startswith(("-Dspark.auth", "-Dspark.network"))
        ]
        command = ("python3", "/mnt/jobs/wire.py", self.address, str(RPC_PORT), *options)
        return self.cluster.client(shlex.join(command))

    def ask(self, *arguments: str) -> Any:
        """Runs the program ask.py in the pod `client`."""
        return self.cluster.client(shlex.join(("python3", "/mnt/jobs/ask.py", *arguments))).json()


def submit(cluster: Cluster, settings: str) -> None:
    """Runs the example with settings, with the image under test and a job that waits."""
    file = f"settings.conf={EXAMPLE / f'{settings}.conf'}"
    cluster.kubectl("delete", "configmap", "secure-settings", "--ignore-not-found")
    cluster.kubectl("create", "configmap", "secure-settings", "--from-file", file)
    job = job_of(EXAMPLE / "submit.yaml", cluster)
    arguments = job["spec"]["template"]["spec"]["containers"][0]["args"]
    arguments[-2:] = ["--conf=spark.kubernetes.driver.secrets.secure-job=/mnt/job", "local:///mnt/job/secure.py"]
    cluster.apply(job)
    cluster.wait("the driver", lambda: cluster.pod(DRIVER), "")


def delete(cluster: Cluster) -> None:
    """Deletes the Job and the driver, as the README says."""
    cluster.kubectl("delete", "job", "submit-secure")
    cluster.kubectl("delete", "pod", DRIVER)


@pytest.fixture(scope="module")
def keys(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Runs the commands of the README that make the keys. Copies the keys to the pod `client`."""
    folder = tmp_path_factory.mktemp("keys")
    made = Keys(folder, tmp_path_factory.mktemp("kubeconfig") / "config")
    made.kubeconfig.write_text(cluster.kubectl("config", "view", "--raw", "--flatten").stdout)
    made.run(f"kubectl config set-context --current --namespace {cluster.namespace}")
    made.run(commands("Make the keys"))
    cluster.kubectl("create", "secret", "generic", "secure-job", "--from-file", str(JOBS / "secure.py"))
    files = {name: (folder / name).read_bytes() for name in ("secret", "tls.crt", "tls.key")} | {"wrong": b"0" * 64}
    copy = [f"echo {base64.b64encode(content).decode()} | base64 -d > {KEYS}/{name}" for name, content in files.items()]
    cluster.client(" && ".join([f"mkdir {KEYS}", *copy]))
    return made


@pytest.fixture(scope="module", params=["aes", "tls"])
def secured(request: pytest.FixtureRequest, cluster: Cluster, keys: Keys, cell: Cell) -> Iterator[Secured]:
    """Runs the example with each of its settings. At the end, its Job must complete."""
    settings = request.param
    if settings == "tls" and cell.line == "3.5":
        pytest.skip("Spark 3.5 has no TLS between drivers and executors")
    submit(cluster, settings)
    cluster.wait_for_log(DRIVER, "RESULT ", timeout=180)
    address = cluster.pod(DRIVER)["status"]["podIP"]
    yield Secured(cluster, settings, address, result_in(cluster.log(DRIVER)))
    cluster.kubectl("exec", DRIVER, "--", "touch", "/tmp/finish")
    cluster.wait_for_job("submit-secure", timeout=60)
    delete(cluster)


def test_job_runs_and_encrypts_its_shuffle_files(secured: Secured) -> None:
    assert secured.result["sums"] == [sum(n for n in range(1000) if n % 10 == key) for key in range(10)]
    assert secured.result["files"] > 0
    assert secured.result["in_plain_text"] == 0


def test_executor_with_the_secret_is_accepted_and_sends_no_plain_text(secured: Secured) -> None:
    found = secured.try_to_join(secret="secret").json()
    assert found["accepted"]
    assert found["bytes"] > 1000
    assert not found["in_plain_text"]


def test_executor_with_a_wrong_secret_is_refused(secured: Secured) -> None:
    done = secured.try_to_join(secret="wrong")
    assert not done.json()["accepted"]
    assert REFUSALS[secured.settings] in done.stdout


def test_executor_without_a_secret_is_refused(secured: Secured) -> None:
    """The driver closes the connection. The error of the executor depends on when it notices this."""
    found = secured.try_to_join(secret=None).json()
    assert not found["accepted"]
    assert found["bytes"] > 0


def test_only_the_settings_for_tls_use_tls(secured: Secured) -> None:
    version = secured.ask("tls", secured.address, str(RPC_PORT), f"{KEYS}/tls.crt")
    if secured.settings == "tls":
        assert version == "TLSv1.3"
    else:
        assert "no TLS" in version


def test_web_ui_wants_a_signed_token_or_is_off(secured: Secured, keys: Keys) -> None:
    url = f"http://{secured.address}:{UI_PORT}/api/v1/applications"
    token = keys.token()
    forged = f"{token[:-8]}AAAAAAAA"
    answers = [secured.ask("http", url, *given) for given in ((), (forged,), (token,))]
    if secured.settings == "tls":
        assert answers == [403, 403, 200]
    else:
        assert all("refused" in answer for answer in answers), answers


def test_no_key_is_readable_in_pods_and_config_maps(secured: Secured, keys: Keys) -> None:
    shown = secured.cluster.kubectl("get", "pods,configmaps", "--output", "yaml").stdout
    assert DRIVER in shown
    secret, key = (keys.folder / "secret").read_bytes(), (keys.folder / "ui-key").read_bytes()
    for form in (secret, base64.b64encode(secret), key, base64.b64encode(key)):
        assert form.decode().strip() not in shown


def test_driver_of_spark_3_refuses_the_settings_for_tls(cluster: Cluster, keys: Keys, cell: Cell) -> None:
    """Spark 3.5 ignores spark.ssl.rpc. Its driver stops because it does not have the filter of the web UI."""
    if cell.line != "3.5":
        pytest.skip(f"Spark {cell.spark} has the filter")
    submit(cluster, "tls")
    log = cluster.ended(DRIVER, phase="Failed")
    assert "ClassNotFoundException: org.apache.spark.ui.JWSFilter" in log
    delete(cluster)
