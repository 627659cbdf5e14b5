"""Finds or builds buildkitd, the builder of the tests of `--builder`."""

import os
import shutil
from pathlib import Path

from spark_images.engine import gotool

MODULES = Path(__file__).with_name("buildkitd")
"""The folder whose go.mod and go.sum lock the version that the tests use."""

PACKAGE = "github.com/moby/buildkit/cmd/buildkitd"


def reason_to_skip() -> str:
    """Returns why buildkitd cannot run on this machine, or ""."""
    if os.geteuid():
        return "buildkitd needs root, because it mounts file systems"
    if not shutil.which("runc"):
        return "buildkitd needs runc, which is not on PATH"
    if not (_ready() or shutil.which("go")):
        return "no buildkitd on PATH, and no Go to build it with"
    return ""


def reason_to_skip_without_building() -> str:
    """Returns why buildkitd cannot run on this machine if nothing may be built, or ""."""
    return reason_to_skip() or (
        "" if _ready() else "buildkitd is not built: `nox -s remote` builds it once, in minutes"
    )


def find() -> Path:
    """Returns buildkitd from PATH, or builds it from locked Go modules.

    Raises SparkImagesError if Go cannot fetch or build the modules.
    """
    return _ready() or gotool.program(MODULES, PACKAGE)


def _ready() -> Path | None:
    """Returns buildkitd from PATH, or the one that was built before."""
    if found := shutil.which("buildkitd"):
        return Path(found)
    built = gotool.place(MODULES, PACKAGE)
    return built if built.exists() else None
