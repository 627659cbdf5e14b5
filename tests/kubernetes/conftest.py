"""Creates a namespace on the cluster that KUBECONFIG names, and runs pods and Spark applications in it.

The namespace enforces the pod security level `restricted`. The tests use the RBAC rules and the pod template of the
examples. A pod called `client` runs spark-submit, and also the driver in client mode.

The cluster must be able to pull the images. If it is not, set KUBE_LOAD to a command that loads them, such as
`kind load docker-image`. The reference of the image is added as its last argument.
"""

import gzip
import json
import shlex
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests

from spark_images import ROOT
from spark_images.checks import cluster as cluster_here
from spark_images.checks.suites import QUICK_JAVA, QUICK_SPARK, SUITES
from spark_images.engine import daemon
from spark_images.matrix.model import Cell
from spark_images.plan.project import load_project
from tests.integration import conftest as integration
from tests.integration.conftest import FETCH, Result

EXAMPLES = ROOT / "examples"
JOBS = Path(__file__).parent / "jobs"
DEFINITIONS = Path(__file__).parent / "crd"
OTHER_JOBS = (
    SUITES / "conformance/jobs/own_ca.py",
    SUITES / "jobs/hold.py",
    EXAMPLES / "data/kafka_to_table.py",
)
POLL = 0.5
"""Seconds between two questions to the cluster."""

SHARED = "/mnt/shared"
"""The mount path of the volume that all pods of the tests share."""

QUICK = {"name": "JAVA_TOOL_OPTIONS", "value": QUICK_JAVA}
"""The variable that makes the JVMs of a pod quick, as a manifest has it."""

RANDOM_UID = int(integration.RANDOM_UID.partition(":")[0])
SUBMIT = "spark-submit --master k8s://https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if reason := cluster_here.reason_to_skip():
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@dataclass(frozen=True)
class Cluster:
    """A namespace of the cluster, and the image of its pods. `api` is the URL of the API server."""

    namespace: str
    image: str
    api: str

    def kubectl(self, *arguments: str, document: Any = None, check: bool = True, timeout: float = 120) -> Result:
        """Runs kubectl in the namespace, for at most `timeout` seconds.

        `document` is its input, as JSON. With `check`, an exit code other than 0 fails the test.
        """
        done = cluster_here.kubectl(self.namespace, *arguments, document=document, timeout=timeout)
        print(f"$ kubectl {' '.join(arguments)[:300]}   (exit code {done.returncode})\n{done.stderr[-2000:]}")
        assert not check or done.returncode == 0, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    def apply(self, document: Any) -> None:
        """Creates or updates the object of a manifest."""
        self.kubectl("apply", "--filename", "-", document=document)

    def ask(self, path: str, **parameters: str) -> requests.Response:
        """Asks the API server for something about the namespace's pods. `path` begins below `pods`."""
        url = f"{self.api}/api/v1/namespaces/{self.namespace}/pods{path}"
        return requests.get(url, params=parameters, timeout=60)

    def pod(self, name: str) -> Any:
        """Returns a pod as JSON, or {} if it does not exist."""
        answer = self.ask(f"/{name}")
        assert answer.ok or answer.status_code == HTTPStatus.NOT_FOUND, answer.text
        return answer.json() if answer.ok else {}

    def pods(self, selector: str) -> list[Any]:
        """Returns the pods that match a label selector."""
        answer = self.ask("", labelSelector=selector)
        assert answer.ok, answer.text
        found: list[Any] = answer.json()["items"]
        return found

    def log(self, pod: str) -> str:
        """Returns the last 4000 lines of a pod's log, or "" if there is none yet."""
        answer = self.ask(f"/{pod}/log", tailLines="4000")
        return answer.content.decode(errors="replace") if answer.ok else ""

    def log_of_job(self, name: str) -> str:
        """Returns the log of the newest pod of a Job."""
        pods = sorted(self.pods(f"job-name={name}"), key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        return self.log(pods[-1]["metadata"]["name"])

    def wait(self, what: str, ready: Callable[[], Any], pod: str = "", timeout: float = 180) -> Any:
        """Returns the first true value of `ready`. After `timeout` seconds, shows `pod` and fails the test."""
        deadline = time.monotonic() + timeout
        while not (value := ready()):
            if time.monotonic() > deadline:
                self.show(pod)
                pytest.fail(f"timed out after {timeout} s waiting for {what}")
            time.sleep(POLL)
        return value

    def wait_for_log(self, pod: str, text: str, timeout: float = 120) -> None:
        """Waits until `text` is in the log of a pod. Fails the test after `timeout` seconds."""
        self.wait(f'"{text}" in the log of {pod}', lambda: text in self.log(pod), pod, timeout)

    def wait_for_job(self, name: str, condition: str = "Complete", timeout: int = 180) -> None:
        """Waits until a Job has a condition. Fails the test after `timeout` seconds."""
        wait = ("wait", f"--for=condition={condition}", f"job/{name}", f"--timeout={timeout}s")
        self.kubectl(*wait, timeout=timeout + 10)

    def show(self, pod: str) -> None:
        """Prints the log and the description of a pod. pytest shows them if the test fails."""
        if pod:
            print(self.log(pod)[-6000:])
            print(self.kubectl("describe", "pod", pod, check=False).stdout[-3000:])

    def client(self, command: str, *, check: bool = True, timeout: float = 180) -> Result:
        """Runs a bash command in the pod `client`. With `check`, an exit code other than 0 fails the test."""
        done = self.kubectl("exec", "client", "--", "bash", "-c", command, check=False, timeout=timeout)
        print(done.stdout[-6000:])
        assert not check or done.exit_code == 0, done.stderr[-3000:]
        return done

    def fetch(self, url: str) -> str:
        """Fetches a URL in the pod `client`. Returns the page, or "" if nothing answers."""
        return self.kubectl("exec", "client", "--", "python3", "-c", FETCH, url, check=False).stdout

    def submit(self, name: str, job: str, conf: Mapping[str, str] | None = None, template: str = "pod-template") -> str:
        """Submits a job in cluster mode and returns the name of its driver pod."""
        driver = f"{name}-driver"
        given = {
            "spark.app.name": name,
            "spark.kubernetes.driver.pod.name": driver,
            "spark.kubernetes.submission.waitAppCompletion": "false",
            "spark.kubernetes.authenticate.driver.serviceAccountName": "spark",
            **self.conf(template),
            **(conf or {}),
        }
        self.client(f"{SUBMIT} --deploy-mode cluster {options(given)} {job}")
        return driver

    def conf(self, template: str = "pod-template") -> dict[str, str]:
        """Returns the configuration that every job of the tests needs. It makes small pods from the template."""
        return {
            "spark.kubernetes.namespace": self.namespace,
            "spark.kubernetes.container.image": self.image,
            "spark.kubernetes.container.image.pullPolicy": "IfNotPresent",
            "spark.kubernetes.driver.podTemplateFile": f"/mnt/jobs/{template}.json",
            "spark.kubernetes.executor.podTemplateFile": f"/mnt/jobs/{template}.json",
            "spark.kubernetes.driver.request.cores": "100m",
            "spark.kubernetes.executor.request.cores": "100m",
            "spark.driver.memory": "700m",
            "spark.executor.memory": "512m",
            "spark.executor.instances": "2",
            "spark.kubernetes.allocation.batch.delay": "200ms",
            "spark.driver.extraJavaOptions": QUICK_JAVA,
            "spark.executor.extraJavaOptions": QUICK_JAVA,
            **QUICK_SPARK,
            # The API server of a small cluster can be slow while pods start.
            "spark.kubernetes.submission.requestTimeout": "60000",
            "spark.kubernetes.submission.connectionTimeout": "60000",
            "spark.kubernetes.driver.requestTimeout": "60000",
            "spark.kubernetes.driver.connectionTimeout": "60000",
        }

    def ended(self, driver: str, phase: str = "Succeeded", timeout: float = 240) -> str:
        """Waits for the end of a driver and returns its log. Fails the test if it ends in another phase."""
        final = ("Succeeded", "Failed")
        reached = self.wait(
            f"the end of {driver}",
            lambda: next((p for p in [self.pod(driver).get("status", {}).get("phase")] if p in final), ""),
            driver,
            timeout,
        )
        if reached != phase:
            self.show(driver)
        assert reached == phase
        log = self.log(driver)
        print(log[-6000:])
        return log

    def executors(self, name: str, phase: str = "Running") -> list[str]:
        """Returns the names of an application's executor pods in this phase."""
        found = self.pods(f"spark-role=executor,spark-app-name={name}")
        return [pod["metadata"]["name"] for pod in found if pod["status"]["phase"] == phase]


def options(conf: Mapping[str, str]) -> str:
    """Returns a configuration as options of spark-submit, quoted for bash."""
    return " ".join(f"--conf {shlex.quote(f'{key}={value}')}" for key, value in conf.items())


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest, record_testsuite_property: Callable[[str, object], None]) -> str:
    reference = str(request.config.getoption("--image") or "")
    if not reference:
        pytest.fail("--image is missing: name the image (--image spark-k8s-spark-3.5.8), or run its Nox session")
    cluster_here.load(reference)
    record_testsuite_property("image", reference)
    if here := daemon.find(reference):
        record_testsuite_property("image-id", here.id)
    return reference


@pytest.fixture(scope="session")
def cell(image: str) -> Cell:
    """Returns the cell whose image has this name."""
    matrix = load_project().matrix
    return next(
        cell for cell in matrix.buildable if matrix.tag(cell.name).split(":")[0] == image.split(":", maxsplit=1)[0]
    )


def template(uid: int | None = None) -> Any:
    """Returns the pod template of the examples, with mounts of the test jobs and the shared volume.

    Its pods run under `uid` with group 0, or under the template's own user.
    """
    pod = cluster_here.as_json(EXAMPLES / "kubernetes/pod-template.yaml")
    container = pod["spec"]["containers"][0]
    container["volumeMounts"] += [
        {"name": "jobs", "mountPath": "/mnt/jobs"},
        {"name": "shared", "mountPath": SHARED},
    ]
    pod["spec"]["volumes"] += [
        {"name": "jobs", "configMap": {"name": "jobs"}},
        {"name": "shared", "persistentVolumeClaim": {"claimName": "shared"}},
    ]
    if uid is not None:
        pod["spec"]["securityContext"] |= {"runAsUser": uid, "runAsGroup": 0}
    return pod


@pytest.fixture(scope="session")
def api() -> Iterator[str]:
    """Yields the URL of the cluster's API server."""
    with cluster_here.proxy() as url:
        yield url


@pytest.fixture(scope="session")
def cluster(image: str, api: str) -> Iterator[Cluster]:
    name = f"spark-images-{uuid.uuid4().hex[:8]}"
    found = Cluster(name, image, api)
    # A pod over the level is refused. For a Deployment or Job with such a pod, the server only prints a warning.
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    found.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    try:
        found.kubectl("apply", "--filename", str(EXAMPLES / "kubernetes/rbac.yaml"))
        share(found)
        found.kubectl(
            *("create", "configmap", "spark-pod-template"),
            *("--from-file", str(EXAMPLES / "kubernetes/pod-template.yaml")),
        )
        jobs = {path.name: path.read_text() for path in (*sorted(JOBS.iterdir()), *OTHER_JOBS)}
        jobs |= {"pod-template.json": json.dumps(template()), "random-uid.json": json.dumps(template(RANDOM_UID))}
        found.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "jobs"}, "data": jobs})
        start(found, "client", "sleep", "infinity")
        found.kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=120s", timeout=130)
        yield found
    finally:
        found.kubectl("delete", "namespace", name, "--wait=false")
        found.kubectl("delete", "persistentvolume", f"--selector=namespace={name}", "--wait=false")


def start(
    cluster: Cluster, name: str, *arguments: str, environment: Mapping[str, str] | None = None, image: str = ""
) -> None:
    """Starts a pod from the template, with these arguments for the entrypoint of `image` or of the tested image."""
    pod = template()
    pod["metadata"] = {"name": name, "labels": {"app": name}}
    pod["spec"] |= {"serviceAccountName": "spark", "restartPolicy": "Never", "terminationGracePeriodSeconds": 5}
    pod["spec"]["containers"][0] |= {
        "image": image or cluster.image,
        "imagePullPolicy": "IfNotPresent",
        "args": list(arguments),
        "env": [
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            QUICK,
            *({"name": key, "value": value} for key, value in (environment or {}).items()),
        ],
    }
    cluster.apply(pod)


def expose(cluster: Cluster, name: str, *ports: int) -> None:
    """Creates a service for a pod, with the pod's name."""
    listed = [{"name": f"port-{port}", "port": port} for port in ports]
    spec = {"selector": {"app": name}, "ports": listed}
    cluster.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec})


@pytest.fixture(scope="session")
def definitions(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Installs the definitions of the operators' objects, and removes those that the cluster did not have before."""
    folder = tmp_path_factory.mktemp("crd")
    for file in DEFINITIONS.glob("*/*.yaml.gz"):
        (folder / f"{file.parent.name}-{file.stem}").write_bytes(gzip.decompress(file.read_bytes()))
    present = set(cluster.kubectl("get", "crd", "--output", "name").stdout.split())
    named = cluster.kubectl("create", "--dry-run=client", "--output", "name", "--filename", str(folder)).stdout.split()
    added = [name for name in named if name not in present]
    try:
        # `kubectl apply` would add a copy of the definition as an annotation, which is over the limit.
        cluster.kubectl("create", "--filename", str(folder), check=added == named)
        cluster.kubectl("wait", "--for=condition=Established", *named, "--timeout=60s")
        yield
    finally:
        if added:
            cluster.kubectl("delete", "--ignore-not-found", *added)


def share(cluster: Cluster) -> None:
    """Creates the volume claim `shared`: a world-writable folder of the node."""
    volume(cluster, "shared")
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "shared"},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "storageClassName": "",
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
    )
    # The folder belongs to root. A pod outside the restricted namespace makes it world-writable.
    name = cluster.namespace
    opener = Cluster("default", cluster.image, cluster.api)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{name}-opener"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [
                {
                    "name": "opener",
                    "image": cluster.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["bash", "-c", "mkdir -p /folder/events && chmod -R a+rwX /folder"],
                    "securityContext": {"runAsUser": 0},
                    "volumeMounts": [{"name": "folder", "mountPath": "/folder"}],
                }
            ],
            "volumes": [{"name": "folder", "hostPath": folder_of(cluster)}],
        },
    }
    opener.apply(pod)
    try:
        opener.ended(f"{name}-opener")
    finally:
        opener.kubectl("delete", "pod", f"{name}-opener", "--wait=false")


def folder_of(cluster: Cluster) -> dict[str, str]:
    """Returns the source of the volumes: a folder of the node."""
    return {"path": f"/var/tmp/{cluster.namespace}", "type": "DirectoryOrCreate"}


def volume(cluster: Cluster, claim: str) -> None:
    """Creates a volume for the claim with this name. All volumes of a namespace are the same folder of the node."""
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": f"{cluster.namespace}-{claim}", "labels": {"namespace": cluster.namespace}},
            "spec": {
                "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
                "storageClassName": "",
                "capacity": {"storage": "1Gi"},
                "claimRef": {"namespace": cluster.namespace, "name": claim},
                "persistentVolumeReclaimPolicy": "Retain",
                "hostPath": folder_of(cluster),
            },
        }
    )
