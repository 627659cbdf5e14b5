"""Updates the locks: adds the hashes of new artefacts, and compiles the sets of Python packages."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from docker.errors import ContainerError
from uv import find_uv_bin

from spark_images import ROOT, files
from spark_images.engine import build, buildx, daemon, host
from spark_images.errors import SparkImagesError, UsageError, unknown
from spark_images.locks.check import wanted
from spark_images.matrix.platforms import PLATFORMS
from spark_images.plan import graph as graphs
from spark_images.plan.project import Project
from spark_images.recipes.locks import (
    ARTEFACTS,
    Entry,
    Requirements,
    package_versions,
    requirement_sets,
    write_lock,
)

KINDS = ("artefacts", "python")
TOOLCHAIN = "toolchain"


def update(project: Project, only: Sequence[str] = (), *, upgrade: bool = False) -> list[Path]:
    """Updates the locks of these kinds to match images.toml and requirements.in. Returns the files that changed.

    Without `only`, updates every kind. Locked hashes do not change. Python packages keep their versions unless
    `upgrade` is true. Raises UsageError for an unknown kind, and SparkImagesError if something cannot be fetched or
    resolved.
    """
    for kind in only:
        if kind not in KINDS:
            raise UsageError(unknown("kind of lock", kind, KINDS))
    changed = []
    if "artefacts" in (only or KINDS):
        changed += _artefacts(project)
    if "python" in (only or KINDS):
        changed += [s.lock for s in requirement_sets(project.matrix, project.recipes) if _compile(s, upgrade=upgrade)]
    return changed


def _artefacts(project: Project) -> list[Path]:
    changed = []
    for layer, coordinates in wanted(project.matrix, project.locks).items():
        lock = dict(project.locks.get(layer, {}))
        if coordinates == set(lock):
            continue
        new = coordinates - set(lock)
        entries = {c: e for c, e in lock.items() if c in coordinates} | (_hashes(project, sorted(new)) if new else {})
        file = ROOT / project.recipes.by_name[layer].folder / ARTEFACTS
        write_lock(file, entries)
        changed.append(file)
    return changed


def _hashes(project: Project, coordinates: Sequence[str]) -> dict[str, Entry]:
    """Fetches artefacts in the toolchain image, with the secrets and proxies of a build. Returns their hashes."""
    matrix = project.matrix
    cell = matrix.buildable[0]
    graph = graphs.graph(matrix, project.recipes, project.locks, [(TOOLCHAIN, cell)])
    toolchain = graph.targets[matrix.name_of(TOOLCHAIN, cell)]
    build.build(project, graph, [toolchain])
    here = host.read()
    with buildx.secret_files(here.secrets(toolchain.suite)) as folder:
        failed = f"could not fetch {', '.join(coordinates)}"
        try:
            with daemon.explained(failed):
                output = daemon.client().containers.run(
                    matrix.tag(toolchain.name),
                    ["fetch-artefacts", "--hash", "artefacts", *coordinates],
                    volumes={str(folder): {"bind": "/run/secrets", "mode": "ro"}},
                    environment=dict(here.proxies),
                    remove=True,
                )
        except ContainerError as error:
            said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else str(error.stderr)
            raise SparkImagesError(f"{failed}:\n{said.strip()}") from None
    return {coordinate: Entry(**entry) for coordinate, entry in json.loads(output).items()}


def _compile(requirements: Requirements, *, upgrade: bool) -> bool:
    before = requirements.lock.read_text() if requirements.lock.exists() else None
    here = host.read()
    command = [find_uv_bin(), "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate"]
    command += [
        "--only-binary",
        ":all:",
        "--python-version",
        requirements.python,
        "--python-platform",
        PLATFORMS[requirements.platform].wheels,
    ]
    for lock in (*requirements.extends, *requirements.beside):
        command += ["--constraint", str(lock)]
    for lock in requirements.extends:
        for name, _ in package_versions(lock):
            command += ["--no-emit-package", name]
    command += _indexes(here.pip)
    command += ["--upgrade"] if upgrade else []
    environment = {**os.environ, **({"SSL_CERT_FILE": str(here.ca)} if here.ca else {}), **_proxies(here.pip)}
    with TemporaryDirectory() as folder:
        output = Path(folder, requirements.lock.name)
        if before is not None:
            # uv keeps the versions that its output file already contains.
            output.write_text(before)
        done = subprocess.run(
            [*command, "--output-file", str(output), "-"],
            cwd=requirements.source.parent,
            env=environment,
            input=requirements.text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SparkImagesError(
                f"{requirements.source.relative_to(ROOT)} cannot be resolved:\n{done.stderr.strip()}"
            )
        compiled = output.read_text()
    text = f"{requirements.fingerprint}\n{compiled.removeprefix(_first_comment(compiled))}"
    files.write(requirements.lock, text)
    return text != before


def _indexes(pip: Mapping[str, str]) -> list[str]:
    """Returns uv's options for pip's indexes, from which a build installs the locked packages."""
    options = ["--default-index", pip["index-url"]] if pip.get("index-url") else []
    for index in pip.get("extra-index-url", "").split():
        options += ["--index", index]
    # By default, uv takes a package only from the first index that has it, so that no other index can replace it.
    # pip takes the newest version of all indexes. Here the reviewed hashes of the lock prevent a replacement.
    options += ["--index-strategy", "unsafe-best-match"]
    for trusted in pip.get("trusted-host", "").split():
        options += ["--allow-insecure-host", trusted]
    return options


def _proxies(pip: Mapping[str, str]) -> dict[str, str]:
    """Returns pip's own proxy as the variables that uv reads. Pip also prefers it to the proxy of the environment."""
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    return dict.fromkeys(names, pip["proxy"]) if pip.get("proxy") else {}


def _first_comment(text: str) -> str:
    first, newline, _ = text.partition("\n")
    return first + newline if first.startswith("#") else ""
