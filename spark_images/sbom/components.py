"""The components of an image: joins the locks with the evidence in the layers.

The bytes decide which components there are. The lock of the layer gives a component its identity and licence. Where no
lock names a file, such as a jar of the Spark distribution, its own evidence does, and then known.toml.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from spark_images.errors import SparkImagesError
from spark_images.sbom import debian, jars, known, licences
from spark_images.sbom.inventory import Inventory, Proof
from spark_images.sbom.jars import INSIDE, Jar, Pom
from spark_images.sbom.locked import Download, Locked, maven, pypi
from spark_images.sbom.wheels import Wheel

OWN = "spark-images"
"""The group of the jars that this project compiles."""

JDK_LICENCE = "GPL-2.0-only WITH Classpath-exception-2.0"
PYSPARK = "pyspark"
"""The project whose source archive is the Spark distribution."""

_SCALA = re.compile(r"_\d+\.\d+$")


class Kind(Enum):
    """The kinds of components."""

    SPARK = "Spark"
    JDK = "JDK"
    DEBIAN = "Debian package"
    PYTHON = "Python package"
    JAR = "jar"
    SHADED = "shaded jar"


@dataclass(frozen=True)
class Layer:
    """A layer of an image: its digest and the target that it comes from."""

    digest: str
    origin: str


@dataclass(frozen=True)
class Component:
    """A part of an image. Paths are absolute. `licence` is an SPDX expression, or "" if nothing names it.

    `paths` are the files that prove the component, the most important one first, and `sha256` is the hash of that one.
    It is "" for a shaded jar. `download` is the locked download that the component is from. `modified` says that a jar
    differs from its download, because the build removed files from it. `within` is the first path of the component
    that contains this one.
    """

    kind: Kind
    purl: str
    name: str
    version: str
    licence: str
    layer: Layer
    paths: tuple[str, ...]
    sha256: str = ""
    group: str = ""
    download: Download | None = None
    modified: bool = False
    within: str = ""

    @property
    def path(self) -> str:
        """The most important of its files. No other component of the image has it."""
        return self.paths[0]


@dataclass(frozen=True)
class Shown:
    """A layer with its inventory and its part of the locks."""

    layer: Layer
    inventory: Inventory
    locked: Locked


def components(layers: Sequence[Shown], debian_number: str) -> tuple[Component, ...]:
    """Returns the components of an image from its layers, bottom layer first, sorted by path.

    A file that a higher layer replaces or removes does not count. Raises SparkImagesError for a jar whose coordinate
    neither the locks, nor the jar, nor known.toml has.
    """
    shown = _visible(layers)
    found: list[Component] = []
    owned = set()
    for layer in shown:
        owned |= {path for paths in layer.inventory.owned.values() for path in paths}
    for layer in shown:
        homes = [proof.path.partition("lib/server/")[0] for proof in layer.inventory.java]
        found += [
            _jdk(layer, proof, home, debian_number) for proof, home in zip(layer.inventory.java, homes, strict=True)
        ]
        found += [_spark(layer, proof) for proof in layer.inventory.spark]
        found += [_wheel(layer, wheel) for wheel in layer.inventory.wheels if wheel.path not in owned]
        for jar in layer.inventory.jars:
            if not any(jar.path.startswith(home) for home in homes):
                found += _jar(layer, jar)
    found += _debian(shown, debian_number)
    return tuple(sorted(found, key=lambda component: component.path))


def _visible(layers: Sequence[Shown]) -> list[Shown]:
    """Returns the layers without the files that a higher layer replaces or removes."""
    visible: list[Shown] = []
    hidden: set[str] = set()
    folders: list[str] = []

    def is_seen(path: str) -> bool:
        return path not in hidden and not path.startswith(tuple(folders))

    for layer in reversed(layers):
        of = layer.inventory
        kept = replace(
            of,
            jars=tuple(jar for jar in of.jars if is_seen(jar.path)),
            wheels=tuple(wheel for wheel in of.wheels if is_seen(wheel.path)),
            java=tuple(proof for proof in of.java if is_seen(proof.path)),
            spark=tuple(proof for proof in of.spark if is_seen(proof.path)),
        )
        visible.append(replace(layer, inventory=kept))
        files: tuple[Jar | Wheel | Proof, ...] = (*of.jars, *of.wheels, *of.java, *of.spark)
        hidden |= {*of.removed, *(file.path for file in files)}
        folders += [path.rstrip("/") + "/" for path in of.removed]
    return visible[::-1]


def _jdk(layer: Shown, proof: Proof, home: str, debian_number: str) -> Component:
    version = debian.of_jvm(proof.version)
    inside = [f"/{jar.path}" for jar in layer.inventory.jars if jar.path.startswith(home)]
    # The first release of a Java version has no dot: 25+36-1.
    name = f"openjdk-{re.split(r'[.+]', version)[0]}"
    return Component(
        kind=Kind.JDK,
        purl=_deb(f"{name}-jre-headless", version, debian_number, source=name),
        name=name,
        version=version,
        licence=JDK_LICENCE,
        layer=layer.layer,
        paths=(f"/{proof.path}", *inside),
        sha256=proof.sha256,
    )


def _spark(layer: Shown, proof: Proof) -> Component:
    download = layer.locked.archives.get(PYSPARK)
    return Component(
        kind=Kind.SPARK,
        purl=PackageURL("github", "apache", "spark", f"v{proof.version}").to_string(),
        name="Apache Spark",
        version=proof.version,
        licence=licences.named(download.licence) if download else "",
        layer=layer.layer,
        paths=(f"/{proof.path}",),
        sha256=proof.sha256,
        download=download,
    )


def _wheel(layer: Shown, wheel: Wheel) -> Component:
    name = canonicalize_name(wheel.name)
    of = layer.locked
    # PySpark, py4j and delta-spark are not from the lock of the layer's Python packages, but from an artefact.
    artefacts = [of.archives[name]] if name in of.archives else []
    artefacts += [download for file, download in of.jars.items() if jars.split(file)[0].startswith(f"{name}_")]
    artefacts += of.archives.values()
    download = of.packages.get(name) or next(iter(artefacts), None)
    return Component(
        kind=Kind.PYTHON,
        purl=pypi(wheel.name, wheel.version),
        name=name,
        version=wheel.version,
        licence=known.load().of_package(name) or wheel.licence,
        layer=layer.layer,
        paths=(f"/{wheel.path}",),
        sha256=wheel.sha256,
        download=download,
    )


def _jar(layer: Shown, jar: Jar, outer: str = "") -> Iterator[Component]:
    """Yields a jar, the modules that are shaded into it, and the jars in it."""
    # A layer can rename a jar, and a build can remove files from one.
    download = layer.locked.with_hash(jar.sha256) or layer.locked.jars.get(jar.path.rpartition("/")[2])
    pom = jar.own if download is None else next((p for p in jar.poms if _purl(p) == download.purl), None)
    own = _own(layer, jar, pom) if download is None else _locked(layer, jar, download)
    inside = [f"{own.path}{INSIDE}{path}" for path in (pom.paths if pom else ())]
    yield replace(own, within=outer, paths=(*own.paths, *inside))
    for shaded in jar.poms:
        if shaded != pom:
            yield Component(
                kind=Kind.SHADED,
                purl=_purl(shaded),
                name=shaded.artifact,
                version=shaded.version,
                licence=_licence(shaded.group, shaded.artifact, shaded.version, shaded.licence),
                layer=layer.layer,
                paths=tuple(f"{own.path}{INSIDE}{path}" for path in shaded.paths),
                group=shaded.group,
                within=own.path,
            )
    for inner in jar.inner:
        yield from _jar(layer, inner, own.path)


def _purl(pom: Pom) -> str:
    return maven(pom.group, pom.artifact, pom.version)


def _locked(layer: Shown, jar: Jar, download: Download) -> Component:
    """Returns the component of a jar that a lock names."""
    purl = PackageURL.from_string(download.purl)
    return Component(
        kind=Kind.JAR,
        purl=download.purl,
        name=purl.name,
        version=purl.version or "",
        licence=licences.named(download.licence),
        layer=layer.layer,
        paths=(f"/{jar.path}",),
        sha256=jar.sha256,
        group=purl.namespace or "",
        download=download,
        modified=jar.sha256 not in download.hashes,
    )


def _own(layer: Shown, jar: Jar, pom: Pom | None) -> Component:
    """Returns the component of a jar that no lock names: its identity is that of its own POM, or of known.toml."""
    group, artifact, version, classifier = _coordinate(layer, jar, pom)
    is_ours = group == OWN
    purl = maven(group, artifact, version, classifier)
    return Component(
        kind=Kind.JAR,
        purl=PackageURL("generic", OWN, artifact, version or None).to_string() if is_ours else purl,
        name=artifact,
        version=version,
        licence=_licence(group, artifact, version, (pom.licence if pom else "") or jar.licence),
        layer=layer.layer,
        paths=(f"/{jar.path}",),
        sha256=jar.sha256,
        group=group,
        download=None if is_ours else layer.locked.archives.get(PYSPARK),
    )


def _coordinate(layer: Shown, jar: Jar, pom: Pom | None) -> tuple[str, str, str, str]:
    """Returns group, artifact, version and classifier of a jar that no lock names."""
    if pom:
        return pom.group, pom.artifact, pom.version, jar.stem.removeprefix(f"{pom.artifact}-{pom.version}").lstrip("-")
    artifact, version = jars.split(jar.stem)
    if group := known.load().group(_SCALA.sub("", artifact)):
        return group, artifact, version, ""
    raise SparkImagesError(
        f"/{jar.path} of the layer {layer.layer.origin} contains no Maven coordinate, and no lock names it: "
        f'add "{_SCALA.sub("", artifact)}" to its group in [groups] of {known.PLACE}'
    )


def _licence(group: str, artifact: str, version: str, declared: str) -> str:
    tables = known.load()
    return tables.of_jar(_SCALA.sub("", artifact)) or declared or tables.of_group(group, version)


def _debian(layers: Sequence[Shown], debian_number: str) -> Iterator[Component]:
    """Yields the Debian packages of the highest layer that has dpkg's status, each with the layer that installed it."""
    known_to_dpkg = next((of for layer in reversed(layers) if (of := layer.inventory.packages)), ())
    copyrights = _merged(layer.inventory.copyrights for layer in layers)
    documents = _merged(layer.inventory.documents for layer in layers)
    for package in known_to_dpkg:
        installed = next((layer for layer in reversed(layers) if package.name in layer.inventory.records), None)
        if installed is None:
            raise SparkImagesError(f"dpkg's status names {package.name}, but no layer has dpkg's list of its files")
        proofs = installed.inventory.records[package.name]
        shared = documents.get(package.name, "")
        yield Component(
            kind=Kind.DEBIAN,
            purl=_deb(package.name, package.version, debian_number, package.architecture, package.source),
            name=package.name,
            version=package.version,
            licence=copyrights.get(package.name, "") or copyrights.get(shared, ""),
            layer=installed.layer,
            paths=(
                *(f"/{proof.path}" for proof in proofs),
                *(f"/{path}" for path in installed.inventory.owned.get(package.name, ())),
            ),
            sha256=proofs[0].sha256,
        )


def _merged(tables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {key: value for table in tables for key, value in table.items()}


def _deb(name: str, version: str, debian_number: str, architecture: str = "", source: str = "") -> str:
    qualifiers = {"arch": architecture, "distro": f"debian-{debian_number}"}
    if source not in ("", name):
        qualifiers["upstream"] = source
    return PackageURL("deb", "debian", name, version, {k: v for k, v in qualifiers.items() if v}).to_string()


def count(found: Iterable[Component]) -> dict[Kind, int]:
    """Returns the number of components of each kind."""
    kinds = [component.kind for component in found]
    return {kind: kinds.count(kind) for kind in Kind}
