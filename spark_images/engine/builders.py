"""Checks the buildx builder of `--builder` before a build needs it."""

import subprocess

from spark_images.errors import SparkImagesError, UsageError, unknown

LIMIT = 60
"""Seconds for a builder to start or answer. buildx itself has no limit if a server accepts a connection in silence."""


def require(name: str) -> None:
    """Raises UsageError if buildx has no builder with this name. Does not start the builder.

    Raises SparkImagesError if buildx cannot read its builders.
    """
    done = _buildx("inspect", "--", name)
    if f'no builder "{name}" found' in done.stderr:
        raise UsageError(f"--builder: {unknown('builder', name, _names())}. `docker buildx create` adds a builder")
    if done.returncode:
        raise SparkImagesError(f'buildx cannot read the builder "{name}": {_reason(done)}')


def start(name: str) -> None:
    """Starts a builder, or connects to a running one. Raises SparkImagesError if it does not answer within LIMIT."""
    try:
        done = _buildx("inspect", "--bootstrap", "--", name, limit=LIMIT)
    except subprocess.TimeoutExpired:
        raise SparkImagesError(_silent(name, f"no answer within {LIMIT} s")) from None
    if done.returncode:
        raise SparkImagesError(_silent(name, _reason(done)))


def _silent(name: str, reason: str) -> str:
    return (
        f'the builder "{name}" does not answer: {reason}. Start its BuildKit, or create the builder again with another '
        f"address, until `docker buildx inspect --bootstrap {name}` works. Without --builder, the engine builds"
    )


def _names() -> list[str]:
    """Returns the names of all builders. The rows of their nodes are indented, and the current builder has a star."""
    _, *rows = _buildx("ls").stdout.splitlines() or [""]
    return [row.split()[0].removesuffix("*") for row in rows if row and not row[0].isspace()]


def _buildx(*arguments: str, limit: float | None = None) -> subprocess.CompletedProcess[str]:
    command = ["docker", "buildx", *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=limit)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[-1].removeprefix("ERROR: ") if lines else f"exit code {done.returncode}"
