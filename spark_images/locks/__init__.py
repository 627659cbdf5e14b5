"""Keeping the locks up to date with images.toml and the requirements.

Only this room writes a lock file.
"""
