"""The IPython extension of the Jupyter images. The kernel's command line loads it.

It makes `SparkSession.builder.getOrCreate()` follow the container's environment, shows the progress of a cell's jobs,
links to the Spark UI through the notebook server, and shows a DataFrame as a table.
"""

from typing import Any

from spark_notebook.comet import comet
from spark_notebook.rapids import gpu_plan, rapids

__all__ = ["comet", "gpu_plan", "load_ipython_extension", "rapids"]


def load_ipython_extension(shell: Any) -> None:
    """Sets up a kernel. Call it before the first cell, and before PySpark is imported."""
    from spark_notebook import progress, render, session

    session.prepare()
    session.stop_before(shell.kernel)
    render.register(shell)
    progress.Progress(shell).register()
