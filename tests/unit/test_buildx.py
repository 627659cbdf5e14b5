import json
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from invoke.context import Context

from spark_images.engine import buildx
from spark_images.engine.host import Apt, Host
from spark_images.errors import SparkImagesError

OFFLINE = Host(None, Apt((("http://mirror.example/debian", "bookworm"),)), {}, None, {})
PROXIED = Host(None, Apt(), {"index-url": "https://pip.example"}, None, {"http_proxy": "http://proxy.example:3128"})
SILENT = Host(None, Apt(), {}, None, {})

FAILED = """\
#12 [python-deps packages 3/3] RUN <<SH
#12 1.0 first
#12 ERROR: process "/bin/sh -c set -eu" did not complete successfully: exit code: 1
------
 > [python-deps packages 3/3] RUN --mount=type=secret,id=ca <<SH:
0.9 a line that is long past
1.0 Collecting pandas
1.1 ERROR: no matching distribution
1.2 exit status 1
------
Dockerfile:5
--------------------
ERROR: failed to solve: process did not complete successfully
"""


def test_explain_names_the_artefact_whose_content_is_not_the_locks() -> None:
    log = "#9 4.2 org.x:y:1.0: expected sha256:aa, found sha256:bb\n" + FAILED
    assert buildx.explain(log) == (
        "org.x:y:1.0: its content is not what the lock says: expected sha256:aa, found sha256:bb"
    )


@pytest.mark.parametrize("log", [FAILED, FAILED.replace("\n", "\r\n")], ids=["piped", "terminal"])
def test_explain_gives_the_end_of_the_step_that_failed(log: str) -> None:
    assert buildx.explain(log).splitlines() == [
        "the build failed in python-deps packages 3/3:",
        "  1.0 Collecting pandas",
        "  1.1 ERROR: no matching distribution",
        "  1.2 exit status 1",
    ]


def test_explain_tells_an_interruption_from_a_failure() -> None:
    log = "#12 CANCELED\nERROR: failed to solve: Canceled: context canceled\n"
    assert buildx.explain(log) == "the build was interrupted: every image is what it was"


def test_explain_gives_the_last_error_where_no_step_failed() -> None:
    log = "error: one\n#3 DONE\nERROR: failed to find target x\ngoodbye\n"
    assert buildx.explain(log) == "the build failed: ERROR: failed to find target x"


def test_explain_without_a_reason() -> None:
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


def test_one_endpoint_that_answers_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    repositories = (("http://a", "bookworm"), ("http://a", "bookworm-updates"), ("http://b", "x"), ("http://c", "x"))
    tried = connects(monkeypatch, "b")
    assert buildx.reachable(Host(None, Apt(repositories), {}, None, {}))
    assert tried == [("a", 80), ("b", 80)]


def test_no_endpoint_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    connects(monkeypatch)
    assert not buildx.reachable(OFFLINE)


def test_a_host_that_names_no_mirror_is_taken_to_be_online(monkeypatch: pytest.MonkeyPatch) -> None:
    assert connects(monkeypatch) == []
    assert buildx.reachable(SILENT)


def test_secrets_lie_in_a_private_folder_while_a_build_runs() -> None:
    with buildx.secrets({"bookworm": {"ca": "CERTIFICATE"}}) as options:
        (option,) = options["bookworm"]
        name, _, source = option.partition(",src=")
        file = Path(source)
        assert name == "id=ca"
        assert file.read_text() == "CERTIFICATE"
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not file.parent.exists()


DEFINITION = {
    "group": {"default": {"targets": ["os", "python"]}},
    "target": {"os": {"args": {"A": "1"}}, "python": {"args": {}}},
}
SUITES = {"os": "bookworm", "python": "trixie"}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def bake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """buildx.bake where `script` takes the place of docker; what it was called with comes back."""
    monkeypatch.setattr(buildx, "ROOT", tmp_path)
    monkeypatch.setattr(buildx, "BUILD", tmp_path / ".build")
    original = Context.run
    seen: dict[str, Any] = {}

    def run(script: str, host: Host = SILENT, **how: Any) -> dict[str, Any]:
        def instead(self: Context, command: str, **options: Any) -> Any:
            plan = Path(command.split("--file ")[1].split(maxsplit=1)[0])
            seen.update(command=command, options=options, plan=json.loads(plan.read_text()))
            metadata = command.split("--metadata-file ")[1].split(maxsplit=1)[0]
            return original(self, f"plan={plan} metadata={metadata}; {script}", **{**options, "hide": True})

        monkeypatch.setattr(Context, "run", instead)
        seen["metadata"] = buildx.bake(DEFINITION, host, SUITES, **how)
        return seen

    return run


def test_bake_runs_a_part_of_the_targets_after_the_other(bake: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buildx, "AT_ONCE", 1)
    each = """python3 -c 'import json, sys; t = json.load(open(sys.argv[1]))["group"]["default"]["targets"]
print(json.dumps({t[0]: len(t)}))' $plan > $metadata"""
    assert bake(each)["metadata"] == {"os": 1, "python": 1}
    assert bake(each, no_cache=True)["metadata"] == {"os": 2}


def test_bake_returns_the_digests(bake: Run) -> None:
    seen = bake("""echo '{"os": {"containerimage.digest": "sha256:1"}}' > $metadata""")
    assert seen["metadata"] == {"os": {"containerimage.digest": "sha256:1"}}


def test_bake_gives_every_target_the_hosts_secrets_and_proxies(bake: Run) -> None:
    targets = bake("echo '{}' > $metadata", PROXIED)["plan"]["target"]
    assert targets["os"]["args"] == {"A": "1", "http_proxy": "http://proxy.example:3128"}
    assert [s.partition(",")[0] for s in targets["python"]["secret"]] == ["id=apt-conf", "id=pip-conf"]


def test_bake_leaves_no_attestation_and_no_load_to_chance(bake: Run) -> None:
    environment = bake("echo '{}' > $metadata")["options"]["env"]
    assert environment == {"BUILDX_NO_DEFAULT_LOAD": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


def test_bake_passes_builder_and_cache_on(bake: Run) -> None:
    command = bake("echo '{}' > $metadata", builder="kube", no_cache=True)["command"]
    assert command.endswith(" --builder kube --no-cache")


def test_bake_that_fails_explains_and_names_the_log(bake: Run, tmp_path: Path) -> None:
    with pytest.raises(SparkImagesError) as raised:
        bake("echo 'g:a:1: expected sha256:aa, found sha256:bb' >&2; exit 1")
    first, last = str(raised.value).splitlines()
    assert first.startswith("g:a:1: its content is not what the lock says")
    log = tmp_path / last.removeprefix("the whole log: ")
    assert "expected sha256:aa" in log.read_text()


def test_bake_that_fails_offline_says_so(bake: Run) -> None:
    with pytest.raises(
        SparkImagesError, match=r"^no network: mirror\.example does not answer.*Earlier images are untouched"
    ):
        bake("exit 1", OFFLINE, online=False)


def test_bake_that_cannot_end_offline_is_ended(bake: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buildx, "OFFLINE_LIMIT", 0.1)
    with pytest.raises(SparkImagesError, match=r"^no network: mirror\.example does not answer") as raised:
        bake("echo begun; exec sleep 60", OFFLINE, online=False)
    assert "the whole log: .build/logs/" in str(raised.value)


def test_bake_online_has_no_limit(bake: Run) -> None:
    assert bake("echo '{}' > $metadata")["options"]["timeout"] is None


def test_bake_gives_each_target_the_mirrors_of_its_own_debian_release(bake: Run) -> None:
    mirrors = (("http://mirror.example/debian", "bookworm"), ("http://mirror.example/debian", "trixie"))
    host = Host(None, Apt(mirrors), {}, None, {})
    shown = "import json, sys; p = json.load(open(sys.argv[1]))['target']; "
    shown += "r = {n: dict(s.split(',src=') for s in t['secret']) for n, t in p.items()}; "
    shown += "print(json.dumps({n: open(f['id=apt-sources']).read() for n, f in r.items()}))"
    found = bake(f'python3 -c "{shown}" $plan > $metadata', host)["metadata"]
    assert " trixie" not in found["os"]
    assert " bookworm" in found["os"]
    assert " bookworm" not in found["python"]
    assert " trixie" in found["python"]
