"""The checks of a named builder. A script stands in for docker."""

from pathlib import Path

import pytest

from spark_images.engine import builders
from spark_images.errors import SparkImagesError, UsageError

LISTED = r"""NAME/NODE        DRIVER/ENDPOINT            STATUS     BUILDKIT   PLATFORMS
kube             kubernetes
 \_ kube0         \_ kubernetes:///kube     inactive
default*         docker
 \_ default       \_ default                running    v0.13.1    linux/amd64
"""
MISSING = """echo 'ERROR: no builder "kub" found' >&2; exit 1"""


@pytest.fixture(autouse=True)
def docker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Puts a script in the place of docker. It runs one of the files `inspect` and `ls`, and keeps its arguments."""
    program = tmp_path / "bin/docker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/bash\necho "$@" >> {tmp_path}/calls\nsource {tmp_path}/$2\n')
    program.chmod(0o755)
    (tmp_path / "list").write_text(LISTED)
    (tmp_path / "ls").write_text(f"cat {tmp_path}/list")
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")
    return tmp_path


def test_a_builder_that_buildx_has_is_not_started(docker: Path) -> None:
    (docker / "inspect").write_text("exit 0")
    builders.require("two words")
    assert (docker / "calls").read_text() == "buildx inspect -- two words\n"


def test_an_unknown_builder_is_wrong_usage_and_the_nearest_one_is_named(docker: Path) -> None:
    (docker / "inspect").write_text(MISSING)
    with pytest.raises(UsageError) as raised:
        builders.require("kub")
    assert str(raised.value) == (
        '--builder: unknown builder "kub"; expected one of kube, default (did you mean "kube"?). '
        "`docker buildx create` adds a builder"
    )


def test_another_failure_is_not_an_unknown_builder(docker: Path) -> None:
    (docker / "inspect").write_text("echo 'ERROR: open instances: permission denied' >&2; exit 1")
    with pytest.raises(SparkImagesError) as raised:
        builders.require("kube")
    assert str(raised.value) == 'buildx cannot read the builder "kube": open instances: permission denied'
    assert raised.value.exit_code == 1


def test_a_builder_that_starts_is_no_error(docker: Path) -> None:
    (docker / "inspect").write_text("exit 0")
    builders.start("kube")
    assert (docker / "calls").read_text() == "buildx inspect --bootstrap -- kube\n"


def test_a_builder_that_does_not_start_is_an_error_with_the_reason(docker: Path) -> None:
    (docker / "inspect").write_text("echo '#1 waiting' >&2; echo 'ERROR: context deadline exceeded' >&2; exit 1")
    with pytest.raises(SparkImagesError) as raised:
        builders.start("kube")
    assert raised.value.exit_code == 1
    assert str(raised.value) == (
        'the builder "kube" does not answer: context deadline exceeded. Start its BuildKit, or create the builder '
        "again with another address, until `docker buildx inspect --bootstrap kube` works. Without --builder, the "
        "engine builds"
    )


def test_a_builder_that_accepts_a_connection_in_silence_is_an_error(
    docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builders, "LIMIT", 0.2)
    (docker / "inspect").write_text("exec sleep 10")
    with pytest.raises(SparkImagesError, match=r'the builder "kube" does not answer: no answer within 0\.2 s\. Start'):
        builders.start("kube")
