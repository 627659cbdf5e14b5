"""Settings of the notebook server in a container: always a token, one port, no calls to other servers."""

import warnings

from jupyter_server.utils import JupyterServerAuthWarning
from spark_notebook.render import SPARK_UI_PORTS

c = get_config()  # noqa: F821 - Jupyter reads this file with it

c.ServerApp.ip = "0.0.0.0"  # noqa: S104 - the engine or the cluster decides who reaches the container
c.ServerApp.open_browser = False
# Only this port is published, so a server on another port could not be found.
c.ServerApp.port_retries = 0
# Pages that do not say whether they need the token, need it. The server warns about these pages, but they are expected.
c.ServerApp.allow_unauthenticated_access = False
warnings.simplefilter("ignore", JupyterServerAuthWarning)
c.ServerApp.identity_provider_class = "spark_notebook.server.TokenAlways"
# The only kernel is the one that is named after its Spark version.
c.KernelSpecManager.ensure_native_kernel = False
c.MultiKernelManager.default_kernel_name = "pyspark"
# Only the lock decides which extensions the image contains.
c.LabApp.extension_manager = "readonly"
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
# No language server is installed, and the server would list those that it does not find.
c.LanguageServerManager.autodetect = False
# The server talks to kernels over sockets in the runtime directory, so kernels open no port.
c.ConnectionFileMixin.transport = "ipc"
# The Spark UI of each session in the container: Spark uses the first of these ports that is free. At /proxy/<port>, the
# Spark UI would take "proxy" in its address for YARN's, and its pages for executors and stages would stay empty.
c.ServerProxy.servers = {
    f"spark-{port}": {"command": [], "port": port, "launcher_entry": {"enabled": False}} for port in SPARK_UI_PORTS
}
