"""own_ca.py URL [HOST:PORT]: asks an HTTPS server, and a gRPC server if it is given, with each client of a job.

The result has the page or the error of each client by name.
"""

import json
import sys
import urllib.request
from pathlib import Path

import grpc
from pyspark import SparkContext, SparkFiles

url, *addresses = sys.argv[1:]
context = SparkContext.getOrCreate()


def of_python(url):
    try:
        return urllib.request.urlopen(url, timeout=10).read().decode()  # noqa: S310
    except OSError as error:
        return repr(error)


def of_requests(url):
    try:
        import requests  # noqa: PLC0415
    except ImportError:
        return "requests is not installed"
    try:
        return requests.get(url, timeout=10).text
    except OSError as error:
        return repr(error)


def of_jvm(url):
    try:
        stream = context._jvm.java.net.URL(url).openStream()
        return context._jvm.org.apache.commons.io.IOUtils.toString(stream, "UTF-8")
    except Exception as error:
        return str(error)


def of_executor_jvm(url):
    """The JVM of each executor fetches the file before the first task that follows."""
    try:
        context.addFile(url)
        return context.parallelize([0], 1).map(lambda _: Path(SparkFiles.get("page")).read_text()).first()
    except Exception as error:
        return str(error)


def of_grpc(address):
    channel = grpc.secure_channel(address, grpc.ssl_channel_credentials())
    try:
        grpc.channel_ready_future(channel).result(timeout=15)
        return "connected"
    except grpc.FutureTimeoutError as error:
        return repr(error)
    finally:
        channel.close()


found = {
    "driver's Python": of_python(url),
    "driver's requests": of_requests(url),
    "driver's JVM": of_jvm(url),
    "executor's Python": context.parallelize([url], 1).map(of_python).first(),
    "executor's JVM": of_executor_jvm(url),
}
if addresses:
    found["gRPC"] = of_grpc(*addresses)
print("RESULT", json.dumps(found))
