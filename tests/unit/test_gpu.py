"""The check for a GPU looks for the device, the driver library and the runtime separately."""

from pathlib import Path
from typing import Any

import pytest

from spark_images.engine import gpu

WITH_RUNTIME: dict[str, Any] = {"Runtimes": {"runc": {}, "nvidia": {}}}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The root folder of a machine with a device and its driver library."""
    for file in ("dev/nvidiactl", "usr/lib/x86_64-linux-gnu/libcuda.so.1"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    return tmp_path


def test_a_machine_with_device_driver_and_runtime_lacks_nothing(machine: Path) -> None:
    assert gpu.missing(machine, WITH_RUNTIME) == []


def test_a_cdi_device_replaces_the_runtime(machine: Path) -> None:
    assert gpu.missing(machine, {"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}) == []


@pytest.mark.parametrize(
    ("file", "reason"),
    [("dev/nvidiactl", "no CUDA device"), ("usr/lib/x86_64-linux-gnu/libcuda.so.1", "no driver library")],
)
def test_a_missing_device_or_driver_is_named(machine: Path, file: str, reason: str) -> None:
    (machine / file).unlink()
    assert [found.partition(" (")[0] for found in gpu.missing(machine, WITH_RUNTIME)] == [reason]


def test_a_missing_runtime_is_named(machine: Path) -> None:
    assert gpu.missing(machine, {"Runtimes": {"runc": {}}}) == ["the engine has no NVIDIA container runtime"]


def test_a_machine_without_a_gpu_lacks_all_three(tmp_path: Path) -> None:
    assert len(gpu.missing(tmp_path, {})) == 3
