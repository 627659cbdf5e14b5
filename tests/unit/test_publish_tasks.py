"""The tasks publish, verify and reproduce: their flags, what they print where, and their exit codes."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from invoke.program import Program

import tasks
from spark_images.errors import SparkImagesError
from spark_images.publish import cosign, publish, reproduce, verify
from spark_images.publish.cosign import Signer, Trust
from spark_images.publish.publish import Order, Published
from spark_images.publish.references import Reference
from spark_images.publish.reproduce import Layer
from spark_images.publish.verify import Check

DIGEST = f"sha256:{'0' * 64}"
IMAGE = Reference("r.example", "spark", "", DIGEST)
PUBLISHED = Published("9.0", "published", str(IMAGE), "sha256:1", "abc", ("9.0-20261127", "9.0"), ("type",))


class Result(NamedTuple):
    code: int
    out: str
    err: str


Inv = Callable[..., Result]


@pytest.fixture
def inv(capsys: pytest.CaptureFixture[str]) -> Inv:
    """Runs `inv` with these arguments."""

    def run(*arguments: str) -> Result:
        code = 0
        try:
            Program(namespace=tasks.namespace, name="inv", binary="inv").run(["inv", *arguments])
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replaces the work of `inv publish`. Returns what it was called with."""
    found: list[Any] = []

    def work(_: Any, order: Order, by: Signer, say: Callable[[str], None]) -> list[Published]:
        say("uploading")
        found.extend([order, by])
        return [PUBLISHED]

    def plan(_: Any, order: Order) -> list[Published]:
        found.append(order)
        return [PUBLISHED]

    monkeypatch.setattr(publish, "publish", work)
    monkeypatch.setattr(publish, "plan", plan)
    monkeypatch.setattr(cosign, "signer", lambda key, keyless: Signer(key) if key or keyless else pytest.fail("no key"))
    return found


def test_publish_prints_a_table_of_references_by_digest(inv: Inv, orders: list[Any]) -> None:
    result = inv("publish", "--registry", "r.example/team", "--key", "k")
    assert (result.code, result.err) == (0, "uploading\n")
    head, row = result.out.splitlines()
    assert head.split() == list(publish.COLUMNS)
    assert row.split() == ["9.0", "published", str(IMAGE), "9.0-20261127,", "9.0"]
    order, by = orders
    assert (order.registry, order.untested, order.dirty, order.renew) == ("r.example/team/", [], False, False)
    assert by == Signer("k")


def test_publish_prints_json_and_nothing_else(inv: Inv, orders: list[Any]) -> None:
    result = inv("publish", "--registry", "r.example/team", "--keyless", "--json")
    assert json.loads(result.out) == [json.loads(json.dumps(each)) for each in publish.data([PUBLISHED])]
    assert orders[1] == Signer()


def test_the_flags_of_publish_are_in_the_order(inv: Inv, orders: list[Any]) -> None:
    inv("publish", "--registry", "r.example", "--key", "k", "--dirty", "--renew", "--untested", "a", "--untested", "b")
    assert (orders[0].untested, orders[0].dirty, orders[0].renew) == (["a", "b"], True, True)


def test_a_dry_run_needs_no_key(inv: Inv, orders: list[Any]) -> None:
    assert inv("publish", "--registry", "r.example", "--dry-run", "--json").code == 0
    assert len(orders) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--registry", "r.example"), "error: name who signs: --key cosign.key"),
        (("--registry", "r.example", "--key", "k", "--keyless"), "error: name who signs"),
        (("--registry", "r.example", "--key", "missing"), "error: --key missing: there is no such file"),
        (("--key", "k"), "error: no registry: pass --registry"),
        (("--key", "k", "--registry", "team"), 'error: "team" names no registry'),
        (("--key", "k", "--registry", "https://r.example"), "error: --registry is "),
        (("--key", "k", "--registry", "r.example", "--spark", "0.1"), 'error: unknown Spark version "0.1"'),
    ],
)
def test_wrong_flags_of_publish_exit_with_2(inv: Inv, arguments: tuple[str, ...], message: str) -> None:
    result = inv("publish", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(message)


def test_a_failed_publication_exits_with_1(inv: Inv, orders: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise SparkImagesError("the registry does not answer")

    monkeypatch.setattr(publish, "publish", fail)
    result = inv("publish", "--registry", "r.example", "--key", "k", "--json")
    assert result == (1, "", "error: the registry does not answer\n")


@pytest.fixture
def key(tmp_path: Any) -> str:
    (tmp_path / "k.pub").touch()
    return str(tmp_path / "k.pub")


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 1)])
def test_verify_exits_with_1_if_a_check_fails(
    inv: Inv, key: str, monkeypatch: pytest.MonkeyPatch, passed: bool, code: int
) -> None:
    def work(text: str, trust: Trust) -> Any:
        assert (text, trust) == ("r.example/spark:9.0", Trust(key))
        return IMAGE, [Check("signature", True, "signed"), Check("layers", passed, "3 layers")]

    monkeypatch.setattr(verify, "verify", work)
    result = inv("verify", "r.example/spark:9.0", "--key", key)
    assert (result.code, result.err) == (code, "")
    assert result.out.splitlines()[0] == str(IMAGE)
    assert result.out.splitlines()[-1].split() == ["layers", "passed" if passed else "FAILED", "3", "layers"]

    result = inv("verify", "r.example/spark:9.0", "--key", key, "--json")
    assert (result.code, result.err) == (code, "")
    assert json.loads(result.out) == {
        "image": str(IMAGE),
        "checks": [
            {"name": "signature", "passed": True, "found": "signed"},
            {"name": "layers", "passed": passed, "found": "3 layers"},
        ],
    }


@pytest.mark.parametrize(
    ("layer", "code"),
    [
        (Layer("os", "sha256:1", True), 0),
        (Layer("os", "sha256:1", False, ("/a.jsa",)), 0),
        (Layer("os", "sha256:1", False, ("/a.jar",)), 1),
    ],
)
def test_reproduce_exits_with_1_if_more_than_an_archive_differs(
    inv: Inv, key: str, monkeypatch: pytest.MonkeyPatch, layer: Layer, code: int
) -> None:
    monkeypatch.setattr(reproduce, "reproduce", lambda *_: [layer])
    result = inv("reproduce", "r.example/spark:9.0", "--key", key)
    assert (result.code, result.err) == (code, "")
    assert result.out.splitlines()[0].split() == ["layer", "result", "what", "differs"]
    assert result.out.splitlines()[-1] == reproduce.summary([layer])


@pytest.mark.parametrize("task", ["verify", "reproduce"])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "error: name whose signatures count"),
        (("--key", "missing"), "error: --key missing: there is no such file"),
        (("--identity", "someone"), "error: name whose signatures count"),
        (("--key", "k", "--identity", "someone"), "error: --key and --identity exclude each other"),
    ],
)
def test_an_unnamed_signer_exits_with_2(inv: Inv, task: str, arguments: tuple[str, ...], message: str) -> None:
    result = inv(task, "r.example/spark:9.0", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(message)


@pytest.mark.parametrize("task", ["verify", "reproduce"])
def test_a_wrong_reference_exits_with_2(inv: Inv, key: str, task: str) -> None:
    result = inv(task, "spark:9.0", "--key", key)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith('error: "spark:9.0" names no registry')
