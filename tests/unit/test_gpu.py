"""Is there a GPU? Device, driver library and runtime are asked for one by one."""

from pathlib import Path
from typing import Any

import pytest

from spark_images.checks import suites
from spark_images.engine import gpu
from spark_images.matrix.model import Cell
from spark_images.matrix.selection import cell_of
from spark_images.plan.project import Project

WITH_RUNTIME: dict[str, Any] = {"Runtimes": {"runc": {}, "nvidia": {}}}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The root of a machine with a device and its driver."""
    for file in ("dev/nvidiactl", "usr/lib/x86_64-linux-gnu/libcuda.so.1"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    return tmp_path


def test_a_machine_with_all_of_it(machine: Path) -> None:
    assert gpu.missing(machine, WITH_RUNTIME) == []


def test_a_machine_with_cdi_instead_of_the_runtime(machine: Path) -> None:
    assert gpu.missing(machine, {"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]}) == []


@pytest.mark.parametrize(
    ("file", "reason"),
    [("dev/nvidiactl", "no CUDA device"), ("usr/lib/x86_64-linux-gnu/libcuda.so.1", "no driver library")],
)
def test_a_machine_without_a_part(machine: Path, file: str, reason: str) -> None:
    (machine / file).unlink()
    assert [found.partition(" (")[0] for found in gpu.missing(machine, WITH_RUNTIME)] == [reason]


def test_a_machine_without_the_runtime(machine: Path) -> None:
    assert gpu.missing(machine, {"Runtimes": {"runc": {}}}) == ["the engine has no NVIDIA container runtime"]


def test_an_empty_machine_lacks_everything(tmp_path: Path) -> None:
    assert len(gpu.missing(tmp_path, {})) == 3


@pytest.fixture
def cell(small: Project) -> Cell:
    return cell_of(small.matrix, "9.0-gpu")


def test_without_a_gpu_the_session_names_the_one_to_run(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "reason_to_skip", lambda: "no CUDA device")
    assert suites.reason_to_skip(cell, smoke=False) == "no CUDA device; run smoke-9.0-gpu for all that needs no GPU"
    assert suites.reason_to_skip(cell, smoke=True) == ""
    assert "no CUDA device" in suites.describe(cell, smoke=False)
    assert "1 without their GPU tests (no CUDA device): 9.0-gpu" in suites.summary([cell])


def test_with_a_gpu_nothing_is_skipped(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "reason_to_skip", lambda: "")
    assert suites.reason_to_skip(cell, smoke=False) == ""
    assert suites.summary([cell]) == "1 cells, none skipped"


def test_the_default_run_is_what_this_cell_can_pass_anywhere(small: Project, cell: Cell) -> None:
    baseline = cell_of(small.matrix, "9.0-baseline")
    assert [suites.is_quick(each, small.matrix.buildable) for each in (cell, baseline)] == [True, False]
