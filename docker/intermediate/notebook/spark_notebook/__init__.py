"""What the notebook images add to a plain kernel: an IPython extension, loaded by the kernel's own command line.

It makes `SparkSession.builder.getOrCreate()` follow the container's environment, shows the progress of a cell's jobs,
leads to the Spark UI through the notebook server, and renders a DataFrame as a table.
"""

from typing import Any

from spark_notebook.rapids import gpu_plan, rapids

__all__ = ["gpu_plan", "load_ipython_extension", "rapids"]


def load_ipython_extension(shell: Any) -> None:
    """Sets up a kernel, before its first cell and before it has imported PySpark."""
    from spark_notebook import progress, render, session

    session.prepare()
    session.stop_before(shell.kernel)
    render.register(shell)
    progress.Progress(shell).register()
