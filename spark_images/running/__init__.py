"""Runs an image on this machine: a shell, a job, a server, a cluster or a notebook.

The tasks run.* call this room.
"""
