import json
import os
import socket
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any

import pytest

from spark_images.engine import buildx, daemon
from spark_images.engine.host import Apt, Host
from spark_images.errors import SparkImagesError

OFFLINE = Host(None, Apt((("http://mirror.example/debian", "bookworm"),)), {}, None, {})
PROXY = "http://user:word@proxy.example:3128"
PROXIED = Host(None, Apt(), {"index-url": "https://pip.example"}, None, {"http_proxy": PROXY})
SILENT = Host(None, Apt(), {}, None, {})

FAILED = """\
#12 [python-deps packages 3/3] RUN <<SH
#12 1.0 first
#12 ERROR: process "/bin/sh -c set -eu" did not complete successfully: exit code: 1
------
 > [python-deps packages 3/3] RUN --mount=type=secret,id=ca <<SH:
0.9 an earlier line
1.0 Collecting pandas
1.1 ERROR: no matching distribution
1.2 exit status 1
------
Dockerfile:5
--------------------
ERROR: failed to solve: process did not complete successfully
"""


def test_explain_names_the_artefact_that_does_not_match_its_lock() -> None:
    log = "#9 4.2 org.x:y:1.0: expected sha256:aa, found sha256:bb\n" + FAILED
    assert buildx.explain(log) == (
        "org.x:y:1.0: its content is not what the lock says: expected sha256:aa, found sha256:bb"
    )


@pytest.mark.parametrize("log", [FAILED, FAILED.replace("\n", "\r\n")], ids=["piped", "terminal"])
def test_explain_shows_the_end_of_the_failed_step(log: str) -> None:
    assert buildx.explain(log).splitlines() == [
        "the build failed in python-deps packages 3/3:",
        "  1.0 Collecting pandas",
        "  1.1 ERROR: no matching distribution",
        "  1.2 exit status 1",
    ]


def test_explain_distinguishes_an_interruption_from_a_failure() -> None:
    log = "#12 CANCELED\nERROR: failed to solve: Canceled: context canceled\n"
    assert buildx.explain(log) == "the build was interrupted: no image has changed"


def test_explain_shows_the_last_error_if_no_step_failed() -> None:
    log = "error: one\n#3 DONE\nERROR: failed to find target x\ngoodbye\n"
    assert buildx.explain(log) == "the build failed: ERROR: failed to find target x"


def test_explain_of_a_log_without_an_error_says_that_the_build_failed() -> None:
    assert buildx.explain("#1 DONE\n") == "the build failed"


def connects(monkeypatch: pytest.MonkeyPatch, *able: str) -> list[tuple[str, int]]:
    tried: list[tuple[str, int]] = []

    def connect(endpoint: tuple[str, int], timeout: float) -> Any:
        tried.append(endpoint)
        if endpoint[0] not in able:
            raise TimeoutError
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(socket, "create_connection", connect)
    return tried


def test_a_host_is_reachable_if_one_endpoint_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    repositories = (("http://a", "bookworm"), ("http://a", "bookworm-updates"), ("http://b", "x"), ("http://c", "x"))
    tried = connects(monkeypatch, "b")
    assert buildx.reachable(Host(None, Apt(repositories), {}, None, {}))
    assert tried == [("a", 80), ("b", 80)]


def test_a_host_is_unreachable_if_no_endpoint_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    connects(monkeypatch)
    assert not buildx.reachable(OFFLINE)


def test_a_host_without_a_mirror_counts_as_reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connects(monkeypatch) == []
    assert buildx.reachable(SILENT)


def test_secrets_are_in_a_private_folder_only_during_a_build() -> None:
    with buildx.secrets({"bookworm": {"ca": "CERTIFICATE"}}) as found:
        (option,) = found["bookworm"]
        name, _, source = option.partition(",src=")
        file = Path(source)
        assert name == "id=ca"
        assert file.read_text() == "CERTIFICATE"
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not file.parent.exists()


DEFINITION = {
    "group": {"default": {"targets": ["os", "python"]}},
    "target": {
        "os": {"args": {"A": "1"}, "contexts": {}},
        "tools": {"args": {}, "contexts": {"os": "target:os"}},
        "python": {"args": {}, "contexts": {"os": "target:os", "tools": "target:tools", "x": "docker-image://x"}},
    },
}
DOCKER = """\
#!/bin/sh
printf '%s\\0' "$@" > {seen}/arguments
env -0 > {seen}/environment
pwd > {seen}/folder
while [ $# -gt 0 ]; do
    case $1 in --file) plan=$2 ;; --metadata-file) metadata=$2 ;; esac
    shift
done
cp "$plan" "{seen}/$(date +%s%N).plan"
{script}
"""
DONE = """echo '{}' > "$metadata\""""


@dataclass(frozen=True)
class Ran:
    """The arguments, environment and folder of the last docker call of a bake, every call's plan, and the metadata."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    plans: list[dict[str, Any]]
    metadata: Mapping[str, Any]


Run = Callable[..., Ran]


@pytest.fixture
def checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The repository, in a folder whose name needs quoting in a shell."""
    root = tmp_path / "my $HOME; it's a checkout"
    root.mkdir()
    monkeypatch.setattr(buildx, "ROOT", root)
    monkeypatch.setattr(buildx, "BUILD", root / ".build")
    return root


@pytest.fixture
def bake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, checkout: Path) -> Run:
    """Returns a function that runs buildx.bake with `script` in place of docker."""
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    monkeypatch.setenv("PATH", str(docker.parent), prepend=os.pathsep)
    monkeypatch.setattr(daemon, "lost", lambda: "")

    def run(script: str, host: Host = SILENT, definition: Mapping[str, Any] = DEFINITION, **how: Any) -> Ran:
        seen = Path(mkdtemp(dir=tmp_path))
        docker.write_text(DOCKER.replace("{seen}", str(seen)).replace("{script}", script))
        docker.chmod(0o755)
        suites = how.pop("suites", dict.fromkeys(definition["target"], "bookworm"))
        metadata = buildx.bake(definition, host, suites, **how)
        return Ran(
            (seen / "arguments").read_text().split("\0")[:-1],
            dict(line.split("=", 1) for line in (seen / "environment").read_text().split("\0")[:-1]),
            (seen / "folder").read_text().strip(),
            [json.loads(plan.read_text()) for plan in sorted(seen.glob("*.plan"))],
            metadata,
        )

    return run


def requested(plan: Mapping[str, Any]) -> list[str]:
    return list(plan["group"]["default"]["targets"])


def anew(plan: Mapping[str, Any]) -> set[str]:
    return {name for name, target in plan["target"].items() if target.get("no-cache")}


EACH = """python3 -c 'import json, sys; t = json.load(open(sys.argv[1]))["group"]["default"]["targets"]
print(json.dumps({t[0]: len(t)}))' "$plan" > "$metadata\""""


def test_bake_runs_a_limited_number_of_targets_at_once(bake: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buildx, "AT_ONCE", 1)
    assert bake(EACH).metadata == {"os": 1, "python": 1}


def test_bake_without_the_cache_runs_a_limited_number_of_targets_at_once(
    bake: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buildx, "AT_ONCE", 1)
    ran = bake(EACH, no_cache=True)
    assert ran.metadata == {"os": 1, "python": 1}
    assert [requested(plan) for plan in ran.plans] == [["os"], ["python"]]


def test_bake_without_the_cache_rebuilds_each_target_once(bake: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buildx, "AT_ONCE", 1)
    ran = bake(DONE, no_cache=True)
    assert [anew(plan) for plan in ran.plans] == [{"os"}, {"tools", "python"}]
    assert "--no-cache" not in ran.arguments


TWO_RELEASES: Mapping[str, Any] = {
    "group": {"default": {"targets": ["new", "old", "shell"]}},
    "target": {
        name: {"contexts": {below: f"target:{below}" for below in contexts}, "args": {}, "output": ["type=cacheonly"]}
        for name, contexts in {
            "os12": [],
            "tools12": ["os12"],
            "jars": ["tools12"],
            "os13": [],
            "new": ["os13", "jars", "tools12"],
            "old": ["os12", "jars"],
            "shell": ["new"],
        }.items()
    },
}
OF = {"os13": "trixie", "new": "trixie", "shell": "trixie"}


def test_a_run_has_targets_of_one_release_and_the_layers_of_the_other_one_are_built_before(bake: Run) -> None:
    suites = {name: OF.get(name, "bookworm") for name in TWO_RELEASES["target"]}
    ran = bake(EACH, definition=TWO_RELEASES, suites=suites, no_cache=True)
    assert [requested(plan) for plan in ran.plans] == [["jars", "tools12"], ["new", "shell"], ["old"]]
    assert [anew(plan) for plan in ran.plans] == [{"os12", "tools12", "jars"}, {"os13", "new", "shell"}, {"old"}]
    assert list(ran.metadata) == ["new", "old"]


def test_bake_uses_the_cache_by_default(bake: Run) -> None:
    ran = bake(DONE)
    assert [anew(plan) for plan in ran.plans] == [set()]
    assert "--no-cache" not in ran.arguments


def test_bake_runs_in_the_repository(bake: Run, checkout: Path) -> None:
    assert bake(DONE).folder == str(checkout)


def test_bake_returns_the_digests(bake: Run) -> None:
    ran = bake("""echo '{"os": {"containerimage.digest": "sha256:1"}}' > "$metadata\"""")
    assert ran.metadata == {"os": {"containerimage.digest": "sha256:1"}}


def test_bake_passes_the_hosts_secrets_to_every_target(bake: Run) -> None:
    targets = bake(DONE, PROXIED).plans[0]["target"]
    assert targets["os"]["args"] == {"A": "1"}
    assert [s.partition(",")[0] for s in targets["python"]["secret"]] == ["id=apt-conf", "id=pip-conf"]


def test_bake_passes_the_hosts_proxies_in_the_environment(bake: Run) -> None:
    ran = bake(DONE, PROXIED)
    assert ran.arguments[-2:] == ["--set", "*.args.http_proxy"]
    assert ran.environment["http_proxy"] == PROXY


@pytest.mark.parametrize("script", [DONE, "exit 1"])
def test_bake_writes_no_proxy_password_to_a_file(bake: Run, checkout: Path, script: str) -> None:
    with suppress(SparkImagesError):
        bake(f"echo tool: $http_proxy does not answer; {script}", PROXIED)
    kept = [file for file in checkout.rglob("*") if file.is_file()]
    assert {file.suffix for file in kept} >= {".log", ".json"}
    assert [file.name for file in kept if "word" in file.read_text()] == []
    assert "tool: http://***@proxy.example:3128 does not answer" in next(checkout.rglob("*.log")).read_text()


def test_an_error_contains_no_proxy_password(bake: Run) -> None:
    with pytest.raises(SparkImagesError, match=r"ERROR: http://\*\*\*@proxy\.example:3128 does not answer"):
        bake("echo ERROR: $http_proxy does not answer; exit 1", PROXIED)


def test_only_the_user_can_read_the_plan_and_the_log(bake: Run, checkout: Path) -> None:
    bake(DONE)
    kept = [file for pattern in ("*.bake.json", "*.log") for file in (checkout / ".build/logs").glob(pattern)]
    assert [stat.S_IMODE(file.stat().st_mode) for file in kept] == [0o600, 0o600]


def test_bake_turns_off_default_loads_and_attestations(bake: Run) -> None:
    environment = bake(DONE).environment
    assert environment["BUILDX_NO_DEFAULT_LOAD"] == environment["BUILDX_NO_DEFAULT_ATTESTATIONS"] == "1"


@pytest.mark.parametrize("builder", ["kube", "two words; exit 1"])
def test_bake_passes_the_builder_to_buildx(bake: Run, builder: str) -> None:
    assert bake(DONE, builder=builder).arguments[-2:] == ["--builder", builder]


def test_a_failed_bake_explains_the_failure_and_names_the_log(bake: Run, checkout: Path) -> None:
    with pytest.raises(SparkImagesError) as raised:
        bake("echo 'g:a:1: expected sha256:aa, found sha256:bb' >&2; exit 1")
    first, last = str(raised.value).splitlines()
    assert first.startswith("g:a:1: its content is not what the lock says")
    log = checkout / last.removeprefix("full log: ")
    assert "expected sha256:aa" in log.read_text()


def test_a_log_that_cannot_be_written_is_an_error(bake: Run) -> None:
    with pytest.raises(SparkImagesError, match=r"/\.build/logs/\S+\.log cannot be written: "):
        bake(f"{DONE}; rm -r .build/logs; touch .build/logs")


def test_a_failed_bake_says_that_the_engine_died(bake: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "lost", lambda: "the container engine no longer answers")
    with pytest.raises(SparkImagesError) as raised:
        bake("echo ERROR: failed to receive status: error reading from server: EOF; exit 1")
    first, second, last = str(raised.value).splitlines()
    assert first == "the container engine no longer answers"
    assert second == "the build failed: ERROR: failed to receive status: error reading from server: EOF"
    assert last.startswith("full log: ")


SLOW = "echo 'ERROR: failed to solve: DeadlineExceeded: context deadline exceeded'; exit 1"


LOST = """\
------
 > [spark-conf files 1/5] COPY *.properties /layer/opt/spark/conf/:
------
ERROR: failed to solve: failed to commit a to b during finalize: failed to stat active key during commit: not found
"""


def test_failed_step_without_output_is_explained_by_the_error_of_buildkit() -> None:
    assert buildx.explain(LOST).splitlines() == [
        "the build failed in spark-conf files 1/5:",
        f"  {LOST.splitlines()[-1]}",
    ]


@pytest.mark.parametrize("failure", [SLOW, f"echo '{LOST}'; exit 1"])
def test_a_bake_is_repeated_if_the_engine_failed_for_a_passing_reason(
    bake: Run, failure: str, capfd: pytest.CaptureFixture[str]
) -> None:
    bake(f"test -e .build/tried || {{ touch .build/tried; {failure}; }}; {DONE}")
    assert capfd.readouterr().out.count("the build continues from the cache") == 1


def test_a_bake_fails_if_the_engine_always_times_out(bake: Run, checkout: Path) -> None:
    with pytest.raises(SparkImagesError, match="the build failed: ERROR: failed to solve: DeadlineExceeded"):
        bake(f"echo x >> .build/tries; {SLOW}")
    assert (checkout / ".build/tries").read_text().split() == ["x"] * buildx.ATTEMPTS


def test_a_failed_bake_offline_names_the_mirror(bake: Run) -> None:
    with pytest.raises(
        SparkImagesError, match=r"^no network: mirror\.example does not answer.*Existing images are unchanged"
    ):
        bake("exit 1", OFFLINE, online=False)


def test_a_bake_offline_is_stopped_at_its_time_limit(bake: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buildx, "OFFLINE_LIMIT", 0.1)
    with pytest.raises(SparkImagesError, match=r"^no network: mirror\.example does not answer") as raised:
        bake("echo begun; exec sleep 60", OFFLINE, online=False)
    assert "full log: .build/logs/" in str(raised.value)


def test_a_bake_online_has_no_time_limit(bake: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buildx, "OFFLINE_LIMIT", 0.1)
    assert bake(f"sleep 0.5; {DONE}").metadata == {}


def test_bake_gives_each_target_the_mirrors_of_its_debian_release(bake: Run) -> None:
    mirrors = (("http://mirror.example/debian", "bookworm"), ("http://mirror.example/debian", "trixie"))
    host = Host(None, Apt(mirrors), {}, None, {})
    shown = "import json, sys; p = json.load(open(sys.argv[1]))['target']; "
    shown += "r = {n: dict(s.split(',src=') for s in t['secret']) for n, t in p.items()}; "
    shown += "print(json.dumps({n: open(f['id=apt-sources']).read() for n, f in r.items()}))"
    suites = {"os": "bookworm", "tools": "bookworm", "python": "trixie"}
    found = bake(f'python3 -c "{shown}" "$plan" > "$metadata"', host, suites=suites).metadata
    assert " trixie" not in found["os"]
    assert " bookworm" in found["os"]
    assert " bookworm" not in found["python"]
    assert " trixie" in found["python"]
