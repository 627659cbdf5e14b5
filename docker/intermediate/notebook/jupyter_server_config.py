"""The notebook server in a container: a token always, one port, nothing that calls home."""

import warnings

from jupyter_server.utils import JupyterServerAuthWarning
from spark_notebook.render import SPARK_UI_PORTS

c = get_config()  # noqa: F821 - Jupyter reads this file with it

c.ServerApp.ip = "0.0.0.0"  # noqa: S104 - the container's; what reaches it is the engine's or the cluster's to say
c.ServerApp.open_browser = False
# The port that was published is this one: another would start and not be found.
c.ServerApp.port_retries = 0
# A page that does not say whether it asks for the token, asks for it. The server lists these; here that is no news.
c.ServerApp.allow_unauthenticated_access = False
warnings.simplefilter("ignore", JupyterServerAuthWarning)
c.ServerApp.identity_provider_class = "spark_notebook.server.TokenAlways"
# The kernel that is named for its Spark is the only one.
c.KernelSpecManager.ensure_native_kernel = False
c.MultiKernelManager.default_kernel_name = "pyspark"
# What the image holds is what its lock says.
c.LabApp.extension_manager = "readonly"
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
# No language server is installed: it would list those that it does not find.
c.LanguageServerManager.autodetect = False
# Kernels are talked to over sockets in the runtime directory: no port of theirs is open.
c.ConnectionFileMixin.transport = "ipc"
# The Spark UI of each session in the container: Spark takes the first free port of these. Under /proxy/<port> it would
# take that word in its own address for YARN's, and its pages for executors and stages would stay empty.
c.ServerProxy.servers = {
    f"spark-{port}": {"command": [], "port": port, "launcher_entry": {"enabled": False}} for port in SPARK_UI_PORTS
}
