"""cuDF, CuPy and Numba: versions, linked libraries, and the error if there is no device."""

import json

import pytest

from spark_images.matrix.model import Cell
from spark_images.plan.project import Project
from spark_images.recipes.locks import lock_name, package_versions
from tests.integration.conftest import Image

DRIVER_ONLY = {"libcuda.so.1", "libnvidia-ml.so.1"}
"""Libraries that the node's driver adds to a container."""


@pytest.mark.smoke
def test_packages_have_the_locked_versions(image: Image, cell: Cell, project: Project) -> None:
    locked = dict(
        package_versions(project.recipes.by_name["python-deps-gpu"].folder / lock_name(cell.values["python"]))
    )
    script = """
import json
from importlib.metadata import version
import cudf, cupy, numba
import cudf.pandas
names = ("cudf-cu12", "cupy-cuda12x", "numba", "pandas")
print("RESULT " + json.dumps({name: version(name) for name in names}))
"""
    found = image.run("python", "-c", script).json()
    assert {name: found[name] for name in ("cudf-cu12", "cupy-cuda12x", "numba")} == {
        name: locked[name] for name in ("cudf-cu12", "cupy-cuda12x", "numba")
    }
    assert found["pandas"].startswith("2.")


@pytest.mark.smoke
def test_first_use_without_a_device_names_cuda(image: Image) -> None:
    result = image.run("python", "-c", "import cudf; print(cudf.Series([1, 2]).sum())")
    assert result.exit_code != 0
    assert "CUDA" in result.stderr.splitlines()[-1]


@pytest.mark.smoke
def test_every_library_except_the_driver_is_found(image: Image) -> None:
    script = """
import glob, json, subprocess
root = "/usr/local/lib/python3.11/dist-packages/"
packages = ("cuda", "cudf", "cupy", "libcudf", "libkvikio", "librmm", "llvmlite", "numba_cuda", "nvidia", "pylibcudf")
libraries = [path for name in packages for path in glob.glob(root + name + "/**/*.so*", recursive=True)]
libraries += glob.glob("/usr/local/cuda/lib64/*.so*")
missing = {}
for library in libraries:
    for line in subprocess.run(["ldd", library], capture_output=True, text=True).stdout.splitlines():
        if "not found" in line:
            missing.setdefault(line.split()[0], []).append(library.removeprefix(root))
print("RESULT " + json.dumps({"libraries": len(libraries), "missing": missing}))
"""
    found = image.run("python", "-c", script).json()
    assert found["libraries"] > 50
    # ldd cannot find the libraries of a wheel that a package loads by path before it needs them.
    by_path = {"librmm.so", "libcudf.so", "libkvikio.so", "librapids_logger.so", "libnvcomp.so.5"}
    by_path |= {"libcudart.so.12", "libnvrtc.so.12", "libnvJitLink.so.12"}
    # CuPy's Fourier transforms need cuFFT. The image omits CUDA's mathematical libraries, because neither RAPIDS nor
    # cuDF calls them.
    by_path |= {"libcufft.so.11"}
    assert set(found["missing"]) - by_path <= DRIVER_ONLY, json.dumps(found["missing"])


def test_every_library_of_the_rapids_jar_is_found(image: Image) -> None:
    """An executor unpacks libcudf from the RAPIDS jar when it starts. The image must contain what libcudf links to."""
    script = r"""
set -euo pipefail
python - <<'PY'
import glob, zipfile
jar = zipfile.ZipFile(glob.glob("/opt/spark/jars/rapids-4-spark_*.jar")[0])
jar.extractall("/tmp", [name for name in jar.namelist() if name.startswith("amd64/Linux/")])
PY
ls /tmp/amd64/Linux/*.so
LD_LIBRARY_PATH=$LD_LIBRARY_PATH:/tmp/amd64/Linux ldd /tmp/amd64/Linux/*.so > /tmp/linked
grep 'not found' /tmp/linked | sort -u || [[ $? -eq 1 ]]
"""
    lines = image.run("bash", "-c", script).stdout.splitlines()
    missing = {line.split()[0] for line in lines if "not found" in line}
    # RAPIDS loads libnvcomp.so by its path, before libcudf needs libnvcomp.so.4.
    preloaded = {"libnvcomp.so.4"} if any(line.endswith("libnvcomp.so") for line in lines) else set()
    assert any(line.endswith("libcudf.so") for line in lines)
    assert missing <= DRIVER_ONLY | {"libcufile.so.0", "libcupti.so.12"} | preloaded


@pytest.mark.smoke
@pytest.mark.own_layers
def test_image_sets_the_variables_that_nvidias_runtime_reads(image: Image) -> None:
    environment = dict(line.split("=", 1) for line in image.attributes["Config"]["Env"])
    assert environment["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert environment["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert environment["NVIDIA_REQUIRE_CUDA"] == "cuda>=12.2"
    assert environment["CUDA_VERSION"] == image.labels["spark-images.cuda"]
    assert environment["LD_LIBRARY_PATH"] == "/usr/local/cuda/lib64"
