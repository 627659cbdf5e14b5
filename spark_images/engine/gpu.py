"""Checks whether containers on this machine can use a GPU. Nox and pytest share the answer."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from spark_images.engine import daemon
from spark_images.errors import SparkImagesError

DEVICES = ("/dev/nvidiactl", "/dev/dxg")
"""The control device of NVIDIA's driver, on Linux and on WSL."""

LIBRARIES = ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/lib/wsl/lib", "/usr/local/nvidia/lib64")
DRIVER = "libcuda.so.1"
RUNTIME = "nvidia"


def missing(root: Path, engine_info: Mapping[str, Any]) -> list[str]:
    """Returns a phrase for each part that a container needs to use a GPU and that this machine lacks.

    `root` is the machine's root folder. `engine_info` is the engine's info, with its runtimes and CDI devices.
    """
    found = []
    if not any((root / device.lstrip("/")).exists() for device in DEVICES):
        found.append(f"no CUDA device ({DEVICES[0]})")
    if not any(list(root.glob(f"{folder.lstrip('/')}/{DRIVER}")) for folder in LIBRARIES):
        found.append(f"no driver library ({DRIVER})")
    devices = [device.get("ID", "") for device in engine_info.get("DiscoveredDevices") or ()]
    by_cdi = any(name.startswith("nvidia.com/gpu") for name in devices)
    if RUNTIME not in (engine_info.get("Runtimes") or {}) and not by_cdi:
        found.append("the engine has no NVIDIA container runtime")
    return found


@cache
def reason_to_skip(root: Path = Path("/")) -> str:
    """Returns why tests that need a GPU are skipped on this machine, or "" if they can run."""
    try:
        with daemon.explained("the engine cannot be inspected"):
            info = daemon.client().info()
    except SparkImagesError as error:
        return str(error)
    return ", ".join(missing(root, info))
