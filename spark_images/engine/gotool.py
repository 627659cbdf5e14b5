"""Builds programs from Go modules that a go.sum locks."""

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from spark_images import BUILD, files
from spark_images.engine import host
from spark_images.errors import SparkImagesError

FOLDER = BUILD / "go"


def program(modules: Path, package: str, folder: Path = FOLDER) -> Path:
    """Returns the program of a Go package, from the modules that go.mod and go.sum in `modules` lock.

    Builds it once: `folder` keeps the program under the hash of both files. Go compares each module with go.sum.

    Raises SparkImagesError if this machine has no Go, or if Go cannot fetch or build the modules.
    """
    found = place(modules, package, folder)
    with files.locked(folder / f"{found.name}.lock"):
        if not found.exists():
            _build(modules, package, found)
    return found


def place(modules: Path, package: str, folder: Path = FOLDER) -> Path:
    """Returns the file that `program` builds with these arguments. It exists if the program was built before."""
    name = package.rpartition("/")[2]
    locked = sha256((modules / "go.mod").read_bytes() + (modules / "go.sum").read_bytes()).hexdigest()
    return folder / f"{name}-{locked[:12]}" / name


def _build(modules: Path, package: str, target: Path) -> None:
    name = target.name
    if not shutil.which("go"):
        raise SparkImagesError(f"{name} cannot be built: this machine has no Go. Install {name} or Go")
    print(f"building {name} from locked Go modules: the first time takes minutes", file=sys.stderr)
    ca = host.ca_bundle()
    environment = {**os.environ, **({"SSL_CERT_FILE": str(ca)} if ca else {})}
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{name}.{os.getpid()}.partial")
    command = ["go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o", str(partial), package]
    done = subprocess.run(command, cwd=modules, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SparkImagesError(f"Go could not build {name}:\n{done.stderr.strip()[-2000:]}")
    partial.replace(target)
