"""The notebook server in a container: a token always, one port, nothing that calls home."""

c = get_config()  # noqa: F821 - Jupyter reads this file with it

c.ServerApp.ip = "0.0.0.0"  # noqa: S104 - the container's; what reaches it is the engine's or the cluster's to say
c.ServerApp.open_browser = False
# The port that was published is this one: another would start and not be found.
c.ServerApp.port_retries = 0
# A page that does not say whether it asks for the token, asks for it.
c.ServerApp.allow_unauthenticated_access = False
c.ServerApp.identity_provider_class = "spark_notebook.server.TokenAlways"
# The kernel that is named for its Spark is the only one.
c.KernelSpecManager.ensure_native_kernel = False
c.MultiKernelManager.default_kernel_name = "pyspark"
# What the image holds is what its lock says.
c.LabApp.extension_manager = "readonly"
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
