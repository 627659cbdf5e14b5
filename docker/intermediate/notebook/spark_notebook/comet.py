"""Comet in a notebook: the settings of a session with it."""

import os
from pathlib import Path

from spark_notebook.session import read_settings, running


def comet() -> dict[str, str]:
    """Returns the settings that turn Comet on, for `SparkSession.builder.config(map=comet()).getOrCreate()`.

    Raises RuntimeError if the image has no Comet, or if a session already runs.
    """
    settings = read_settings(Path(os.environ["SPARK_HOME"], "conf/comet.conf"))
    if not settings:
        raise RuntimeError(
            "this image has no Comet: use the image of the same Spark version whose name contains -comet"
        )
    if running() is not None:
        raise RuntimeError("a Spark session already runs, and Comet needs a new session: restart the kernel")
    return settings
