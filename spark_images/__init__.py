"""The Spark image project: a matrix (images.toml) and Dockerfiles become a build plan, BuildKit runs it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The root of the repository: images.toml, docker/ and the lock files stand here."""

BUILD = ROOT / ".build"
"""What the project writes for itself: plans, logs, bootstrapped root file systems."""
