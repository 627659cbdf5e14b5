import json
from collections.abc import Callable
from typing import Any

import docker
import pytest
from invoke.program import Program

import tasks
from spark_images.engine import build
from spark_images.errors import SparkImagesError
from spark_images.plan.project import Project

Inv = Callable[..., str]


@pytest.fixture
def inv(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Inv:
    """Runs `inv` with these arguments where no engine answers; returns what it prints."""

    def refuse(**_: Any) -> None:
        raise AssertionError("this asks for an engine")

    monkeypatch.setattr(docker, "from_env", refuse)

    def run(*arguments: str) -> str:
        Program(namespace=tasks.namespace, name="inv", binary="inv").run(["inv", *arguments])
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize(
    ("flags", "near"),
    [
        (
            ["--spark", "3.5.9"],
            'there is no Spark version "3.5.9": there is 3.5.7, 3.5.8, 4.1.0, 4.1.1; the nearest is "3.5.8"',
        ),
        (
            ["--variant", "icberg"],
            'there is no variant "icberg": there is baseline, gpu, iceberg, gpu-iceberg; the nearest is "iceberg"',
        ),
    ],
)
@pytest.mark.parametrize("task", ["build.base", "build.intermediate", "build.runtime", "build.all", "images.sizes"])
def test_names_that_do_not_exist(
    inv: Inv, capsys: pytest.CaptureFixture[str], task: str, flags: list[str], near: str
) -> None:
    with pytest.raises(SystemExit) as raised:
        inv(task, *flags)
    assert raised.value.code == 2
    assert capsys.readouterr().err == f"error: {near}\n"


def test_a_setting_that_is_no_number(
    inv: Inv, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_IMAGES_MIN_FREE_DISK_GB", "ten")
    with pytest.raises(SystemExit) as raised:
        inv("images.list")
    assert raised.value.code == 2
    assert 'SPARK_IMAGES_MIN_FREE_DISK_GB is "ten"' in capsys.readouterr().err


def test_arguments_of_a_job_that_do_not_end(inv: Inv, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        inv("run.submit", __file__, "--arguments", "it's")
    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith('error: --arguments is "it\'s": no closing quotation')


def test_what_fails_exits_with_1(inv: Inv, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise SparkImagesError("no container engine answers")

    monkeypatch.setattr(build, "build", fail)
    with pytest.raises(SystemExit) as raised:
        inv("build.runtime")
    assert raised.value.code == 1
    assert capsys.readouterr().err == "error: no container engine answers\n"


def test_a_dry_run_prints_the_plan(inv: Inv) -> None:
    lines = inv("build.runtime", "--spark", "3.5.8", "--variant", "iceberg", "--dry-run").splitlines()
    assert [line.split()[2] for line in lines if line.startswith("spark-3.5.8-iceberg ")] == [
        "spark-k8s-spark-3.5.8-iceberg:latest"
    ]
    assert any(line.startswith("jars-iceberg-3.5 ") for line in lines)
    assert not any("4.1" in line for line in lines)


@pytest.mark.parametrize(
    ("task", "flags", "requested"),
    [
        (
            "build.runtime",
            ["--spark", "3.5.8", "--variant", "iceberg"],
            ["jupyter-3_5_8-iceberg", "spark-3_5_8-iceberg"],
        ),
        (
            "build.runtime",
            ["--image", "spark", "--spark", "4.1.1", "--spark", "3.5.8", "--variant", "baseline"],
            ["spark-3_5_8", "spark-4_1_1"],
        ),
        ("build.base", [], ["cuda-12_9", "identity", "jdk-17", "os-bookworm", "python-3_11", "rootfs-bookworm"]),
        (
            "build.intermediate",
            ["--image", "spark", "--spark", "3.5.8", "--variant", "baseline"],
            [
                "class-archive-3_5_8",
                "entrypoint",
                "jdbc-drivers",
                "jmx-exporter",
                "python-deps",
                "spark-3_5_8-core",
                "spark-3_5_8-jars",
                "spark-conf",
            ],
        ),
    ],
)
def test_json_is_the_definition_that_would_run(inv: Inv, task: str, flags: list[str], requested: list[str]) -> None:
    definition = json.loads(inv(task, *flags, "--json"))
    assert definition["group"]["default"]["targets"] == requested
    assert set(requested) <= set(definition["target"])


def test_build_all_asks_for_everything_that_is_shipped(inv: Inv, project: Project) -> None:
    definition = json.loads(inv("build.all", "--json"))
    distributions = {f"spark-{spark.replace('.', '_')}-distribution" for spark in project.matrix.spark}
    rest = set(definition["target"]) - set(definition["group"]["default"]["targets"])
    assert rest == {"toolchain", *distributions}


def test_a_build_takes_the_flags_on(inv: Inv, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        build, "build", lambda _f, _g, requested, **how: seen.append(([t.name for t in requested], how))
    )
    cell = ("--image", "spark", "--spark", "3.5.8", "--variant", "baseline")
    inv("build.runtime", *cell, "--no-cache", "--builder", "kube")
    assert seen == [(["spark-3.5.8"], {"no_cache": True, "builder": "kube"})]


def test_images_list_as_json(inv: Inv) -> None:
    cells = json.loads(inv("images.list", "--json"))
    assert len(cells) == 32
    assert cells[0]["cell"] == "3.5.7-baseline"


def test_images_list_as_a_table(inv: Inv) -> None:
    lines = inv("images.list").splitlines()
    assert len(lines) == 33
    assert any(line.startswith("3.5.8-iceberg ") and line.rstrip().endswith("built") for line in lines)


def test_locks_are_checked(inv: Inv) -> None:
    assert inv("lock.check") == ""


def test_an_unknown_kind_of_lock(inv: Inv, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        inv("lock.update", "--only", "pyton")
    assert raised.value.code == 2
    assert capsys.readouterr().err.endswith('the nearest is "python"\n')


def test_the_front_door_lists_every_task(inv: Inv, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        inv("--list")
    shown = capsys.readouterr().out
    names = ["build.base", "build.intermediate", "build.runtime", "build.all", "images.list", "images.sizes"]
    names += ["images.catalog", "lock.update", "lock.check", "graph"]
    assert [name for name in names if f"  {name} " not in shown] == []
