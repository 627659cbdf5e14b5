"""Runs run.cluster on a fake engine that records the requests."""

import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from docker.errors import APIError, NotFound

from spark_images.engine import daemon
from spark_images.errors import SparkImagesError
from spark_images.plan.project import Project
from spark_images.running import run

MACHINES = ("master", "worker-1", "worker-2")


class Container:
    def __init__(self, engine: "Engine", hostname: str) -> None:
        self.engine, self.hostname = engine, hostname

    def start(self) -> None:
        self.engine.does("start", self.hostname)

    def remove(self, **how: Any) -> None:
        self.engine.does("remove", self.hostname)
        assert how == {"force": True, "v": True}


class Engine:
    """Replaces the SDK's client. `log` contains the steps that succeeded, `faults` the steps that fail."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.faults: dict[tuple[str, str], Exception] = {}
        self.published: dict[str, Mapping[str, Any]] = {}
        self.containers = SimpleNamespace(create=self._container)
        self.networks = SimpleNamespace(create=self._network)
        self.api = SimpleNamespace(create_endpoint_config=lambda **_: None)

    def does(self, *step: str) -> None:
        what, whom = step
        if error := self.faults.get((what, whom)):
            raise error
        self.log.append((what, whom))

    def _container(self, _: str, __: list[str], *, hostname: str, ports: Mapping[str, Any], **___: Any) -> Container:
        self.does("create", hostname)
        self.published[hostname] = ports
        return Container(self, hostname)

    def _network(self, _: str) -> Any:
        self.does("create", "network")
        return SimpleNamespace(remove=lambda: self.does("remove", "network"))

    @property
    def left(self) -> set[str]:
        """Returns the containers and networks that were created but not removed."""
        created, removed = ({whom for what, whom in self.log if what == step} for step in ("create", "remove"))
        return created - removed


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    engine = Engine()
    monkeypatch.setattr(daemon, "client", lambda: engine)
    monkeypatch.setattr(daemon, "find", lambda _: "held")
    monkeypatch.setattr(run, "check_port", lambda _: None)
    return engine


@pytest.fixture
def start(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Returns a function that starts a cluster with two workers and interrupts it when it runs."""

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    return lambda: run.cluster(project, run.chosen(project, "", ""), 2)


def test_a_cluster_is_open_to_this_machine_only(engine: Engine, start: Callable[[], None]) -> None:
    start()
    assert engine.published == {
        "master": {"7077/tcp": ("127.0.0.1", 7077), "8080/tcp": ("127.0.0.1", 8080)},
        "worker-1": {"8081/tcp": ("127.0.0.1", 8081)},
        "worker-2": {"8082/tcp": ("127.0.0.1", 8082)},
    }


def test_a_cluster_removes_its_containers_and_network(engine: Engine, start: Callable[[], None]) -> None:
    start()
    assert [whom for what, whom in engine.log if what == "start"] == list(MACHINES)
    assert engine.left == set()


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize(("step", "said"), [("create", "cannot be created"), ("start", "did not start")])
def test_an_error_names_its_container(
    engine: Engine, start: Callable[[], None], machine: str, step: str, said: str
) -> None:
    engine.faults[step, machine] = APIError("409", explanation="port 8081 is allocated")
    with pytest.raises(SparkImagesError) as raised:
        start()
    assert str(raised.value) == f"{machine} {said}: port 8081 is allocated"
    assert engine.left == set()


@pytest.mark.parametrize(
    ("step", "part"),
    [
        *((step, machine) for machine in MACHINES for step in ("create", "start", "remove")),
        ("create", "network"),
        ("remove", "network"),
    ],
)
def test_an_engine_that_dies_is_one_error(engine: Engine, start: Callable[[], None], step: str, part: str) -> None:
    engine.faults[step, part] = requests.ConnectionError("refused")
    with pytest.raises(
        SparkImagesError, match=r"^[^\n]* the container engine no longer answers \(refused\): run ./boot"
    ):
        start()


def test_a_container_that_cannot_be_removed_is_an_error(engine: Engine, start: Callable[[], None]) -> None:
    engine.faults["remove", "worker-1"] = APIError("500", explanation="device busy")
    with pytest.raises(SparkImagesError, match=r"^worker-1 cannot be removed: device busy$"):
        start()
    assert engine.left == {"worker-1"}


def test_a_network_that_cannot_be_created_is_an_error(engine: Engine, start: Callable[[], None]) -> None:
    engine.faults["create", "network"] = APIError("403", explanation="no address is left")
    with pytest.raises(
        SparkImagesError, match=r"^the network spark-cluster-\d+ cannot be created: no address is left$"
    ):
        start()


def test_a_container_that_the_user_removed_is_not_an_error(engine: Engine, start: Callable[[], None]) -> None:
    engine.faults["remove", "worker-1"] = NotFound("404", explanation="no such container")
    start()
    assert engine.left == {"worker-1"}


def test_a_job_that_still_runs_in_the_network_is_an_error_with_advice(
    engine: Engine, start: Callable[[], None]
) -> None:
    engine.faults["remove", "network"] = APIError("403", explanation="network has active endpoints")
    with pytest.raises(SparkImagesError) as raised:
        start()
    assert "cannot be removed: network has active endpoints: stop the jobs in it, then run docker network rm" in str(
        raised.value
    )
    assert engine.left == {"network"}
