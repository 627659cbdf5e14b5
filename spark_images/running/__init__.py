"""Running an image on this machine: shells, jobs, servers, a cluster, a notebook.

The tasks run.* call this room.
"""
