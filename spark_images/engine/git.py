"""Asks Git about the repository."""

import shutil
import subprocess

from spark_images import ROOT

DIRTY = "-dirty"
"""The end of a revision if the working tree differs from it."""


def ask(*arguments: str) -> str:
    """Returns what a Git command prints in the repository, or "" if it fails or Git is missing."""
    if not shutil.which("git"):
        return ""
    command = ("git", "-C", str(ROOT), *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
