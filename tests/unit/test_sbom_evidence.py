"""The evidence in jars, Python packages and Debian's records, and the inventory of a layer."""

import hashlib
import io
import tarfile
from zipfile import ZipFile

import pytest

from spark_images.errors import SparkImagesError
from spark_images.sbom import debian, jars, licences, wheels
from spark_images.sbom.debian import Package
from spark_images.sbom.inventory import Inventory, inventory, members
from spark_images.sbom.jars import Jar, Pom

POM = "<project xmlns='http://maven.apache.org/POM/4.0.0'><licenses>{}</licenses></project>"


def licence(name: str, url: str = "") -> str:
    return f"<license><name>{name}</name><url>{url}</url></license>"


def archive(files: dict[str, str | bytes]) -> bytes:
    content = io.BytesIO()
    with ZipFile(content, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return content.getvalue()


def module(group: str, artifact: str, version: str, *licences: str, under: str = "") -> dict[str, str | bytes]:
    folder = f"{under}META-INF/maven/{group}/{artifact}"
    properties = f"#Generated\nversion={version}\ngroupId={group}\nartifactId={artifact}\n"
    return {f"{folder}/pom.properties": properties, f"{folder}/pom.xml": POM.format("".join(licences))}


def jar(path: str, files: dict[str, str | bytes]) -> Jar:
    return jars.read(path, "hash", io.BytesIO(archive(files)))


def layer(files: dict[str, str | bytes], links: dict[str, str] | None = None) -> Inventory:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, text in files.items():
            member, data = tarfile.TarInfo(name), text.encode() if isinstance(text, str) else text
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    content.seek(0)
    with tarfile.open(fileobj=content, mode="r|") as tar:
        return inventory(members(tar))


def test_a_jar_knows_its_own_module_by_its_file_name_and_the_others_are_shaded() -> None:
    found = jar("opt/a-1.0.jar", module("g", "a", "1.0") | module("h", "b", "2"))
    assert found.own == Pom("g", "a", "1.0", ("META-INF/maven/g/a/pom.properties",))
    assert [pom.artifact for pom in found.poms] == ["a", "b"]


def test_a_classifier_follows_the_version_in_a_file_name() -> None:
    assert jar("opt/a-1.0-linux.jar", module("g", "a", "1.0")).own is not None
    assert jar("opt/a-1.01.jar", module("g", "a", "1.0")).own is None


def test_a_module_that_a_jar_contains_twice_is_one_module_with_two_paths() -> None:
    (found,) = jar("opt/x.jar", module("g", "a", "1") | module("g", "a", "1", under="spark41/")).poms
    assert found.paths == (
        "META-INF/maven/g/a/pom.properties",
        "spark41/META-INF/maven/g/a/pom.properties",
    )


def test_a_jar_contains_the_modules_of_the_jars_in_it() -> None:
    inner = archive(module("g", "inner", "1"))
    (found,) = jar("opt/outer.jar", {"lib/inner-1.jar": inner}).inner
    assert (found.path, found.sha256) == ("opt/outer.jar!/lib/inner-1.jar", hashlib.sha256(inner).hexdigest())
    assert found.own


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (module("g", "a", "1", licence("The Apache Software License, Version 2.0")), "Apache-2.0"),
        (module("g", "a", "1", licence("Ours", "https://opensource.org/licenses/MIT")), "MIT"),
        (module("g", "a", "1", licence("MPL 1.1"), licence("LGPL 2.1")), "MPL-1.1 OR LGPL-2.1-only"),
        (module("g", "a", "1", licence("House rules 3")), "LicenseRef-House-rules-3"),
        (module("g", "a", "1"), ""),
    ],
)
def test_a_pom_gives_licences_by_name_or_address(files: dict[str, str | bytes], expected: str) -> None:
    assert [pom.licence for pom in jar("opt/a-1.jar", files).poms] == [expected]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"META-INF/MANIFEST.MF": "Bundle-License: https://www.apache.org/licenses/LICEN\r\n SE-2.0.txt\r\n"},
            "Apache-2.0",
        ),
        ({"META-INF/MANIFEST.MF": 'Bundle-License: "MIT";link="x"\n'}, "MIT"),
        (
            {"META-INF/MANIFEST.MF": "Bundle-License: LICENSE.txt\n", "LICENSE": "Apache License\n Version 2.0"},
            "Apache-2.0",
        ),
        ({"META-INF/LICENSE.txt": "Permission is hereby granted, free of charge, to any person"}, "MIT"),
        ({"META-INF/services/x": "Apache License Version 2.0"}, ""),
    ],
)
def test_a_manifest_or_a_licence_file_gives_the_licence_of_a_jar(files: dict[str, str | bytes], expected: str) -> None:
    assert jar("opt/a.jar", files).licence == expected


def test_a_file_that_is_named_like_a_jar_but_is_none_is_an_error() -> None:
    with pytest.raises(SparkImagesError, match=r"^/opt/a\.jar is not a ZIP archive"):
        layer({"opt/a.jar": "text"})


def test_licences_of_jakarta_are_a_choice_and_others_beside_them_are_not() -> None:
    assert licences.choice(["EPL-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", "MIT"]) == (
        "(EPL-2.0 OR GPL-2.0-only WITH Classpath-exception-2.0) AND MIT"
    )
    assert licences.choice(["MIT", "EPL-2.0"]) == "MIT OR EPL-2.0"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: x", "MIT OR Apache-2.0"),
        ("License: BSD 3-Clause License", "BSD-3-Clause"),
        ("License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License", "MIT"),
        ("License: House rules", "LicenseRef-House-rules"),
        ("License: Copyright\n        Permission is hereby granted, free of charge", "MIT"),
        ("License: UNKNOWN", ""),
        ("Summary: nothing", ""),
    ],
)
def test_metadata_of_a_python_package_gives_its_licence(metadata: str, expected: str) -> None:
    found = wheels.read("x.dist-info/METADATA", f"Name: X_y\nVersion: 1.0\n{metadata}\n".encode())
    assert (found.name, found.version, found.licence) == ("X_y", "1.0", expected)


STATUS = """\
Package: tini
Status: install ok installed
Architecture: amd64
Source: tini-source (0.19.0-1)
Version: 0.19.0-1+b3
Description: a tiny init
 Version: 9

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""


def test_only_installed_debian_packages_count_and_a_source_can_have_another_name() -> None:
    assert list(debian.packages(STATUS)) == [Package("tini", "0.19.0-1+b3", "amd64", "tini-source")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GPL-2+", "GPL-2.0-or-later"),
        ("LGPL-2.1", "LGPL-2.1-only"),
        ("GPL-3+ or Expat", "GPL-3.0-or-later OR MIT"),
        ("GPL-2+ with OpenSSL exception", "GPL-2.0-or-later"),
        ("Artistic or GPL-1+, and BSD-3-clause", "Artistic-1.0-Perl OR (GPL-1.0-or-later AND BSD-3-Clause)"),
        ("permissive", "LicenseRef-permissive"),
    ],
)
def test_short_names_of_debian_become_spdx_expressions(text: str, expected: str) -> None:
    assert debian.of_short_name(text) == expected


def test_the_licences_of_all_files_of_a_debian_package_apply() -> None:
    readable = (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: Expat\n"
    )
    assert debian.licence(readable + "\nFiles: b\nLicense: GPL-2+\n") == "GPL-2.0-or-later AND MIT"
    assert debian.licence("see /usr/share/common-licenses/LGPL-2.1.") == "LGPL-2.1-only"
    assert debian.licence("all rights reserved") == ""


def test_a_jvm_gives_the_version_of_its_debian_package() -> None:
    assert debian.of_jvm("17.0.21.1+2-1-deb12u1-Debian") == "17.0.21.1+2-1~deb12u1"
    assert debian.of_jvm("25.0.1+8-1-Debian") == "25.0.1+8-1"
    assert debian.of_jvm("21.0.1") == "21.0.1"


def test_an_inventory_has_what_the_files_of_a_layer_prove() -> None:
    listing = "/.\n/usr/lib/python3/dist-packages/pip-1.dist-info/METADATA\n"
    found = layer(
        {
            "./opt/spark/RELEASE": "Spark 4.1.4 (git revision x) built",
            "usr/lib/jvm/java-17/lib/server/libjvm.so": b"\0Server VM (17.0.2+1-1-Debian) for linux-amd64",
            "usr/local/lib/python3.11/dist-packages/a.dist-info/METADATA": "Name: a\nVersion: 1\n",
            "var/lib/dpkg/status": STATUS,
            "var/lib/dpkg/info/python3-pip.list": listing,
            "var/lib/dpkg/info/libc6:amd64.list": "/.\n",
            "var/lib/dpkg/info/libc6:amd64.md5sums": "1 x",
            "usr/share/doc/libc6/copyright": "/usr/share/common-licenses/GPL-2",
            "opt/.wh.old.jar": "",
            "srv/.wh..wh..opq": "",
        },
        {"usr/share/doc/libc6-dev": "libc6", "usr/share/doc/g/copyright": "../libc6/copyright"},
    )
    assert [(proof.path, proof.version) for proof in (*found.spark, *found.java)] == [
        ("opt/spark/RELEASE", "4.1.4"),
        ("usr/lib/jvm/java-17/lib/server/libjvm.so", "17.0.2+1-1-Debian"),
    ]
    assert [wheel.name for wheel in found.wheels] == ["a"]
    assert [package.name for package in found.packages] == ["tini"]
    assert found.owned == {"python3-pip": ("usr/lib/python3/dist-packages/pip-1.dist-info/METADATA",)}
    assert [proof.path.rpartition(".")[2] for proof in found.records["libc6"]] == ["md5sums", "list"]
    assert found.copyrights == {"libc6": "GPL-2.0-only"}
    assert found.documents == {"g": "libc6", "libc6-dev": "libc6"}
    assert found.removed == ("opt/old.jar", "srv/")
