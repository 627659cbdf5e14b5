"""The components of an image, from locks and from evidence in layers."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from spark_images.errors import SparkImagesError
from spark_images.matrix.selection import cell_of
from spark_images.sbom import known, locked
from spark_images.sbom.components import Component, Kind, Layer, Shown, components
from spark_images.sbom.debian import Package
from spark_images.sbom.inventory import Inventory, Proof
from spark_images.sbom.jars import Jar, Pom
from spark_images.sbom.locked import NOTHING, Download, Locked
from spark_images.sbom.wheels import Wheel
from tests.unit.tree import Tree

A, B, C = "a" * 64, "b" * 64, "c" * 64
SDIST = Download("pkg:pypi/pyspark@9.0", (C,), "Apache-2.0")
LOCK = Locked({"x-1.jar": Download("pkg:maven/g/x@1", (A,), "MIT")}, {"pyspark": SDIST}, {})


def pom(group: str, artifact: str, version: str, licence: str = "") -> Pom:
    return Pom(group, artifact, version, (f"META-INF/maven/{group}/{artifact}/pom.properties",), licence)


def shown(name: str = "layer", locks: Locked = NOTHING, **found: Any) -> Shown:
    return Shown(Layer(f"sha256:{name}", name), Inventory(**found), locks)


def found(*layers: Shown) -> list[Component]:
    return list(components(layers, "12"))


def test_a_locked_jar_has_the_identity_and_licence_of_its_lock() -> None:
    (jar,) = found(shown(locks=LOCK, jars=(Jar("opt/x-1.jar", A, licence="GPL-2.0-only"),)))
    assert (jar.purl, jar.licence, jar.sha256, jar.modified) == ("pkg:maven/g/x@1", "MIT", A, False)
    assert (jar.path, jar.layer.origin) == ("/opt/x-1.jar", "layer")


def test_a_locked_jar_is_recognised_by_its_hash_if_the_layer_renames_it() -> None:
    own, jar = pom("g", "x", "1"), Jar("opt/agent.jar", A, (pom("g", "x", "1"),))
    (named,) = found(shown(locks=LOCK, jars=(jar,)))
    assert named.purl == "pkg:maven/g/x@1"
    assert named.paths == ("/opt/agent.jar", f"/opt/agent.jar!/{own.paths[0]}")


def test_a_locked_jar_with_other_bytes_is_modified() -> None:
    (jar,) = found(shown(locks=LOCK, jars=(Jar("opt/x-1.jar", B),)))
    assert (jar.modified, jar.sha256, jar.download) == (True, B, LOCK.jars["x-1.jar"])


def test_a_jar_of_the_distribution_has_its_own_coordinate_and_the_locked_archive() -> None:
    (jar,) = found(shown(locks=LOCK, jars=(Jar("opt/y-2-linux.jar", B, (pom("h", "y", "2", "EPL-2.0"),)),)))
    assert (jar.purl, jar.licence) == ("pkg:maven/h/y@2?classifier=linux", "EPL-2.0")
    assert jar.download == SDIST


def test_shaded_modules_are_inside_their_jar() -> None:
    jar = Jar("opt/y-2.jar", B, (pom("h", "y", "2", "MIT"), pom("org.apache.z", "z", "3")))
    outer, inner = found(shown(jars=(jar,)))
    assert (inner.kind, inner.purl, inner.within) == (Kind.SHADED, "pkg:maven/org.apache.z/z@3", outer.path)
    assert inner.licence == "Apache-2.0"
    assert inner.path == "/opt/y-2.jar!/META-INF/maven/org.apache.z/z/pom.properties"


def test_a_jar_in_a_jar_is_a_jar_inside_it() -> None:
    inner = Jar("opt/y-2.jar!/lib/i-1.jar", C, (pom("h", "i", "1"),))
    _, named = found(shown(jars=(Jar("opt/y-2.jar", B, (pom("h", "y", "2"),), inner=(inner,)),)))
    assert (named.kind, named.purl, named.within) == (Kind.JAR, "pkg:maven/h/i@1", "/opt/y-2.jar")


def test_known_groups_identify_a_jar_without_coordinate() -> None:
    (jar,) = found(shown(jars=(Jar("opt/algebra_2.13-2.8.0.jar", B),)))
    assert (jar.purl, jar.licence) == ("pkg:maven/org.typelevel/algebra_2.13@2.8.0", "MIT")


def test_a_jar_that_nothing_identifies_is_an_error_that_names_the_table() -> None:
    with pytest.raises(
        SparkImagesError, match=r'/opt/new_2\.13-1\.jar of the layer core .*add "new" .*\[groups\] of .*known'
    ):
        found(shown("core", jars=(Jar("opt/new_2.13-1.jar", B),)))


def test_a_jar_that_the_project_compiles_is_no_maven_artefact_of_another_one() -> None:
    (jar,) = found(shown(locks=LOCK, jars=(Jar("opt/spark-examples_2.13-9.0.jar", B),)))
    assert jar.purl == "pkg:generic/spark-images/spark-examples_2.13@9.0"
    assert jar.download is None


def test_a_python_package_has_the_hashes_of_its_lock() -> None:
    lock = Locked({}, {}, {"a-b": Download("pkg:pypi/a-b@1", (A, B))})
    (wheel,) = found(shown(locks=lock, wheels=(Wheel("a.dist-info/METADATA", C, "A_b", "1", "MIT"),)))
    assert (wheel.purl, wheel.licence, wheel.download) == ("pkg:pypi/a-b@1", "MIT", lock.packages["a-b"])


@pytest.mark.parametrize(("name", "source"), [("pyspark", "pkg:pypi/pyspark@9.0"), ("py4j", "pkg:pypi/pyspark@9.0")])
def test_a_python_package_of_the_distribution_is_from_the_archive(name: str, source: str) -> None:
    (wheel,) = found(shown(locks=LOCK, wheels=(Wheel("x.dist-info/METADATA", C, name, "1"),)))
    assert wheel.download is not None
    assert wheel.download.purl == source


def test_a_python_package_in_a_jar_is_from_that_jar() -> None:
    jar = Download("pkg:maven/io.delta/delta-spark_2.12@3", (A,))
    lock = Locked({"delta-spark_2.12-3.jar": jar, "delta-storage-3.jar": SDIST}, {}, {})
    (wheel,) = found(shown(locks=lock, wheels=(Wheel("d.dist-info/METADATA", C, "delta-spark", "3"),)))
    assert wheel.download == jar


def test_spark_and_its_jdk_are_components() -> None:
    java = Proof("usr/lib/jvm/java-17/lib/server/libjvm.so", A, "17.0.2+1-1-deb12u1-Debian")
    rt = Jar("usr/lib/jvm/java-17/lib/jrt-fs.jar", B)
    spark, jdk = found(shown(locks=LOCK, spark=(Proof("opt/spark/RELEASE", C, "9.0"),), java=(java,), jars=(rt,)))
    assert (spark.kind, spark.version, spark.licence, spark.download) == (Kind.SPARK, "9.0", "Apache-2.0", SDIST)
    assert (
        jdk.purl == "pkg:deb/debian/openjdk-17-jre-headless@17.0.2%2B1-1~deb12u1?distro=debian-12&upstream=openjdk-17"
    )
    assert jdk.paths == ("/usr/lib/jvm/java-17/lib/server/libjvm.so", "/usr/lib/jvm/java-17/lib/jrt-fs.jar")


@pytest.mark.parametrize(("version", "name"), [("25.0.5.1+2-1-Debian", "openjdk-25"), ("26+36-1-Debian", "openjdk-26")])
def test_the_jdk_has_the_name_of_its_debian_package(version: str, name: str) -> None:
    (jdk,) = found(shown(java=(Proof("usr/lib/jvm/java/lib/server/libjvm.so", A, version),)))
    assert jdk.name == name


def package(name: str, version: str = "1") -> Package:
    return Package(name, version, "amd64", name)


def record(name: str) -> Mapping[str, tuple[Proof, ...]]:
    return {name: (Proof(f"var/lib/dpkg/info/{name}.md5sums", A),)}


def test_a_debian_package_comes_from_the_layer_that_installed_it_last() -> None:
    low = shown(
        "low", packages=(package("a"), package("b")), records={**record("a"), **record("b")}, copyrights={"a": "MIT"}
    )
    high = shown("high", packages=(package("a"), package("b", "2")), records=record("b"), documents={"b": "a"})
    a, b = found(low, high)
    assert (a.purl, a.layer.origin, a.licence) == ("pkg:deb/debian/a@1?arch=amd64&distro=debian-12", "low", "MIT")
    assert (b.version, b.layer.origin, b.licence) == ("2", "high", "MIT")


def test_a_debian_package_that_a_higher_layer_removed_is_no_component() -> None:
    low = shown("low", packages=(package("a"), package("b")), records={**record("a"), **record("b")})
    assert [c.name for c in found(low, shown("high", packages=(package("a"),)))] == ["a"]


def test_python_packages_of_a_debian_package_belong_to_it() -> None:
    path = "usr/lib/python3/dist-packages/pip.dist-info/METADATA"
    wheel = Wheel(path, A, "pip", "1")
    layer = shown(packages=(package("pip"),), records=record("pip"), owned={"pip": (path,)}, wheels=(wheel,))
    (pip,) = found(layer)
    assert (pip.kind, pip.paths) == (Kind.DEBIAN, ("/var/lib/dpkg/info/pip.md5sums", f"/{path}"))


@pytest.mark.parametrize("removed", [("opt/y-2.jar",), ("opt/",), ("opt",)])
def test_a_file_that_a_higher_layer_removes_is_no_component(removed: tuple[str, ...]) -> None:
    jar = Jar("opt/y-2.jar", B, (pom("h", "y", "2"),))
    assert found(shown("low", jars=(jar,)), shown("high", removed=removed)) == []
    assert len(found(shown("low", removed=removed), shown("high", jars=(jar,)))) == 1


def test_a_file_that_a_higher_layer_replaces_comes_from_that_layer() -> None:
    jar = Jar("opt/y-2.jar", B, (pom("h", "y", "2"),))
    (named,) = found(shown("low", jars=(jar,)), shown("high", jars=(replace(jar, sha256=C),)))
    assert (named.layer.origin, named.sha256) == ("high", C)


def test_the_lock_of_python_packages_gives_every_hash_that_it_allows() -> None:
    text = f"# c\nA-b==1.0 \\\n    --hash=sha256:{B} \\\n    --hash=sha256:{A}\nc==2 \\\n    --hash=sha256:{C}\n"
    assert dict(locked.pins(text)) == {
        "a-b": Download("pkg:pypi/a-b@1.0", (A, B)),
        "c": Download("pkg:pypi/c@2", (C,)),
    }


def test_the_locks_reach_a_layer_through_the_target_that_it_copies(full: Tree) -> None:
    project = full.load()
    cell = cell_of(project.matrix, "9.0-lake")
    graph = project.graph([cell])
    core = locked.locked(project, graph, cell, "core-9.0", full.root)
    assert core.archives == {"spark": Download("pkg:pypi/spark@9.0", (f"{1:064x}",), "MIT")}
    assert core.jars == {
        "connect_2.13-9.0.jar": Download("pkg:maven/org.apache.spark/connect_2.13@9.0", (f"{4:064x}",), "MIT")
    }
    assert core.packages == {}


def test_each_layer_has_its_own_locks_only(full: Tree) -> None:
    project = full.load()
    cell = cell_of(project.matrix, "9.0-lake")
    graph = project.graph([cell])
    found = {
        name: locked.locked(project, graph, cell, name, full.root) for name in ("deps-3.11", "lake-jars-9", "conf")
    }
    assert list(found["deps-3.11"].packages) == ["pandas"]
    assert list(found["lake-jars-9"].jars) == ["lake_2.13-1.0.jar"]
    assert found["conf"] == NOTHING
    assert locked.locked(project, graph, cell, "image settings", full.root) == NOTHING


def test_the_licence_of_a_group_can_depend_on_the_major_version_and_includes_the_groups_below() -> None:
    jetty = [known.load().of_group(group, version) for group in ("org.eclipse.jetty",) for version in ("9.4", "11.0")]
    assert jetty == ["Apache-2.0 OR EPL-1.0", "Apache-2.0 OR EPL-2.0"]
    assert known.load().of_group("org.eclipse.jetty.websocket", "11.0") == jetty[1]
    assert known.load().of_group("org.example", "1") == ""


def test_no_table_of_known_names_a_member_twice() -> None:
    tables = known.load()
    for table in (tables.groups, tables.jar_licences, tables.group_licences, tables.package_licences):
        members = [member for group in table.values() for member in group]
        assert sorted(members) == sorted(set(members))
