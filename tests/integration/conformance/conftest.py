"""The ways to start a container: the user, and the entrypoint or a pod's own `command`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import HARDENED, RANDOM_UID, SPARK_UID, network

JOBS = Path(__file__).parent / "jobs"

EXECUTOR_POD: Mapping[str, str] = {
    "SPARK_DRIVER_URL": "spark://driver:7078",
    "SPARK_EXECUTOR_ID": "4",
    "SPARK_EXECUTOR_CORES": "2",
    "SPARK_EXECUTOR_MEMORY": "1g",
    "SPARK_APPLICATION_ID": "spark-1",
    "SPARK_EXECUTOR_POD_IP": "10.0.0.1",
}
"""The variables that Spark sets in each executor pod."""


@dataclass(frozen=True)
class Way:
    """One way to start a container. The root file system is read-only, and all capabilities are dropped."""

    user: str
    through_entrypoint: bool

    def options(self, **more: Any) -> dict[str, Any]:
        """Returns the options for `Image.run` and `Image.start`, with `more` added."""
        own: dict[str, Any] = {} if self.through_entrypoint else {"entrypoint": []}
        return {**HARDENED, "user": self.user, **own, **more}

    def server(self, mode: str) -> tuple[str, ...]:
        """Returns the command that starts a server: the mode, or Spark's own script, which operators call."""
        if self.through_entrypoint:
            return (mode.split("-", maxsplit=1)[0],)
        return ("bash", "-c", f"SPARK_NO_DAEMONIZE=true $SPARK_HOME/sbin/start-{mode}.sh")


@pytest.fixture(
    scope="module",
    params=[
        # The entrypoint is the same on all lines, so the second way is enough on the others.
        pytest.param(Way(SPARK_UID, through_entrypoint=True), id="uid 185, entrypoint", marks=pytest.mark.shared),
        pytest.param(Way(RANDOM_UID, through_entrypoint=False), id="random uid, command", marks=pytest.mark.random_uid),
    ],
)
def way(request: pytest.FixtureRequest) -> Way:
    found: Way = request.param
    return found


@pytest.fixture(name="network")
def network_of_the_test() -> Iterator[str]:
    """Yields the name of a network for the containers of one test."""
    with network() as name:
        yield name
