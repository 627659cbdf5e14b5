"""Bootstraps a Debian root file system from packages, so that images need no registry."""

import hashlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from spark_images import BUILD, ROOT
from spark_images.engine.host import Apt
from spark_images.errors import SparkImagesError
from spark_images.plan.graph import LAYER_EPOCH

RECIPE = ROOT / "docker/base/rootfs"
PACKAGES = ("usr-is-merged",)
"""Packages in addition to the essential ones and apt. usr-is-merged replaces usrmerge, which needs 45 MB of Perl."""

LEFT_OUT = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    "path-include=/usr/share/doc/apt/examples/sources.list",
    "path-include=/usr/share/doc/apt/examples/debian.sources",
    "path-exclude=/usr/share/zoneinfo/right/*",
)
"""Files that dpkg does not unpack. Licences stay. finish.sh needs the package sources. The folder right repeats all
time zones for clocks that count leap seconds. From Debian 13 on it is a separate package.
"""


def folder(suite: str) -> Path:
    """Returns the folder of the root file system of this Debian suite. Its name contains a hash of the inputs."""
    made_from = [suite, LAYER_EPOCH, *PACKAGES, *LEFT_OUT, *(f.read_text() for f in sorted(RECIPE.iterdir()))]
    key = hashlib.sha256("\0".join(made_from).encode()).hexdigest()[:16]
    return BUILD / "rootfs" / f"{suite}-{key}"


def relative_folder(suite: str) -> str:
    """Returns `folder` relative to the root of the repository, where buildx runs."""
    return str(folder(suite).relative_to(ROOT))


def is_made(suite: str) -> bool:
    """Returns whether the root file system of this Debian suite exists and is up to date."""
    return (folder(suite) / "rootfs.tar").exists()


def bootstrap(suite: str, apt: Apt) -> None:
    """Makes the root file system of a Debian suite.

    Needs mmdebstrap, and root or user namespaces. Takes 10 to 20 s. The same packages give the same bytes. Raises
    SparkImagesError if mmdebstrap is missing or fails. The output of mmdebstrap goes to a log.
    """
    target = folder(suite)
    if not shutil.which("mmdebstrap"):
        raise SparkImagesError(
            "mmdebstrap is missing: run ./bootstrap, install it (Debian and Ubuntu have it), or name an image to build "
            f'on: os-image in images.toml, or SPARK_IMAGES_OS_IMAGE="{suite}=debian:{suite}-slim@sha256:…"'
        )
    target.mkdir(parents=True, exist_ok=True)
    # The folder is an input of the build. Its content, and so the key of the build, must not depend on the log.
    partial, log = target / "rootfs.partial.tar", target.with_suffix(".log")
    command = ["mmdebstrap", "--variant=minbase", "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"]
    command += [f"--include={','.join(PACKAGES)}", f"--customize-hook={RECIPE / 'finish.sh'}"]
    command += [f"--dpkgopt={option}" for option in LEFT_OUT]
    command += [f"--aptopt={option}" for option in apt.options]
    sources = apt.sources(suite)
    # Without a source list, mmdebstrap uses Debian's own mirror.
    command += [suite, str(partial), *(["-"] if sources else [])]
    print(f"bootstrapping Debian {suite} (once, 10 to 20 s)")
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, "SOURCE_DATE_EPOCH": LAYER_EPOCH},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            # If the disk is full, mmdebstrap sends SIGHUP to its process group. This process must not get it.
            process_group=0,
        )
        try:
            process.communicate("\n".join(sources).encode())
        except KeyboardInterrupt:
            # Ctrl-C reaches only the process group of this process, and mmdebstrap must remove its folder.
            os.killpg(process.pid, signal.SIGINT)
            process.wait()
            raise
    if process.returncode:
        lines = log.read_text(errors="replace").splitlines()
        raise SparkImagesError(
            "mmdebstrap failed:\n  " + "\n  ".join(lines[-8:]) + f"\nfull log: {log.relative_to(ROOT)}"
        )
    shutil.copy(RECIPE / "Dockerfile", target)
    partial.rename(target / "rootfs.tar")
