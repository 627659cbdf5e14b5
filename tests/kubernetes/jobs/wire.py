"""wire.py HOST PORT [JAVA_OPTION...]: starts an executor that connects to a driver, and records the connection.

The executor connects through a relay in this program. The result says whether the driver accepted it. It has the number
of recorded bytes, and says whether the first message of an executor was among them in plain text.
"""

import asyncio
import json
import os
import sys

MESSAGE = b"RetrieveSparkAppConfig"
ACCEPTED = "Successfully registered with driver"
RELAY = 17078
TIMEOUT_S = 60

host, port, *options = sys.argv[1:]
recorded = bytearray()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        recorded.extend(data)
        writer.write(data)
        await writer.drain()
    writer.close()


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    to_reader, to_writer = await asyncio.open_connection(host, int(port))
    await asyncio.gather(copy(reader, to_writer), copy(to_reader, writer), return_exceptions=True)


async def run_executor() -> bool:
    """Runs an executor until the driver accepts it or it ends. Prints its log. Returns whether it was accepted."""
    environment = {
        "SPARK_DRIVER_URL": f"spark://CoarseGrainedScheduler@127.0.0.1:{RELAY}",
        "SPARK_EXECUTOR_ID": "99",
        "SPARK_EXECUTOR_CORES": "1",
        "SPARK_EXECUTOR_MEMORY": "500m",
        "SPARK_APPLICATION_ID": "recorded",
        "SPARK_EXECUTOR_POD_IP": os.environ["POD_IP"],
        **{f"SPARK_JAVA_OPT_{number}": option for number, option in enumerate(options)},
    }
    executor = await asyncio.create_subprocess_exec(
        *("/opt/entrypoint.sh", "executor"),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert executor.stdout
    try:
        async with asyncio.timeout(TIMEOUT_S):
            while line := (await executor.stdout.readline()).decode():
                if not line.startswith("\tat "):
                    print(line, end="")
                if ACCEPTED in line:
                    return True
        return False
    finally:
        if executor.returncode is None:
            executor.terminate()  # not kill: tini must pass the signal to the JVM
        await executor.wait()


async def main() -> None:
    async with await asyncio.start_server(relay, "127.0.0.1", RELAY):
        accepted = await run_executor()
    found = {"accepted": accepted, "bytes": len(recorded), "in_plain_text": MESSAGE in recorded}
    print("RESULT " + json.dumps(found))


asyncio.run(main())
