"""Where a session runs, and with which settings: translates the container's environment for PySpark."""

import functools
import logging
import os
import shlex
import socket
import sys
from pathlib import Path
from string import Template
from subprocess import TimeoutExpired
from typing import Any
from urllib.parse import urlsplit

SETTINGS = Path("/opt/notebook/settings")
"""Files of Spark settings for sessions in this container. `$NOTEBOOK_DIR` is the directory of the notebooks."""

IMAGE_DEFAULTS = Path("/opt/spark-conf/spark-defaults.conf")
"""The settings of the image. They also apply if another directory is mounted over the configuration."""

DEFAULTS = {
    "spark.sql.repl.eagerEval.enabled": "true",  # shows a DataFrame at the end of a cell as a table
    "spark.ui.showConsoleProgress": "false",  # the notebook shows progress itself
}
SHIM = "spark.rapids.shims-provider-override"
CONNECT_PORT = 15002
PATIENCE = 5
"""Seconds that a Spark Connect server has to accept a connection."""

GRACE = 3
"""Seconds that a JVM has to end by itself. The notebook server waits 5 s for its kernel."""


def prepare() -> None:
    """Makes PySpark's sessions follow SPARK_REMOTE, SPARK_MASTER and PYSPARK_SUBMIT_ARGS."""
    # PySpark 4 prints each error in SQL twice. The second one is a page of JSON.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    if remote := os.environ.get("SPARK_REMOTE"):
        _answer_first(remote)
    else:
        os.environ.pop("SPARK_REMOTE", None)  # PySpark takes an empty value for an address
        os.environ["PYSPARK_SUBMIT_ARGS"] = _submit_arguments()


def stop_before(kernel: Any) -> None:
    """Makes a kernel stop Spark before it ends. It would otherwise kill the JVM while the JVM removes its files."""
    shutdown = kernel.do_shutdown

    @functools.wraps(shutdown)
    def do_shutdown(restart: bool) -> Any:
        _stop()
        return shutdown(restart)

    kernel.do_shutdown = do_shutdown


def running() -> Any:
    """Returns the SparkContext that runs in this kernel, or None. Does not import PySpark."""
    pyspark: Any = sys.modules.get("pyspark")
    spark = getattr(pyspark, "SparkContext", None) and pyspark.SparkContext._active_spark_context
    return spark if spark is not None and getattr(spark, "_jsc", None) is not None else None


def _stop() -> None:
    spark = running()
    if spark is None:
        return
    process = spark._gateway.proc
    try:
        spark.stop()
        process.stdin.close()  # the JVM ends when its standard input is closed
        process.wait(GRACE)
    except (OSError, TimeoutExpired):
        logging.getLogger(__name__).warning("Spark did not stop within %s s: the kernel kills it", GRACE)


def read_settings(file: Path) -> dict[str, str]:
    """Returns the settings of a file in the format of spark-defaults.conf. Without the file, it returns no settings."""
    lines = file.read_text().splitlines() if file.exists() else []
    pairs = (line.split(maxsplit=1) for line in map(str.strip, lines) if line and not line.startswith("#"))
    return {pair[0]: pair[1] if len(pair) == 2 else "" for pair in pairs}


def _submit_arguments() -> str:
    given = os.environ.get("PYSPARK_SUBMIT_ARGS", "").removesuffix("pyspark-shell").strip()
    master = os.environ.get("SPARK_MASTER", "")
    name = Path(os.environ.get("JPY_SESSION_NAME", "notebook")).stem
    arguments = ["--master", master] if master else []
    settings = read_settings(IMAGE_DEFAULTS) | DEFAULTS | {"spark.app.name": name}
    if not master or master.startswith("local"):
        for file in sorted(SETTINGS.glob("*.conf")):
            settings |= _own_settings(file, given)
    # With this setting, gpu_plan finds the shim for a Spark version without its own. It has no effect if RAPIDS is off.
    rapids = read_settings(Path(os.environ["SPARK_HOME"], "conf/rapids.conf"))
    settings |= {key: value for key, value in rapids.items() if key == SHIM}
    chosen = _chosen()
    for key, value in settings.items():
        if key not in chosen:
            arguments += ["--conf", f"{key}={value}"]
    # The user's arguments come last, so that they override the others.
    return " ".join([shlex.join(arguments), given, "pyspark-shell"])


def _chosen() -> dict[str, str]:
    """Returns the settings of the configuration directory in use."""
    folder = os.environ.get("SPARK_CONF_DIR") or Path(os.environ["SPARK_HOME"], "conf")
    return read_settings(Path(folder, "spark-defaults.conf"))


def _own_settings(file: Path, given: str) -> dict[str, str]:
    """Returns all settings of a file, or none if the user sets one of them: a mix of two catalogues would not work."""
    settings, chosen = read_settings(file), _chosen()
    if any(key in chosen or f"{key}=" in given for key in settings):
        return {}
    return {key: Template(value).safe_substitute(os.environ) for key, value in settings.items()}


def _answer_first(remote: str) -> None:
    """Makes a session check first that the Spark Connect server answers. PySpark itself would retry for minutes."""
    from pyspark.sql import SparkSession

    create = SparkSession.Builder.getOrCreate

    @functools.wraps(create)
    def get_or_create(builder: SparkSession.Builder) -> SparkSession:
        _require_answer(remote)
        return create(builder)

    SparkSession.Builder.getOrCreate = get_or_create


def _require_answer(remote: str) -> None:
    """Raises ConnectionError if no server accepts a connection at the address in SPARK_REMOTE."""
    address = urlsplit(remote.partition(";")[0])
    if address.scheme != "sc" or not address.hostname:
        return  # PySpark says what is wrong
    try:
        socket.create_connection((address.hostname, address.port or CONNECT_PORT), PATIENCE).close()
    except OSError as error:
        raise ConnectionError(
            f"no Spark Connect server answers at {address.hostname}:{address.port or CONNECT_PORT} ({error}). "
            f"SPARK_REMOTE is {remote}: start that server, or start the container with another SPARK_REMOTE, or "
            "without it to run Spark in the container"
        ) from None
