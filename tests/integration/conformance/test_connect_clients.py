"""Other containers use the Spark Connect server: clients of the same Spark version, and older ones."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from packaging.version import Version

from spark_images.engine import build, daemon
from spark_images.matrix.model import Cell
from spark_images.plan.project import Project
from tests.integration.conformance.conftest import JOBS
from tests.integration.conftest import HARDENED, Image, local_image

STEPS = JOBS / "connect_steps.py"
CLIENTS = "connect-clients"
"""The layer with pyspark-client. It has one folder for each version."""


@dataclass(frozen=True)
class Client:
    """A client in a container of `image`. `options` go to `Image.run`."""

    name: str
    version: str
    image: Image
    options: dict[str, Any] = field(default_factory=dict)

    def use(self, network: str) -> Any:
        """Runs the steps on the server of a network. Returns the client's version and the result of each step."""
        command = ("python3", "/steps.py", f"sc://{server_of(network)}:15002", f"/tmp/{self.name}")
        return self.image.run(*command, files={"/steps.py": STEPS}, network=network, **self.options).json()


def server_of(network: str) -> str:
    return f"{network}-connect"


def expected(client: Client, server: str) -> dict[str, Any]:
    # The client of Spark 3.5 does not read the SQLSTATE of an error.
    sqlstate = "42P01" if Version(client.version) >= Version("4") else None
    steps = {
        "version": server,
        "dataframe": 4950,
        "rows_of_the_client": [["Bob", 52], ["Cyd", 41]],
        "sql": 7,
        "python_udf": [0, 2, 4],
        "pandas_udf": [1, 2, 3],
        "pandas_round_trip": True,
        "join_and_group": {"blue": 1, "red": 2},
        "parquet": 2,
        "view_and_catalog": [["people"], 3],
        "explain": True,
        "error": [sqlstate, True],
        "stream": True,
    }
    return {"client": client.version, "steps": steps}


@pytest.mark.thorough
@pytest.mark.slow
def test_clients_that_are_not_newer_use_the_server(image: Image, cell: Cell, project: Project, network: str) -> None:
    oldest = of_the_oldest_spark(cell, project)
    of_oldest = image_of(oldest, project)
    # The data is small: 200 partitions, the default, would take most of the time.
    command = ("connect", "--conf", "spark.sql.shuffle.partitions=2")
    with (
        packaged(image, cell, project) as pip_clients,
        image.start(*command, name=server_of(network), network=network, **HARDENED) as service,
        ThreadPoolExecutor(2) as pool,
    ):
        clients = [Client("same", cell.spark, image), Client("oldest", oldest.spark, of_oldest), *pip_clients]
        service.wait_for("Spark Connect server started at")
        results = pool.map(lambda client: client.use(network), clients)
        found = {client.name: result for client, result in zip(clients, results, strict=True)}
    assert found == {client.name: expected(client, cell.spark) for client in clients}


def of_the_oldest_spark(cell: Cell, project: Project) -> Cell:
    """Returns the cell with the oldest Spark whose Python is that of `cell`. A Python UDF needs the same Python."""
    cells = [
        each
        for each in project.matrix.buildable
        if (each.image, each.variant, each.values["python"]) == (cell.image, cell.variant, cell.values["python"])
    ]
    return min(cells, key=lambda each: Version(each.spark))


def image_of(cell: Cell, project: Project) -> Image:
    """Returns the image of another cell. Builds it if the engine does not have it."""
    reference = project.matrix.tag(cell.name)
    if not daemon.find(reference):
        build.layer(project, cell.image, cell)
    return local_image(reference)


@contextmanager
def packaged(image: Image, cell: Cell, project: Project) -> Iterator[list[Client]]:
    """Yields a client for each pyspark-client in images.toml. It uses the image's Python, and none of its Spark."""
    versions = [artefact.coordinate.partition("==")[2] for artefact in project.matrix.artefacts(CLIENTS, cell)]
    if not versions:
        yield []
        return
    layer = build.layer(project, CLIENTS, cell)
    volume = image.client.volumes.create()
    try:
        # The engine copies the layer's files to an empty volume when it creates the container.
        mounts = {volume.name: {"bind": f"/opt/{CLIENTS}", "mode": "rw"}}
        image.client.containers.create(layer, ["none"], volumes=mounts).remove()
        yield [
            Client(
                f"pyspark-client-{version}",
                version,
                image,
                {
                    "entrypoint": [],
                    "environment": {"PYTHONPATH": f"/opt/{CLIENTS}/{version}"},
                    "tmpfs": {"/opt/spark": ""},
                    "volumes": {volume.name: {"bind": f"/opt/{CLIENTS}", "mode": "ro"}},
                    "working_dir": "/",
                },
            )
            for version in versions
        ]
    finally:
        volume.remove(force=True)
