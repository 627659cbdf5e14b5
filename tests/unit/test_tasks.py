"""Tests of the tasks on the real repository. They read names from the matrix, so a new version does not break them."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import docker
import pytest
from invoke.program import Program

import tasks
from spark_images.engine import build, rootfs
from spark_images.errors import SparkImagesError
from spark_images.matrix.model import Cell
from spark_images.plan.bake import identifier
from spark_images.plan.project import Project
from spark_images.versions import check as versions_check
from spark_images.versions.check import Finding

Inv = Callable[..., str]


@pytest.fixture
def inv(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Inv:
    """Runs `inv` with these arguments and without an engine. Returns its output."""

    def refuse(**_: Any) -> None:
        raise AssertionError("this task must not contact an engine")

    monkeypatch.setattr(docker, "from_env", refuse)

    def run(*arguments: str) -> str:
        Program(namespace=tasks.namespace, name="inv", binary="inv").run(["inv", *arguments])
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("task", ["build.base", "build.intermediate", "build.runtime", "build.all", "images.sizes"])
@pytest.mark.parametrize("flag", ["--spark", "--variant"])
def test_an_unknown_name_exits_with_2_and_names_the_nearest(
    inv: Inv, capsys: pytest.CaptureFixture[str], project: Project, task: str, flag: str
) -> None:
    names = list(project.matrix.spark if flag == "--spark" else project.matrix.variants)
    wrong = f"{names[-1]}x"
    with pytest.raises(SystemExit) as raised:
        inv(task, flag, wrong)
    assert raised.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(
        f'error: unknown {"Spark version" if flag == "--spark" else "variant"} "{wrong}"; expected one of '
    )
    assert said.endswith(f'{", ".join(names)} (did you mean "{names[-1]}"?)\n')


def test_a_setting_that_is_not_a_number_exits_with_2(
    inv: Inv, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_IMAGES_MIN_FREE_DISK_GB", "ten")
    with pytest.raises(SystemExit) as raised:
        inv("images.list")
    assert raised.value.code == 2
    assert 'SPARK_IMAGES_MIN_FREE_DISK_GB is "ten"' in capsys.readouterr().err


def test_job_arguments_with_an_open_quotation_exit_with_2(inv: Inv, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        inv("run.submit", __file__, "--arguments", "it's")
    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith('error: --arguments is "it\'s": no closing quotation')


def test_a_failed_task_exits_with_1(
    inv: Inv, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise SparkImagesError("no container engine answers")

    monkeypatch.setattr(build, "build", fail)
    with pytest.raises(SystemExit) as raised:
        inv("build.runtime")
    assert raised.value.code == 1
    assert capsys.readouterr().err == "error: no container engine answers\n"


@pytest.fixture
def cell(project: Project) -> Cell:
    """A Spark image with a feature."""
    return next(cell for cell in project.matrix.buildable if cell.image == "spark" and cell.features)


def test_a_full_disk_is_one_message(
    inv: Inv, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(*_: Any, **__: Any) -> None:
        Path("/dev/full").write_text("a log")

    monkeypatch.setattr(build, "build", fill)
    with pytest.raises(SystemExit) as raised:
        inv("build.runtime")
    assert raised.value.code == 1
    assert capsys.readouterr().err == (
        "error: No space left on device: remove what you no longer need (docker system prune, docker buildx prune)\n"
    )


def test_an_unexpected_system_error_keeps_its_stack_trace(inv: Inv, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "build", lambda *_, **__: Path("/no/such/file").read_text())
    with pytest.raises(FileNotFoundError):
        inv("build.runtime")


def names_of(cell: Cell) -> list[str]:
    """Returns the flags that name a cell's Spark version and variant."""
    return ["--spark", cell.spark, "--variant", cell.variant]


def test_a_dry_run_prints_the_plan(inv: Inv, project: Project, cell: Cell) -> None:
    lines = inv("build.runtime", "--image", cell.image, *names_of(cell), "--dry-run").splitlines()
    shown = {line.split()[0]: line.split() for line in lines[1:]}
    assert shown.keys() == project.graph([cell]).targets.keys()
    assert shown[cell.name][2] == project.matrix.tag(cell.name)


def test_a_dry_run_prints_aliases_only_if_they_are_asked_for(inv: Inv, project: Project, cell: Cell) -> None:
    alias, *_ = project.matrix.aliases_of(cell)
    plan = ["build.runtime", "--image", cell.image, *names_of(cell), "--dry-run"]
    assert f", {alias}" in inv(*plan, "--aliases")
    assert alias not in inv(*plan)


def test_json_prints_the_bake_definition(inv: Inv, project: Project, cell: Cell) -> None:
    cells = [each for each in project.matrix.buildable if (each.spark, each.variant) == (cell.spark, cell.variant)]
    assert len(cells) == 2
    definition = json.loads(inv("build.runtime", *names_of(cell), "--json"))
    assert definition["group"]["default"]["targets"] == sorted(identifier(each.name) for each in cells)
    assert definition["target"].keys() == {identifier(name) for name in project.graph(cells).targets}


def test_a_repeated_flag_selects_both_values(inv: Inv, project: Project) -> None:
    first, *_, last = project.matrix.spark
    flags = ["--image", "spark", "--spark", last, "--spark", first, "--variant", "baseline"]
    definition = json.loads(inv("build.runtime", *flags, "--json"))
    chosen = [c for c in project.matrix.buildable if c.variant == "baseline" and c.spark in (first, last)]
    names = sorted(identifier(cell.name) for cell in chosen if cell.image == "spark")
    assert definition["group"]["default"]["targets"] == names
    assert len(names) == 2


@pytest.mark.parametrize("level", ["base", "intermediate"])
def test_a_build_task_of_one_level_requests_its_layers(inv: Inv, project: Project, cell: Cell, level: str) -> None:
    definition = json.loads(inv(f"build.{level}", "--image", "spark", *names_of(cell), "--json"))
    shipped = project.graph([cell]).of_levels((level,))
    assert definition["group"]["default"]["targets"] == sorted(identifier(target.name) for target in shipped)
    folders = {definition["target"][name]["context"] for name in definition["group"]["default"]["targets"]}
    assert folders <= {f"docker/{level}/{folder}" for folder in project.recipes.by_name} | {
        rootfs.relative_folder(cell.values["debian"])
    }


def test_build_all_requests_every_shipped_target(inv: Inv, project: Project) -> None:
    definition = json.loads(inv("build.all", "--json"))
    graph = project.graph(project.matrix.buildable)
    assert set(definition["target"]) == {identifier(name) for name in graph.targets}
    assert definition["group"]["default"]["targets"] == sorted(identifier(name) for name in graph.shipped)


def test_a_build_gets_the_flags(inv: Inv, monkeypatch: pytest.MonkeyPatch, cell: Cell) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        build, "build", lambda _f, _g, requested, **how: seen.append(([t.name for t in requested], how))
    )
    inv("build.runtime", "--image", cell.image, *names_of(cell), "--no-cache", "--builder", "kube", "--aliases")
    inv("build.runtime", "--image", cell.image, *names_of(cell))
    assert seen == [
        ([cell.name], {"no_cache": True, "builder": "kube", "aliases": True}),
        ([cell.name], {"no_cache": False, "builder": "", "aliases": False}),
    ]


def test_the_printed_plan_of_a_named_builder_has_its_output(inv: Inv, cell: Cell) -> None:
    options = ("build.runtime", "--image", cell.image, *names_of(cell), "--json")
    one, other = (json.loads(inv(*options, *builder)) for builder in ((), ("--builder", "kube")))
    (name,) = one["group"]["default"]["targets"]
    assert one["target"][name]["output"] != other["target"][name]["output"]


def test_images_list_prints_json(inv: Inv, project: Project) -> None:
    cells = json.loads(inv("images.list", "--json"))
    assert [row["cell"] for row in cells] == [cell.key for cell in project.matrix.cells]
    assert [row["refused"] or "" for row in cells] == [cell.refusal for cell in project.matrix.cells]


def test_images_list_prints_a_table(inv: Inv, project: Project) -> None:
    first, *rows = inv("images.list").splitlines()
    assert first.split() == ["cell", "image", "superseded", "by", "end", "of", "life", "state"]
    assert [row.split()[0] for row in rows] == [cell.key for cell in project.matrix.cells]


def test_images_list_prints_the_aliases(inv: Inv, project: Project) -> None:
    first, *rows = inv("images.list", "--aliases").splitlines()
    assert first.split() == ["cell", "alias"]
    matrix = project.matrix
    assert [row.split() for row in rows] == [[c.key, a] for c in matrix.buildable for a in matrix.aliases_of(c)]


def test_lock_check_accepts_the_committed_locks(inv: Inv) -> None:
    assert inv("lock.check") == ""


def test_an_unknown_kind_of_lock_exits_with_2(inv: Inv, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        inv("lock.update", "--only", "pyton")
    assert raised.value.code == 2
    assert capsys.readouterr().err.endswith('(did you mean "python"?)\n')


def findings(*states: str) -> list[Finding]:
    return [Finding(f"group:{state}", "1.0", "1.1", "", state, "all", ("a-cell",)) for state in states]


@pytest.mark.parametrize(
    ("states", "code", "shown"),
    [
        (["current", "outdated", "held"], 3, ["group:outdated", "group:held"]),
        (["unknown"], 1, ["group:unknown"]),
        (["current"], 0, []),
    ],
)
def test_versions_check_prints_a_table_and_says_by_its_exit_code_what_it_found(
    inv: Inv,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    states: list[str],
    code: int,
    shown: list[str],
) -> None:
    monkeypatch.setattr(versions_check, "check", lambda *_, **__: findings(*states))
    for options in ([], ["--json"]):
        with pytest.raises(SystemExit) if code else nullcontext() as raised:
            inv("versions.check", *options)
        assert not raised or raised.value.code == code
    if not code:
        return
    table, _, document = capsys.readouterr().out.partition("[\n")
    assert [line.split()[0] for line in table.splitlines()[1:]] == shown
    assert [row["state"] for row in json.loads(f"[{document}")] == states
    assert json.loads(f"[{document}")[0]["cells"] == ["a-cell"]


def test_versions_add_exits_with_2_for_a_wrong_day(inv: Inv, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        inv("versions.add", "3.5.9", "--released", "tomorrow")
    assert raised.value.code == 2
    assert capsys.readouterr().err == 'error: --released is "tomorrow": expected a date such as 2026-07-16\n'


def test_inv_list_shows_every_task(inv: Inv, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        inv("--list")
    shown = capsys.readouterr().out
    names = ["build.base", "build.intermediate", "build.runtime", "build.all", "images.list", "images.sizes"]
    names += ["images.catalog", "lock.update", "lock.check", "docs.build", "docs.serve", "graph"]
    names += ["versions.check", "versions.add"]
    assert [name for name in names if f"  {name} " not in shown] == []
