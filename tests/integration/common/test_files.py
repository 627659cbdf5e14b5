"""Files in the image: permissions, character sets, bytecode and licences."""

import pytest

from spark_images.plan.graph import file_name
from spark_images.plan.project import Project
from tests.integration.conftest import RANDOM_UID, Service

pytestmark = pytest.mark.smoke


def _find(shell: Service, expression: str) -> list[str]:
    result = shell.run("bash", "-c", f"find / -xdev {expression}", user="0:0")
    assert result.exit_code == 0
    return result.stdout.splitlines()


@pytest.mark.own_layers
def test_no_file_is_world_writable(shell: Service) -> None:
    assert _find(shell, r"! -type l -perm -o+w ! \( -type d -perm -1000 \)") == []


@pytest.mark.own_layers
def test_no_file_is_setuid_or_setgid(shell: Service) -> None:
    assert _find(shell, "-type f -perm /6000") == []


@pytest.mark.parametrize("path", ["/opt/spark/work-dir", "/opt/spark/work", "/opt/spark/logs", "/home/spark", "/tmp"])
def test_group_0_can_write_where_spark_writes(shell: Service, path: str) -> None:
    assert shell.run("bash", "-c", f"touch {path}/file && rm {path}/file", user=RANDOM_UID).exit_code == 0


@pytest.mark.own_layers
def test_only_the_directories_of_spark_are_group_writable(shell: Service) -> None:
    writable = _find(shell, r"! -type l -group 0 -perm -g+w ! \( -type d -perm -1000 \)")
    assert sorted(writable) == ["/home/spark", "/opt/spark/logs", "/opt/spark/work", "/opt/spark/work-dir"]


def test_glibc_converts_common_character_sets(shell: Service) -> None:
    """docker/base/rootfs/finish.sh removes the rare ones and rebuilds the table of the rest."""
    charsets = "UTF-16 UTF-32 UTF-7 ISO-8859-1 ISO-8859-15 CP1252"
    script = f'for name in {charsets}; do printf "Zoë\n" | iconv -f UTF-8 -t $name | iconv -f $name -t UTF-8; done'
    result = shell.run("bash", "-c", f"set -o pipefail; {script}")
    assert result.stdout.splitlines() == ["Zoë"] * len(charsets.split())


@pytest.mark.own_layers
def test_every_python_module_has_bytecode(shell: Service) -> None:
    """A process that cannot write next to the sources would compile them at every start.

    Modules that only build and install packages are exempt: docker/base/python removes their bytecode.
    """
    script = """
import importlib.util, pathlib, sys
installers = {"pip", "setuptools", "pkg_resources", "wheel", "lib2to3", "pydoc_data"}
folders = ["/usr/lib/python3", "/usr/local/lib", "/opt/spark/python", "/usr/lib/python{}.{}".format(*sys.version_info)]
for folder in folders:
    for source in pathlib.Path(folder).rglob("*.py"):
        if installers & set(source.relative_to(folder).parts):
            continue
        if not pathlib.Path(importlib.util.cache_from_source(str(source))).exists():
            print(source)
"""
    assert shell.run("python", "-c", script).stdout.splitlines() == []


def test_pyspark_archives_contain_bytecode(shell: Service) -> None:
    script = """
import glob, zipfile
for archive in glob.glob("/opt/spark/python/lib/*.zip"):
    names = set(zipfile.ZipFile(archive).namelist())
    print(archive, len(names), [name for name in names if name.endswith(".py") and name + "c" not in names])
"""
    lines = shell.run("python", "-c", script).stdout.splitlines()
    assert len(lines) == 2
    assert all(line.endswith(" []") for line in lines)


def test_python_imports_bytecode_from_the_pyspark_archives(shell: Service) -> None:
    script = """
import glob, sys
sys.path[:0] = glob.glob("/opt/spark/python/lib/*.zip")
import py4j.java_gateway, pyspark.worker
print(py4j.java_gateway.__file__, pyspark.worker.__file__)
"""
    files = shell.run("python", "-c", script).stdout.split()
    assert all(".zip/" in file and file.endswith(".pyc") for file in files)
    assert len(files) == 2


@pytest.mark.own_layers
def test_image_contains_the_licence_of_each_jar_java_and_spark(shell: Service, project: Project) -> None:
    found = set(_find(shell, "-path '/usr/share/licenses/*' -type f"))
    jars = shell.run("bash", "-c", "ls /opt/spark/jars").stdout.split()
    for layer, artefact in project.matrix.all_artefacts():
        if ":" in artefact.coordinate:
            jar = file_name(artefact.coordinate)
            if jar in jars:
                folder = f"/usr/share/licenses/{jar.removesuffix('.jar')}/"
                assert any(path.startswith(folder) for path in found), layer
    assert any("openjdk" in path for path in found)
    spark = set(
        _find(shell, "-path '/opt/spark/LICENSE' -o -path '/opt/spark/NOTICE' -o -path '/opt/spark/licenses/*'")
    )
    assert {"/opt/spark/LICENSE", "/opt/spark/NOTICE"} < spark
