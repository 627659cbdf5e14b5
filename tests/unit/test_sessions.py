from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from nox.command import CommandFailed

from spark_images.checks import buildkitd, cluster, records, results, sessions, suites
from spark_images.checks.default_run import Job
from spark_images.checks.results import Counts, Outcome, Status
from spark_images.checks.sessions import Call, Skipped
from spark_images.checks.tiers import Tier
from spark_images.engine import gpu
from spark_images.errors import SparkImagesError, UsageError
from spark_images.matrix.model import Cell
from tests.unit.test_suites import cell


@pytest.fixture(autouse=True)
def _nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without a device and without a cluster, and a temporary folder for results."""
    monkeypatch.setattr(gpu, "reason_to_skip", lambda: "no CUDA device")
    monkeypatch.setattr(cluster, "reason_to_skip", lambda: "no cluster")
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    monkeypatch.setattr(records, "FOLDER", tmp_path / "records")
    monkeypatch.setattr(records, "identity", lambda tag: f"sha256:{tag}")


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[Outcome]:
    """The outcomes that the test records."""
    found: list[Outcome] = []
    monkeypatch.setattr(sessions, "NOTED", found)
    return found


def test_a_gpu_image_is_skipped_without_a_device_and_names_alternatives() -> None:
    reason = sessions.reason_to_skip(cell(variant="gpu"), Tier.FULL)
    assert reason == "no CUDA device: run `-- --quick`, or `-- --no-device` for all tests without a device"


@pytest.mark.parametrize("tier", [Tier.QUICK, Tier.NO_DEVICE, Tier.CONFORMANCE])
def test_a_tier_that_needs_no_device_runs_anywhere(tier: Tier) -> None:
    assert sessions.reason_to_skip(cell(variant="gpu"), tier) == ""


def test_a_gpu_image_is_tested_in_full_with_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "reason_to_skip", lambda: "")
    assert sessions.reason_to_skip(cell(variant="gpu"), Tier.FULL) == ""


def test_the_kubernetes_tier_is_skipped_without_a_cluster_and_the_full_tier_is_not() -> None:
    assert sessions.reason_to_skip(cell(), Tier.KUBERNETES) == "no cluster"
    assert sessions.reason_to_skip(cell(), Tier.FULL) == ""
    assert [(call.part, call.reason) for call in sessions.calls(cell(), [cell()], Tier.FULL, "i")] == [
        ("", ""),
        ("cluster", "no cluster"),
    ]


@pytest.mark.parametrize("other", [cell(variant="gpu"), cell("jupyter")])
def test_an_image_without_tests_on_a_cluster_is_skipped_with_the_reason(
    other: Cell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "reason_to_skip", lambda: "")
    assert "has no tests on a cluster" in sessions.reason_to_skip(other, Tier.KUBERNETES)


@pytest.mark.parametrize(
    ("tier", "parts"), [(Tier.QUICK, [""]), (Tier.CONFORMANCE, [""]), (Tier.KUBERNETES, ["cluster"])]
)
def test_each_other_tier_has_one_call(tier: Tier, parts: list[str]) -> None:
    assert [call.part for call in sessions.calls(cell(), [cell()], tier, "i")] == parts


@pytest.fixture
def lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Replaces the lock of the cluster with a lock of the test."""
    alone = cluster.alone
    monkeypatch.setattr(cluster, "alone", lambda wait=True: alone(wait=wait, lock=tmp_path / "lock"))


CALLS = [Call("", ["a"]), Call("cluster", ["b"])]


@pytest.mark.usefixtures("lock")
def test_calls_on_a_free_cluster_run_first() -> None:
    ran: list[str] = []

    def run(call: Call) -> None:
        ran.append(call.part)
        with cluster.alone(wait=False) as free:
            assert free == (call.part != "cluster")

    sessions.in_turn(CALLS, run)
    assert ran == ["cluster", ""]


@pytest.mark.usefixtures("lock")
def test_calls_on_a_locked_cluster_run_last() -> None:
    ran: list[str] = []
    other = ExitStack()
    other.enter_context(cluster.alone())

    def run(call: Call) -> None:
        ran.append(call.part)
        other.close()

    sessions.in_turn(CALLS, run)
    assert ran == ["", "cluster"]


@pytest.mark.usefixtures("lock")
def test_a_call_that_cannot_run_does_not_wait_for_the_cluster() -> None:
    ran: list[str] = []
    with cluster.alone():
        sessions.in_turn([CALLS[0], Call("cluster", ["b"], "no cluster")], lambda call: ran.append(call.part))
    assert ran == ["", "cluster"]


def test_a_passed_session_is_recorded_with_its_tests(noted: list[Outcome]) -> None:
    with sessions.noted("a", "a"):
        results.junit("a").write_text('<testsuites><testsuite tests="3" skipped="1" /></testsuites>')
    (found,) = noted
    assert (found.status, found.tests) == (Status.PASSED, Counts(2, 0, 1))


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Skipped("no device"), Status.SKIPPED, "no device"),
        (SparkImagesError("it broke"), Status.FAILED, "it broke"),
        (KeyboardInterrupt(), Status.FAILED, ""),
    ],
)
def test_a_skipped_or_failed_session_is_recorded_with_its_reason(
    noted: list[Outcome], error: BaseException, status: Status, reason: str
) -> None:
    with pytest.raises(type(error)), sessions.noted("a", "a"):
        raise error
    assert [(found.status, found.reason) for found in noted] == [(status, reason)]


def test_a_run_ends_with_the_counts() -> None:
    one = Outcome("a", Status.PASSED, 1, tests=Counts(2, 0, 1))
    assert sessions.closing([one]) == "2 passed, 0 failed, 1 skipped"
    assert sessions.closing([one, Outcome("b", Status.FAILED, 3)]).splitlines() == [
        "   0:03  b: failed",
        "   0:01  a: 2 passed, 0 failed, 1 skipped",
        "2 passed, 1 failed, 1 skipped",
    ]


class Runner:
    """Takes the place of a session's `run` and `log`. Pytest ends with the exit code of its part, 0 by default."""

    def __init__(self, **exit_codes: int) -> None:
        self.exit_codes = exit_codes
        self.commands: list[tuple[str, ...]] = []
        self.timeouts: list[float | None] = []
        self.logged: list[str] = []

    def __call__(
        self, *command: str, success_codes: Iterable[int] | None = None, interrupt_timeout: float | None = None
    ) -> None:
        self.commands.append(command)
        if command[0] != "pytest":
            return
        self.timeouts.append(interrupt_timeout)
        file = Path(command[command.index("--junitxml") + 1])
        code = self.exit_codes.get("cluster" if ".cluster." in file.name else "main", 0)
        ran = 0 if code == sessions.NO_TEST else 3
        file.write_text(f'<testsuites><testsuite tests="{ran}" failures="{int(code == 1)}" /></testsuites>')
        if code not in (success_codes or [0]):
            raise CommandFailed(reason=f"exit code {code}")

    @property
    def parts(self) -> list[str]:
        """The names of the files that pytest wrote its results to, in order."""
        return [Path(c[c.index("--junitxml") + 1]).name for c in self.commands if c[0] == "pytest"]

    def test(self, *arguments: str, of: Cell | None = None) -> None:
        """Runs the session of a cell, by default of the Spark baseline, with these arguments after `--`."""
        of = of or cell()
        request = sessions.requested(of, arguments)
        sessions.test(request, [of], "image:tag", self, self.logged.append)


@pytest.fixture
def _free_cluster(monkeypatch: pytest.MonkeyPatch, lock: None) -> None:
    monkeypatch.setattr(cluster, "reason_to_skip", lambda: "")


def test_a_session_builds_the_image_and_then_runs_pytest() -> None:
    run = Runner()
    run.test("--quick")
    build, tests = run.commands
    assert build == ("inv", "build.runtime", "--image", "spark", "--spark", "9.0", "--variant", "baseline")
    assert tests == (
        *("pytest", *suites.arguments(cell(), [cell()], Tier.QUICK, "image:tag")),
        *("--junitxml", str(results.RESULTS / "test-9.0-baseline-quick.xml")),
    )
    assert run.timeouts == [sessions.CONTAINERS_GO]


@pytest.mark.usefixtures("_free_cluster")
def test_a_session_runs_the_tests_on_the_cluster_too() -> None:
    run = Runner()
    run.test()
    assert run.parts == ["test-9.0-baseline.cluster.xml", "test-9.0-baseline.xml"]
    assert run.logged == []


def test_a_session_logs_why_a_call_cannot_run() -> None:
    run = Runner()
    run.test()
    assert run.parts == ["test-9.0-baseline.xml"]
    assert run.logged == ["tests that cannot run here: no cluster"]


def test_a_session_that_cannot_run_builds_nothing() -> None:
    run = Runner()
    with pytest.raises(Skipped, match="no CUDA device: run"):
        run.test(of=cell(variant="gpu"))
    assert run.commands == []


@pytest.mark.usefixtures("_free_cluster")
@pytest.mark.parametrize("failing", ["cluster", "main"])
def test_a_failed_call_does_not_stop_the_others(failing: str) -> None:
    run = Runner(**{failing: 1})
    with pytest.raises(SparkImagesError, match=r"^tests failed$"):
        run.test()
    assert len(run.parts) == 2


@pytest.mark.usefixtures("_free_cluster")
@pytest.mark.parametrize("empty", ["cluster", "main"])
def test_one_of_two_calls_may_select_no_test_with_options_for_pytest(empty: str) -> None:
    run = Runner(**{empty: sessions.NO_TEST})
    run.test("-k", "merge")
    assert [command[-2:] for command in run.commands[1:]] == [("-k", "merge")] * 2


@pytest.mark.usefixtures("_free_cluster")
def test_options_for_pytest_that_select_no_test_are_an_error() -> None:
    run = Runner(main=sessions.NO_TEST, cluster=sessions.NO_TEST)
    with pytest.raises(SparkImagesError, match=r"^no test of spark-9\.0 matches -k merg$"):
        run.test("-k", "merg")


@pytest.mark.usefixtures("_free_cluster")
@pytest.mark.parametrize("arguments", [["--quick", "-k", "merg"], []], ids=["a single call", "no options"])
def test_a_call_without_tests_fails(arguments: list[str]) -> None:
    run = Runner(main=sessions.NO_TEST)
    with pytest.raises(SparkImagesError, match=r"^tests failed$"):
        run.test(*arguments)


@pytest.mark.parametrize(
    ("arguments", "name", "key"),
    [
        ([], "test-9.0-baseline", "test-9.0-baseline"),
        (["--quick"], "test-9.0-baseline -- --quick", "test-9.0-baseline-quick"),
        (["-k", "merge"], "test-9.0-baseline", "test-9.0-baseline-partial"),
        (["--quick", "-x"], "test-9.0-baseline -- --quick", "test-9.0-baseline-quick-partial"),
    ],
)
def test_a_request_keeps_partial_results_apart(arguments: list[str], name: str, key: str) -> None:
    request = sessions.requested(cell(), arguments)
    assert (request.name, request.key) == (name, key)


def test_add_records_all_outcomes_and_names_the_failed_ones(noted: list[Outcome]) -> None:
    outcomes = [
        Outcome(name, Status(status), 1) for name, status in (("b", "failed"), ("c", "passed"), ("a", "failed"))
    ]
    sessions.add(outcomes[1:2])
    with pytest.raises(SparkImagesError, match=r"^failed: a, b$"):
        sessions.add(outcomes)
    assert noted == [outcomes[1], *outcomes]


def test_the_browser_session_builds_and_tests_the_newest_notebook() -> None:
    run = Runner()
    cells = [cell("jupyter", "9.1"), cell("jupyter", "9.0"), cell("spark", "9.1")]
    sessions.test_in_browser(cells, "{}:tag".format, "browser", ["-x"], run)
    file = str(results.RESULTS / "browser.jupyter-9.1-baseline.xml")
    assert run.commands == [
        ("inv", "build.runtime", "--image", "jupyter", "--spark", "9.1", "--variant", "baseline"),
        (
            *("./bootstrap", "--browser", "pytest", "tests/browser"),
            *("--image", "jupyter-9.1:tag", "--junitxml", file, "-x"),
        ),
    ]


@pytest.mark.parametrize("tier", [Tier.FULL, Tier.QUICK])
def test_the_session_sbom_compares_all_images_or_the_newest_one(tier: Tier, noted: list[Outcome]) -> None:
    cells = [cell(image, spark) for image in ("spark", "jupyter") for spark in ("9.0", "9.1")]
    run = Runner()
    sessions.test_sbom("sbom", cells, "{}:tag".format, [*([tier.option] if tier.option else []), "-x"], run)
    written = ("--junitxml", str(results.RESULTS / f"sbom{tier.option[1:]}.xml"), "-x")
    assert run.commands == (
        [
            ("inv", "build.runtime"),
            ("pytest", "tests/layers/test_sbom.py", "tests/layers/test_scanner.py", *written),
        ]
        if tier is Tier.FULL
        else [
            ("inv", "build.runtime", "--image", "spark", "--spark", "9.1", "--variant", "baseline"),
            ("pytest", "tests/layers/test_sbom.py", "--image", "spark-9.1:tag", *written),
        ]
    )
    assert [outcome.name for outcome in noted] == [Job("sbom", tier).name]


def test_the_session_sbom_refuses_another_tier() -> None:
    with pytest.raises(UsageError, match="sbom has no tier --no-slow: use --quick, or no tier for all images"):
        sessions.test_sbom("sbom", [cell()], str, ["--no-slow"], Runner())


@pytest.mark.parametrize(("tier", "chosen"), [(Tier.FULL, ()), (Tier.QUICK, ("-m", "not slow"))], ids=["full", "quick"])
def test_the_session_remote_builds_an_image_or_only_a_layer(
    tier: Tier, chosen: Sequence[str], noted: list[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buildkitd, "reason_to_skip", lambda: "")
    monkeypatch.setattr(buildkitd, "reason_to_skip_without_building", lambda: "")
    run = Runner()
    sessions.test_remote("remote", [*([tier.option] if tier.option else []), "-x"], run)
    file = str(results.RESULTS / f"remote{tier.option[1:]}.xml")
    assert run.commands == [("pytest", "tests/remote", *chosen, "--junitxml", file, "-x")]
    assert [outcome.name for outcome in noted] == [Job("remote", tier).name]


@pytest.mark.parametrize("tier", [Tier.FULL, Tier.QUICK])
def test_the_session_remote_is_skipped_with_the_reason(
    tier: Tier, noted: list[Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the tier `--quick` needs a buildkitd that was built before."""
    monkeypatch.setattr(buildkitd, "reason_to_skip", lambda: "no Go" if tier is Tier.FULL else "")
    monkeypatch.setattr(buildkitd, "reason_to_skip_without_building", lambda: "not built")
    with pytest.raises(Skipped, match="no Go" if tier is Tier.FULL else "not built"):
        sessions.test_remote("remote", [tier.option] if tier.option else [], Runner())
    assert [outcome.status for outcome in noted] == [Status.SKIPPED]


@pytest.mark.usefixtures("_free_cluster", "lock")
def test_a_whole_tier_is_recorded_for_the_image() -> None:
    Runner().test("--quick")
    Runner().test()
    found = records.of_image("sha256:image:tag")
    assert [(record.cell, record.session) for record in found] == [
        ("9.0-baseline", "test-9.0-baseline -- --quick"),
        ("9.0-baseline", "test-9.0-baseline"),
    ]


def test_a_failed_session_is_recorded_too() -> None:
    with pytest.raises(SparkImagesError, match="tests failed"):
        Runner(main=1).test("--quick")
    assert len(records.of_image("sha256:image:tag")) == 1


def test_a_part_of_a_tier_is_not_recorded() -> None:
    Runner().test("--quick", "-k", "one")
    assert records.of_image("sha256:image:tag") == []


def test_an_image_that_is_built_again_during_its_tests_gets_no_record(monkeypatch: pytest.MonkeyPatch) -> None:
    identities = iter(["sha256:before", "sha256:after"])
    monkeypatch.setattr(records, "identity", lambda _: next(identities))
    run = Runner()
    run.test("--quick")
    assert run.logged == ["image:tag was built again during its tests: they are not recorded"]
    assert records.of_image("sha256:before") == records.of_image("sha256:after") == []


@pytest.mark.parametrize(
    ("tier", "published"),
    [
        (Tier.QUICK, ["9.1-baseline", "jupyter-9.1-baseline"]),
        (Tier.FULL, ["9.0-baseline", "9.1-baseline", "9.1-lake", "jupyter-9.1-baseline"]),
    ],
)
def test_publish_builds_and_publishes_the_cells_of_its_tier(
    noted: list[Outcome], tier: Tier, published: list[str]
) -> None:
    cells = [cell(), cell(spark="9.1"), cell(spark="9.1", variant="lake"), cell("jupyter", spark="9.1")]
    run = Runner()
    sessions.test_publish("publish", cells, [*([tier.option] if tier.option else []), "-x"], run)
    *builds, tests = run.commands
    named = [part for key in published for part in ("--cell", key)]
    file = str(results.RESULTS / f"publish{tier.option.removeprefix('-')}.xml")
    assert tests == ("./bootstrap", "--publish", "pytest", "tests/publish", *named, "--junitxml", file, "-x")
    assert len(builds) == len(published)
    assert [outcome.name for outcome in noted] == [f"publish{' -- --quick' if tier is Tier.QUICK else ''}"]
