"""Runs grype: finds or builds it, updates its database, and matches an SBOM."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spark_images.engine import gotool, host
from spark_images.errors import SparkImagesError, UsageError

MODULES = Path(__file__).with_name("grype")
"""The folder whose go.mod and go.sum lock the version that this project builds."""

PACKAGE = "github.com/anchore/grype/cmd/grype"
LIMIT = 900
"""Seconds that a run of grype has. An update fetches about 200 MB."""


class UnreachableError(SparkImagesError):
    """The database of vulnerabilities does not answer, so nothing is known about an image. Exit code 3."""

    exit_code = 3


def find() -> Path:
    """Returns grype from PATH, or builds it from locked Go modules.

    Raises SparkImagesError if there is no grype, and no Go to build it with.
    """
    if found := shutil.which("grype"):
        return Path(found)
    if not shutil.which("go"):
        raise SparkImagesError(
            "`inv scan` needs grype, which is not installed. Install grype, or Go: this command then builds grype from"
            " locked modules"
        )
    return gotool.program(MODULES, PACKAGE)


@dataclass(frozen=True)
class Grype:
    """grype with its database. `folder` has a database that the user filled. With None, grype fetches its own."""

    program: Path
    folder: Path | None = None

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that a run gets. Only `update` may contact the network."""
        ca = host.ca_bundle()
        own = {"GRYPE_CHECK_FOR_APP_UPDATE": "false", "GRYPE_DB_AUTO_UPDATE": "false"}
        if self.folder:
            # The owner of a folder without a network decides how old it may be. `update` keeps grype's own one new.
            own |= {"GRYPE_DB_CACHE_DIR": str(self.folder.resolve()), "GRYPE_DB_VALIDATE_AGE": "false"}
        return {**os.environ, **({"SSL_CERT_FILE": str(ca)} if ca else {}), **own}

    def ready(self) -> None:
        """Updates grype's database. With a folder, only checks that it has a database.

        Raises UnreachableError (exit code 3) if the database cannot be fetched, and UsageError if the folder
        has no database.
        """
        if self.folder:
            if (done := self._run("db", "status")).returncode:
                raise UsageError(
                    f"{self.folder} has no database of grype: {_said(done)}. Fill it with"
                    f" `GRYPE_DB_CACHE_DIR={self.folder} grype db import FILE`"
                )
            return
        try:
            done = self._run("db", "update")
        except subprocess.TimeoutExpired:
            raise UnreachableError(_unreachable(f"no answer within {LIMIT} s")) from None
        if done.returncode:
            raise UnreachableError(_unreachable(_said(done)))

    def report(self, sbom: Path, debian: str) -> bytes:
        """Returns grype's report on an SBOM, in JSON. `debian` is the Debian release of its packages, or "".

        Raises SparkImagesError if grype fails.
        """
        # A grype that does not read the release in package URLs would skip every Debian package.
        release = ("--distro", f"debian:{debian}") if debian else ()
        try:
            done = self._run(f"sbom:{sbom}", "--output", "json", "--quiet", *release)
        except subprocess.TimeoutExpired:
            raise SparkImagesError(f"grype did not scan {sbom} within {LIMIT} s") from None
        if done.returncode:
            raise SparkImagesError(f"grype could not scan {sbom}: {_said(done)}")
        return done.stdout

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = [str(self.program), *arguments]
        return subprocess.run(
            command,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=LIMIT,
        )


def _unreachable(reason: str) -> str:
    return (
        f"no vulnerability is known, because grype cannot fetch its database: {reason}. Check the network, or name a"
        " folder with a database: --database FOLDER"
    )


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    """Returns the last line that a run printed."""
    lines = [line.strip() for line in (done.stdout + done.stderr).decode(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode}"
