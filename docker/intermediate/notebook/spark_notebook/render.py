"""Renders the objects of Spark whose own display in a notebook is not enough."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SPARK_UI_PORTS = range(4040, 4057)
"""The ports that Spark tries, in order, for the UI of a session."""


def register(shell: Any) -> None:
    """Tells IPython how to render sessions, contexts, and DataFrames of Spark Connect."""
    html = shell.display_formatter.formatters["text/html"]
    html.for_type_by_name("pyspark.sql.session", "SparkSession", _session)
    for module in ("pyspark.context", "pyspark.core.context"):
        html.for_type_by_name(module, "SparkContext", _context)
    html.for_type_by_name("pyspark.sql.connect.dataframe", "DataFrame", _remote_table)


def ui_path(context: Any) -> str:
    """Returns the path of a context's Spark UI on the notebook server, or "" if it has none."""
    url = context.uiWebUrl
    port = urlsplit(url).port if url else None
    if not port:
        return ""
    place = f"spark-{port}" if port in SPARK_UI_PORTS else f"proxy/{port}"
    return f"{_base_url()}{place}/jobs/"


def ui_link(context: Any) -> str:
    """Returns an HTML link to a context's Spark UI, or "" if it has none."""
    path = ui_path(context)
    return f'<a href="{path}" target="_blank">Spark UI</a>' if path else ""


def _base_url() -> str:
    """Returns the path at which the notebook server's pages begin. The server writes it to a file."""
    folder, server = os.environ.get("JUPYTER_RUNTIME_DIR", ""), os.environ.get("JPY_PARENT_PID", "")
    file = Path(folder, f"jpserver-{server}.json")
    return str(json.loads(file.read_text())["base_url"]) if file.exists() else "/"


def _context(context: Any) -> str:
    return f"Spark {context.version} on <code>{context.master}</code> · {ui_link(context)}"


def _session(session: Any) -> str:
    return _context(session.sparkContext)


def _remote_table(table: Any) -> str | None:
    """Returns a table. The setting for it belongs to the session on the Spark Connect server, so it is set there."""
    table.sparkSession.conf.set("spark.sql.repl.eagerEval.enabled", "true")
    return table._repr_html_()
