"""Runs a bake definition with the docker CLI, because the SDK cannot use BuildKit."""

import json
import re
import shlex
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from invoke.context import Context
from invoke.exceptions import CommandTimedOut
from invoke.runners import Result

from spark_images import BUILD, ROOT, files
from spark_images.engine import daemon
from spark_images.engine.host import Host
from spark_images.errors import SparkImagesError
from spark_images.plan.bake import LINK
from spark_images.plan.graph import all_below

BUILDX_ENVIRONMENT = {"BUILDX_NO_DEFAULT_LOAD": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}
"""Without these, the engine's builder also exports linked targets, and each image contains the time of its build."""

OFFLINE_LIMIT = 20
"""Seconds that a build may take if no mirror answers. A cached build takes less, and any other build cannot succeed."""


def reachable(host: Host, timeout: float = 3) -> bool:
    """Returns whether a mirror or proxy of the host accepts a connection, each within `timeout` seconds.

    A host without proxies and mirrors counts as reachable.
    """
    for endpoint in dict.fromkeys(host.endpoints()):
        try:
            socket.create_connection(endpoint, timeout).close()
        except OSError:
            continue
        return True
    return not list(host.endpoints())


@contextmanager
def secret_files(contents: Mapping[str, str]) -> Iterator[Path]:
    """Writes each secret to a file in a private folder. Yields the folder, and deletes it afterwards."""
    with TemporaryDirectory() as folder:
        for name, content in contents.items():
            files.write(Path(folder, name), content)
        yield Path(folder)


@contextmanager
def secrets(contents: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, list[str]]]:
    """Writes the secrets of each Debian release. Yields bake's secret options for each, and deletes the files after."""
    with ExitStack() as stack:
        folders = {suite: stack.enter_context(secret_files(found)) for suite, found in contents.items()}
        yield {suite: [f"id={n},src={folder / n}" for n in contents[suite]] for suite, folder in folders.items()}


AT_ONCE = 6
"""Targets of one buildx run. BuildKit treats each as a separate build. With sixteen of them on two cores, BuildKit's
own calls time out while it exports layers."""


def bake(
    definition: Mapping[str, Any],
    host: Host,
    suites: Mapping[str, str],
    *,
    online: bool = True,
    builder: str = "",
    no_cache: bool = False,
) -> Mapping[str, Any]:
    """Runs a bake definition, AT_ONCE targets at a time. Returns the metadata (digests) of the requested targets.

    With `no_cache`, every target is rebuilt once. The output of buildx goes to the terminal and to a log under
    .build/logs. If `online` is false, each run has OFFLINE_LIMIT seconds. Raises SparkImagesError if the build fails,
    with the reason from the log.
    """
    found: dict[str, Any] = {}
    # Targets that still need a rebuild. A target that an earlier run rebuilt comes from the cache, because BuildKit
    # uses the newest result of a step.
    anew = set(definition["target"]) if no_cache else set()
    for now in _runs(definition, suites):
        needed = _needed(definition, now)
        part = {**_without_cache(definition, anew & needed), "group": {"default": {"targets": now}}}
        metadata = _bake_patiently(part, host, suites, online=online, builder=builder)
        anew -= needed
        # Only requested targets: the metadata of a target that is only needed here could replace that of its own run.
        found |= {target: metadata[target] for target in now if target in metadata}
    return {target: found[target] for target in definition["group"]["default"]["targets"] if target in found}


def _runs(definition: Mapping[str, Any], suites: Mapping[str, str]) -> Iterator[list[str]]:
    """Yields the targets of each run, at most AT_ONCE. Each run has targets of one Debian release.

    The targets of other releases that they are built from are in earlier runs. Otherwise BuildKit could run a step of
    one release with the apt sources of another one. A secret is not part of a step, so a step that several targets need
    gets the secrets of any of them.
    """
    done: set[str] = set()

    def runs(targets: Sequence[str]) -> Iterator[list[str]]:
        for suite in dict.fromkeys(suites[target] for target in targets):
            of_suite = [target for target in targets if suites[target] == suite]
            needed = _needed(definition, of_suite)
            edges = {below for name in needed if suites[name] == suite for below in _below(definition, name)}
            yield from runs(sorted(name for name in edges if suites[name] != suite and name not in done))
            for first in range(0, len(of_suite), AT_ONCE):
                yield of_suite[first : first + AT_ONCE]
            done.update(needed)

    yield from runs(definition["group"]["default"]["targets"])


def _without_cache(definition: Mapping[str, Any], names: Set[str]) -> dict[str, Any]:
    targets = {
        name: {**target, "no-cache": True} if name in names else target for name, target in definition["target"].items()
    }
    return {**definition, "target": targets}


def _needed(definition: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """Returns these targets and every target that they are built from."""
    return all_below(names, lambda name: _below(definition, name))


def _below(definition: Mapping[str, Any], name: str) -> list[str]:
    """Returns the targets that a target is built from directly."""
    sources = definition["target"][name]["contexts"].values()
    return [source.removeprefix(LINK) for source in sources if source.startswith(LINK)]


PASSING = {
    "DeadlineExceeded: context deadline exceeded": "the engine was too slow for one of its own calls",
    "failed to stat active key during commit": "the engine lost a snapshot that two builds used at once",
}
"""The errors of BuildKit that do not come back if the build is repeated, and what each of them means.

BuildKit's calls time out on a slow disk. Its pull request 6808 describes the lost snapshot.
"""

ATTEMPTS = 3


def _bake_patiently(
    definition: Mapping[str, Any], host: Host, suites: Mapping[str, str], *, online: bool, builder: str
) -> Mapping[str, Any]:
    """Repeats a run that failed for a passing reason. The next run continues from the cache."""
    for _ in range(ATTEMPTS - 1):
        try:
            return _bake(definition, host, suites, online=online, builder=builder)
        except SparkImagesError as error:
            reason = next((meaning for text, meaning in PASSING.items() if text in str(error)), "")
            if not reason:
                raise
            print(f"{reason}: the build continues from the cache")
    return _bake(definition, host, suites, online=online, builder=builder)


def _bake(
    definition: Mapping[str, Any], host: Host, suites: Mapping[str, str], *, online: bool, builder: str
) -> Mapping[str, Any]:
    logs = BUILD / "logs"
    name = datetime.now().strftime("%Y%m%d-%H%M%S.%f")
    plan, metadata, log = logs / f"{name}.bake.json", logs / f"{name}.json", logs / f"{name}.log"
    with secrets({suite: host.secrets(suite) for suite in {*suites.values()}}) as mounted:
        files.write(plan, json.dumps(_with_secrets(definition, suites, mounted), indent=2), private=True)
        command = ["docker", "buildx", "bake", "--file", str(plan), "--metadata-file", str(metadata)]
        command += ["--builder", builder] if builder else []
        # BuildKit predefines the proxy arguments: they reach each RUN and stay out of the image's history.
        # A proxy address can contain a password. An argument without a value takes it from the environment.
        for variable in host.proxies:
            command += ["--set", f"*.args.{variable}"]
        try:
            result = Context().run(
                # Invoke runs its command in a shell, so each word is quoted.
                f"cd {shlex.quote(str(ROOT))} && exec {shlex.join(command)}",
                pty=sys.stdout.isatty(),
                warn=True,
                in_stream=False,
                timeout=None if online else OFFLINE_LIMIT,
                env={**BUILDX_ENVIRONMENT, **host.proxies},
            )
        except CommandTimedOut as error:
            _keep(log, error.result)
            raise SparkImagesError(f"{offline(host)}\n{_where(log)}") from None
    assert result is not None
    said = _keep(log, result)
    if not result.ok:
        hint = daemon.lost() or ("" if online else offline(host))
        raise SparkImagesError("\n".join(filter(None, (hint, explain(said), _where(log)))))
    return dict(json.loads(metadata.read_text()))


def _with_secrets(
    definition: Mapping[str, Any], suites: Mapping[str, str], mounted: Mapping[str, list[str]]
) -> dict[str, Any]:
    targets = {name: {**target, "secret": mounted[suites[name]]} for name, target in definition["target"].items()}
    return {**definition, "target": targets}


_CREDENTIALS = re.compile(r"(?<=://)[^/\s]*@")


def _keep(log: Path, result: Result) -> str:
    """Writes the log of a run, and returns it, without the credentials in addresses.

    A tool prints the whole address of a proxy or mirror that does not answer.
    """
    text = _CREDENTIALS.sub("***@", result.stdout + result.stderr)
    files.write(log, text, private=True)
    return text


def offline(host: Host) -> str:
    """Returns the error message for a build that needs the network while no mirror answers."""
    names = ", ".join(dict.fromkeys(name for name, _ in host.endpoints()))
    return (
        f"no network: {names} does not answer, and this build needs files that are not cached. "
        "Existing images are unchanged"
    )


def _where(log: Path) -> str:
    return f"full log: {log.relative_to(ROOT)}"


_MISMATCH = re.compile(r"([\w.:=+-]+): expected (sha256:\w+), found (sha256:\w+)")
_FAILED_STEP = re.compile(r"^------\n > \[(?P<step>[^\]]+)\][^\n]*\n(?P<output>.*?)^------$", re.MULTILINE | re.DOTALL)


def explain(log: str) -> str:
    """Returns the reason of a failed build from its log: the artefact that does not match its lock, or the failed step.

    The end of the step's output follows, or BuildKit's error if the step printed nothing.
    """
    if match := _MISMATCH.search(log):
        return f"{match[1]}: its content is not what the lock says: expected {match[2]}, found {match[3]}"
    errors = [line for line in log.splitlines() if line.startswith(("ERROR", "error"))]
    if match := _FAILED_STEP.search(log.replace("\r\n", "\n")):
        end = match["output"].strip().splitlines()[-3:] or errors[-1:]
        return "\n  ".join([f"the build failed in {match['step']}:", *end])
    if "context canceled" in log:
        return "the build was interrupted: no image has changed"
    return "the build failed" + (f": {errors[-1]}" if errors else "")
