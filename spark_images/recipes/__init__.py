"""Reads the Dockerfiles and locks under docker/.

This subpackage builds nothing.
"""
