"""Comet without off-heap memory or on a CPU without its instructions: one line that says what to do, and no crash."""

import pytest

from tests.integration.comet.conftest import ON, SETTINGS
from tests.integration.conftest import Image, options

pytestmark = [pytest.mark.own_layers, pytest.mark.smoke]

PI = "/opt/spark/examples/src/main/python/pi.py"
REFUSED = 78


def test_comet_without_off_heap_memory_is_an_error(image: Image) -> None:
    off = options({"spark.memory.offHeap.enabled": "false"})
    result = image.run("spark-submit", "--properties-file", SETTINGS, *off, PI, "1")
    assert result.exit_code == REFUSED
    assert (
        "Comet is turned on, but Spark has no off-heap memory, and Comet's operators need it: set "
        "spark.memory.offHeap.enabled=true and spark.memory.offHeap.size (2g in comet.conf); or leave out comet.conf."
    ) in result.output.splitlines()


def test_cpu_without_the_instructions_of_the_library_is_an_error(image: Image) -> None:
    """The container sees the /proc/cpuinfo of an older CPU. The image has no program `mount`."""
    old = "processor\t: 0\nflags\t\t: fpu sse4_2 avx movbe f16c fma\n"
    bind = (
        "import ctypes, os, sys\n"
        "assert ctypes.CDLL(None).mount(b'/tmp/cpuinfo', b'/proc/cpuinfo', None, 4096, None) == 0\n"
        "os.execvp(sys.argv[1], sys.argv[1:])"
    )
    command = ("python3", "-c", bind, "spark-submit", *ON, PI, "1")
    result = image.run(*command, user="0:0", privileged=True, files={"/tmp/cpuinfo": old})
    assert result.exit_code == REFUSED
    assert (
        "Comet is turned on, but this CPU lacks instructions of Comet's native library (abm, avx2, bmi1, bmi2): use a "
        "machine with AVX2, such as Intel Haswell, AMD Zen or newer; or leave out comet.conf."
    ) in result.output.splitlines()
