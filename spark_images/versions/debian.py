"""Finds the Debian packages of an image that have an update.

Debian packages have no lock. So this asks apt inside the newest image of a stack, with the mirrors of this machine.
"""

import re
from dataclasses import dataclass

from docker.errors import APIError, ContainerError
from requests import RequestException

from spark_images.engine import buildx, daemon
from spark_images.engine.host import Host
from spark_images.errors import SparkImagesError

SCRIPT = """set -eu
export APT_CONFIG=/run/secrets/apt-conf
[ -e "$APT_CONFIG" ] || unset APT_CONFIG
set -- -q
[ ! -e /run/secrets/apt-sources ] ||
    set -- "$@" -o Dir::Etc::SourceList=/run/secrets/apt-sources -o Dir::Etc::SourceParts=/dev/null
timeout 120 apt-get "$@" -o APT::Update::Error-Mode=any update >&2
apt-get "$@" --simulate dist-upgrade
echo "java $(java -version 2>&1 | sed -n 's/^.*Environment (build \\(.*\\))$/\\1/p')"
apt-cache "$@" policy "openjdk-$STACK_JAVA-jre-headless"
"""
"""Prints what an upgrade would install, the build of the image's Java, and the versions of Debian's package of it."""

_UPDATE = re.compile(r"^Inst (?P<name>\S+) \[(?P<have>[^\]]+)\] \((?P<newest>\S+) (?P<origin>[^)]*)\)", re.MULTILINE)
_JAVA = re.compile(r"^java (?P<build>\S+)$", re.MULTILINE)
_CANDIDATE = re.compile(r"^  Candidate: (?P<newest>\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Update:
    """A Debian package with an update. `security` says whether it comes from Debian's security archive."""

    package: str
    have: str
    newest: str
    security: bool


def updates(output: str, java: str) -> list[Update]:
    """Returns the updates in the output of the script. `java` is the version of the stack's Java: `17`.

    The image's Java is a `jlink` image, which dpkg does not know. So its build is compared with Debian's package.
    """
    found = [
        Update(match["name"], match["have"], match["newest"], "security" in match["origin"].lower())
        for match in _UPDATE.finditer(output)
    ]
    build, candidate = _JAVA.search(output), _CANDIDATE.search(output)
    if build and candidate and _plain(build["build"]) != _plain(candidate["newest"]):
        found.append(Update(f"openjdk-{java}", build["build"], candidate["newest"], True))
    return found


def _plain(version: str) -> str:
    """Returns a version of OpenJDK in a form that is the same in Debian's package and in Java's own words.

    `17.0.21+9-1~deb12u1` and `17.0.21+9-1-deb12u1-Debian` are one version.
    """
    return re.sub(r"Debian|[-~]", "", version)


def ask(image: str, suite: str, java: str, here: Host) -> str:
    """Returns the output of the script in an image of this machine. `suite` is its Debian release: `bookworm`.

    Takes about 10 s. Raises SparkImagesError if the engine or apt fails.
    """
    failed = f"apt could not compare the packages of {image}"
    with buildx.secret_files(here.secrets(suite)) as folder:
        folder.chmod(0o755)
        try:
            output = daemon.client().containers.run(
                image,
                ["-c", SCRIPT],
                entrypoint="bash",
                user="0",
                volumes={str(folder): {"bind": "/run/secrets", "mode": "ro"}},
                tmpfs={"/var/lib/apt/lists": "", "/var/cache/apt": ""},
                environment={**here.proxies, "STACK_JAVA": java},
                remove=True,
            )
        except ContainerError as error:
            said = error.stderr.decode(errors="replace") if isinstance(error.stderr, bytes) else str(error.stderr)
            raise SparkImagesError(f"{failed}: {(said.strip().splitlines() or ['no output'])[-1]}") from None
        except (APIError, RequestException) as error:
            raise SparkImagesError(f"{failed}: {error}") from None
    return bytes(output).decode(errors="replace")
