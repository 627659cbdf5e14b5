"""The run of a bake definition. The CLI builds, since the SDK cannot drive BuildKit."""

import json
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from invoke.context import Context
from invoke.exceptions import CommandTimedOut

from spark_images import BUILD, ROOT
from spark_images.engine.host import Host
from spark_images.errors import SparkImagesError

BUILDX_ENVIRONMENT = {"BUILDX_NO_DEFAULT_LOAD": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""Without these, the engine's builder exports linked targets too, and stamps each image with the time of the build."""

OFFLINE_LIMIT = 20
"""Seconds that a build may take while no mirror answers: what is cached takes less, what is not cannot succeed."""


def reachable(host: Host, timeout: float = 3) -> bool:
    """Whether one of the host's mirrors (or its proxy) takes a connection within `timeout` seconds each."""
    for endpoint in dict.fromkeys(host.endpoints()):
        try:
            socket.create_connection(endpoint, timeout).close()
        except OSError:
            continue
        return True
    return not list(host.endpoints())


@contextmanager
def secret_files(contents: Mapping[str, str]) -> Iterator[Path]:
    """Writes secrets to a private folder, a file each, for as long as they are needed; yields the folder."""
    with TemporaryDirectory() as folder:
        for name, content in contents.items():
            Path(folder, name).write_text(content)
        yield Path(folder)


@contextmanager
def secrets(contents: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, list[str]]]:
    """Writes the secrets of a build by Debian release; yields bake's options for each. The files go afterwards."""
    with ExitStack() as stack:
        folders = {suite: stack.enter_context(secret_files(files)) for suite, files in contents.items()}
        yield {suite: [f"id={n},src={folder / n}" for n in contents[suite]] for suite, folder in folders.items()}


AT_ONCE = 6
"""Targets of one run of buildx. Each is a build of its own to BuildKit: with sixteen of them on two cores, its own
calls run into their time limits while layers are exported."""


def bake(
    definition: Mapping[str, Any],
    host: Host,
    suites: Mapping[str, str],
    *,
    online: bool = True,
    builder: str = "",
    no_cache: bool = False,
) -> Mapping[str, Any]:
    """Runs a bake definition, AT_ONCE of its targets after the other; returns their metadata (digests).

    What buildx prints goes to the terminal and to a log under .build/logs. Where no mirror answers (not `online`), a
    run has OFFLINE_LIMIT seconds. Raises SparkImagesError where the build fails, with what the log says of the reason.
    """
    requested = definition["group"]["default"]["targets"]
    # Without the cache a second run would build anew what the first has built.
    size = max(len(requested), 1) if no_cache else AT_ONCE
    found: dict[str, Any] = {}
    for first in range(0, len(requested), size):
        now = requested[first : first + size]
        part = {**definition, "group": {"default": {"targets": now}}}
        metadata = _bake(part, host, suites, online=online, builder=builder, no_cache=no_cache)
        # What is only built for these has no digest here: another run may have given it one.
        found |= {target: metadata[target] for target in now if target in metadata}
    return found


def _bake(
    definition: Mapping[str, Any], host: Host, suites: Mapping[str, str], *, online: bool, builder: str, no_cache: bool
) -> Mapping[str, Any]:
    logs = BUILD / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    name = datetime.now().strftime("%Y%m%d-%H%M%S.%f")
    plan, metadata, log = logs / f"{name}.bake.json", logs / f"{name}.json", logs / f"{name}.log"
    with secrets({suite: host.secrets(suite) for suite in {*suites.values()}}) as mounted:
        # A proxy's address may hold a password.
        plan.touch(mode=0o600)
        plan.chmod(0o600)
        plan.write_text(json.dumps(_with_host(definition, host, suites, mounted), indent=2))
        command = f"exec docker buildx bake --file {plan} --metadata-file {metadata}"
        command += f" --builder {builder}" if builder else ""
        command += " --no-cache" if no_cache else ""
        try:
            context = Context()
            with context.cd(ROOT):
                result = context.run(
                    command,
                    pty=sys.stdout.isatty(),
                    warn=True,
                    in_stream=False,
                    timeout=None if online else OFFLINE_LIMIT,
                    env=BUILDX_ENVIRONMENT,
                )
        except CommandTimedOut as error:
            log.write_text(error.result.stdout + error.result.stderr)
            raise SparkImagesError(f"{offline(host)}\n{_where(log)}") from None
    assert result is not None
    log.write_text(result.stdout + result.stderr)
    if not result.ok:
        hint = "" if online else offline(host) + "\n"
        raise SparkImagesError(f"{hint}{explain(result.stdout + result.stderr)}\n{_where(log)}")
    return dict(json.loads(metadata.read_text()))


def _with_host(
    definition: Mapping[str, Any], host: Host, suites: Mapping[str, str], mounted: Mapping[str, list[str]]
) -> dict[str, Any]:
    # Proxies are arguments that BuildKit knows: they reach each RUN and stay out of the image's history.
    targets = {
        name: {**target, "secret": mounted[suites[name]], "args": {**target["args"], **host.proxies}}
        for name, target in definition["target"].items()
    }
    return {**definition, "target": targets}


def offline(host: Host) -> str:
    """Returns the sentence for a build that needs the network while no mirror answers."""
    names = ", ".join(dict.fromkeys(name for name, _ in host.endpoints()))
    return f"no network: {names} does not answer, and this build needs what is not cached. Earlier images are untouched"


def _where(log: Path) -> str:
    return f"the whole log: {log.relative_to(ROOT)}"


_MISMATCH = re.compile(r"([\w.:=+-]+): expected (sha256:\w+), found (sha256:\w+)")
_FAILED_STEP = re.compile(r"^------\n > \[(?P<step>[^\]]+)\][^\n]*\n(?P<output>.*?)^------$", re.MULTILINE | re.DOTALL)


def explain(log: str) -> str:
    """Returns what a failed build's log says of the reason: the artefact that is not what it should be, or the
    step that failed with the end of its output.
    """
    if match := _MISMATCH.search(log):
        return f"{match[1]}: its content is not what the lock says: expected {match[2]}, found {match[3]}"
    if match := _FAILED_STEP.search(log.replace("\r\n", "\n")):
        end = match["output"].strip().splitlines()[-3:]
        return "\n  ".join([f"the build failed in {match['step']}:", *end])
    if "context canceled" in log:
        return "the build was interrupted: every image is what it was"
    errors = [line for line in log.splitlines() if line.startswith(("ERROR", "error"))]
    return "the build failed" + (f": {errors[-1]}" if errors else "")
