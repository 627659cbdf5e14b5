"""Refreshing the locks: the hashes of new artefacts, and the Python sets compiled anew."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from docker.errors import ContainerError
from uv import find_uv_bin

from spark_images import ROOT, build, engine, host
from spark_images import graph as graphs
from spark_images.errors import FactoryError, UsageError, unknown
from spark_images.house import Factory
from spark_images.lock import ARTEFACTS, Entry, Requirements, package_versions, requirement_sets, wanted, write_lock

KINDS = ("artefacts", "python")
TOOLCHAIN = "toolchain"


def update(factory: Factory, only: Sequence[str] = (), *, upgrade: bool = False) -> list[Path]:
    """Brings the locks of these kinds up to date with images.toml and requirements.in; returns the files that changed.

    A hash that is locked already stays as it is. Python packages keep their versions unless `upgrade`. Raises
    UsageError for an unknown kind, FactoryError where something cannot be fetched or resolved.
    """
    for kind in only:
        if kind not in KINDS:
            raise UsageError(unknown("kind of lock", kind, KINDS))
    changed = []
    if "artefacts" in (only or KINDS):
        changed += _artefacts(factory)
    if "python" in (only or KINDS):
        changed += [
            s.lock for s in requirement_sets(factory.catalog, factory.house) if _compile(factory, s, upgrade=upgrade)
        ]
    return changed


def _artefacts(factory: Factory) -> list[Path]:
    changed = []
    for layer, coordinates in wanted(factory.catalog, factory.locks).items():
        lock = dict(factory.locks.get(layer, {}))
        if coordinates == set(lock):
            continue
        new = coordinates - set(lock)
        entries = {c: e for c, e in lock.items() if c in coordinates} | (_hashes(factory, sorted(new)) if new else {})
        file = ROOT / factory.house.recipes[layer].folder / ARTEFACTS
        write_lock(file, entries)
        changed.append(file)
    return changed


def _hashes(factory: Factory, coordinates: Sequence[str]) -> dict[str, Entry]:
    """Fetches artefacts in the toolchain image, with what a build would use, and returns their hashes."""
    catalog = factory.catalog
    graph = graphs.graph(catalog, factory.house, factory.locks, [(TOOLCHAIN, catalog.buildable[0])])
    build.build(factory, graph, [graph.targets[TOOLCHAIN]])
    here = host.read()
    with engine.secret_files(here.secrets(catalog.versions["debian"])) as folder:
        try:
            output = engine.client().containers.run(
                catalog.tag(TOOLCHAIN),
                ["fetch-artefacts", "--hash", "artefacts", *coordinates],
                volumes={str(folder): {"bind": "/run/secrets", "mode": "ro"}},
                environment=dict(here.proxies),
                remove=True,
            )
        except ContainerError as error:
            said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else str(error.stderr)
            raise FactoryError(f"could not fetch {', '.join(coordinates)}:\n{said.strip()}") from None
    return {coordinate: Entry(**entry) for coordinate, entry in json.loads(output).items()}


def _compile(factory: Factory, requirements: Requirements, *, upgrade: bool) -> bool:
    before = requirements.lock.read_bytes() if requirements.lock.exists() else b""
    here = host.read()
    command = [find_uv_bin(), "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate"]
    command += [
        "--only-binary",
        ":all:",
        "--python-version",
        factory.catalog.versions["python"],
        "--python-platform",
        "x86_64-manylinux_2_28",
    ]
    for lock in (*requirements.upon, *requirements.beside):
        command += ["--constraint", str(lock)]
    for lock in requirements.upon:
        for name, _ in package_versions(lock):
            command += ["--no-emit-package", name]
    if index := here.pip.get("index-url"):
        command += ["--default-index", index]
    command += ["--upgrade"] if upgrade else []
    command += ["--output-file", requirements.lock.name, "-"]
    environment = {**os.environ, **({"SSL_CERT_FILE": str(here.ca)} if here.ca else {})}
    done = subprocess.run(
        command,
        cwd=requirements.source.parent,
        env=environment,
        input=requirements.text,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise FactoryError(f"{requirements.source.relative_to(ROOT)} cannot be resolved:\n{done.stderr.strip()}")
    compiled = requirements.lock.read_text()
    requirements.lock.write_text(f"{requirements.fingerprint}\n{compiled.removeprefix(_first_comment(compiled))}")
    return requirements.lock.read_bytes() != before


def _first_comment(text: str) -> str:
    first, newline, _ = text.partition("\n")
    return first + newline if first.startswith("#") else ""
