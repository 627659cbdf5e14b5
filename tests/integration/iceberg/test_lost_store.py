"""An S3 server that is gone in the middle of a write. The job ends, and no table has a part of the new rows."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Image, options, result_in
from tests.integration.servers import KEYS, S3, address

JOB = Path(__file__).parent / "jobs/lost_store.py"
BEFORE = [[0, 1], [0, 1]]

FORWARD = """
import asyncio, os, sys

open_now = set()

async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()

async def forward(reader, writer):
    to_reader, to_writer = await asyncio.open_connection(sys.argv[1], 7070)
    open_now.add(writer.transport)
    await asyncio.gather(copy(reader, to_writer), copy(to_reader, writer))
    open_now.discard(writer.transport)

async def main():
    while True:
        server = await asyncio.start_server(forward, port=7070)
        print("FORWARDS", flush=True)
        while not os.path.exists("/tmp/gone"):
            await asyncio.sleep(0.1)
        server.close()
        for transport in list(open_now):
            transport.abort()
        print("IS GONE", flush=True)
        while os.path.exists("/tmp/gone"):
            await asyncio.sleep(0.1)

asyncio.run(main())
"""
"""A Python script that forwards connections to the S3 server of its argument. While the file /tmp/gone exists, it
refuses them, as if the server were killed. S3Proxy itself would lose its objects."""


@pytest.fixture(scope="module")
def found(image: Image, s3: S3) -> Any:
    """Returns what a job found that lost the S3 server while it appended to a Parquet and to an Iceberg table."""
    target = address(s3.service, s3.network)
    with image.start("python3", "-c", FORWARD, target, network=s3.network) as forward:
        forward.wait_for("FORWARDS")
        through = replace(s3, endpoint=f"http://{address(forward, s3.network)}:7070")
        lake = "spark.sql.catalog.lake"
        settings = {
            lake: "org.apache.iceberg.spark.SparkCatalog",
            f"{lake}.type": "hadoop",
            f"{lake}.warehouse": "s3a://data/lost/lake",
            f"{lake}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            f"{lake}.client.region": "us-east-1",
            f"{lake}.s3.endpoint": through.endpoint,
            f"{lake}.s3.path-style-access": "true",
            f"{lake}.s3.chunked-encoding-enabled": "false",
        }
        with image.volume({"lost_store.py": JOB}) as volume:
            command = (
                "spark-submit",
                "--master",
                "local[4]",
                *through.options,
                *options(settings),
                "/mnt/lost_store.py",
            )
            mounts = {volume: {"bind": "/mnt", "mode": "ro"}}
            with image.start(*command, environment=KEYS, network=s3.network, volumes=mounts) as job:
                job.wait_for("HALF IS WRITTEN", timeout=120)
                forward.run("touch", "/tmp/gone")
                forward.wait_for("IS GONE")
                job.run("touch", "/tmp/lost")
                job.wait_for("BOTH FAILED", timeout=180)
                forward.run("rm", "/tmp/gone")
                forward.wait_for("FORWARDS", times=2)
                job.run("touch", "/tmp/back")
                job.wait_for("RESULT")
                return result_in(job.log)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("table", ["parquet", "iceberg"])
def test_write_to_a_lost_server_ends_with_an_error_that_names_it(found: Any, table: str) -> None:
    assert "Connect" in found[table]
    assert ":7070" in found[table]


@pytest.mark.thorough
@pytest.mark.slow
def test_tables_have_no_part_of_a_write_that_failed(found: Any) -> None:
    assert found["before"] == BEFORE
    assert found["after"] == BEFORE
    assert found["snapshots"] == 1
