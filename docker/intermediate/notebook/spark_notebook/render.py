"""How Spark's objects look in a notebook, where they would not do by themselves."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SPARK_UI_PORTS = range(4040, 4057)
"""The ports that Spark tries for the UI of a session, one after the other."""


def register(shell: Any) -> None:
    """Tells IPython how to render sessions, contexts, and DataFrames of Spark Connect."""
    html = shell.display_formatter.formatters["text/html"]
    html.for_type_by_name("pyspark.sql.session", "SparkSession", _session)
    for module in ("pyspark.context", "pyspark.core.context"):
        html.for_type_by_name(module, "SparkContext", _context)
    html.for_type_by_name("pyspark.sql.connect.dataframe", "DataFrame", _remote_table)


def ui_path(context: Any) -> str:
    """Returns the path of a context's Spark UI on the notebook server, or "" where it has none."""
    url = context.uiWebUrl
    port = urlsplit(url).port if url else None
    if not port:
        return ""
    place = f"spark-{port}" if port in SPARK_UI_PORTS else f"proxy/{port}"
    return f"{_base_url()}{place}/jobs/"


def ui_link(context: Any) -> str:
    """Returns a link to a context's Spark UI, or "" where it has none."""
    path = ui_path(context)
    return f'<a href="{path}" target="_blank">Spark UI</a>' if path else ""


def _base_url() -> str:
    """Where the notebook server's own pages begin: it says so in a file."""
    folder, server = os.environ.get("JUPYTER_RUNTIME_DIR", ""), os.environ.get("JPY_PARENT_PID", "")
    file = Path(folder, f"jpserver-{server}.json")
    return str(json.loads(file.read_text())["base_url"]) if file.exists() else "/"


def _context(context: Any) -> str:
    return f"Spark {context.version} on <code>{context.master}</code> · {ui_link(context)}"


def _session(session: Any) -> str:
    return _context(session.sparkContext)


def _remote_table(table: Any) -> str | None:
    """The setting that makes a DataFrame a table belongs to the session, which is on the server."""
    table.sparkSession.conf.set("spark.sql.repl.eagerEval.enabled", "true")
    return table._repr_html_()
