"""The Spark image factory: turns images.toml and the Dockerfiles into a build plan, which BuildKit runs."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The root of the repository, which contains images.toml, docker/ and requirements.lock."""

BUILD = ROOT / ".build"
"""The folder for files that the project writes: plans, logs, bootstrapped root file systems."""
