"""How grype is found and run. A script stands in for it."""

from pathlib import Path

import pytest

from spark_images.engine import gotool
from spark_images.errors import SparkImagesError, UsageError
from spark_images.scan import grype
from spark_images.scan.grype import Grype, UnreachableError


def script(file: Path, body: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/bash\n{body}\n")
    file.chmod(0o755)
    return file


def only(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Makes PATH a folder that has only bash and the files of the test."""
    folder.mkdir(exist_ok=True)
    (folder / "bash").symlink_to("/bin/bash")
    monkeypatch.setenv("PATH", str(folder))


def test_grype_on_the_path_is_used_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only(monkeypatch, tmp_path / "bin")
    found = script(tmp_path / "bin/grype", "")
    assert grype.find() == found


def test_without_grype_and_go_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only(monkeypatch, tmp_path / "bin")
    with pytest.raises(SparkImagesError, match=r"needs grype, which is not installed\. Install grype, or Go") as error:
        grype.find()
    assert error.value.exit_code == 1


def test_go_builds_it_from_the_modules_of_this_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    only(monkeypatch, tmp_path / "bin")
    script(tmp_path / "bin/go", "")
    asked: list[tuple[Path, str]] = []

    def program(modules: Path, package: str) -> Path:
        asked.append((modules, package))
        return tmp_path

    monkeypatch.setattr(gotool, "program", program)
    assert grype.find() == tmp_path
    ((modules, package),) = asked
    assert f"tool {package}\n" in (modules / "go.mod").read_text()
    assert (modules / "go.sum").exists()


def test_a_database_that_cannot_be_fetched_has_its_own_exit_code(tmp_path: Path) -> None:
    tool = Grype(script(tmp_path / "grype", "echo 'no such host' >&2; exit 1"))
    with pytest.raises(UnreachableError, match=r"cannot fetch its database: no such host\. Check the network") as error:
        tool.ready()
    assert error.value.exit_code == 3


def test_a_database_that_hangs_is_unreachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(grype, "LIMIT", 0.2)
    with pytest.raises(UnreachableError, match="no answer within"):
        Grype(script(tmp_path / "grype", "exec sleep 10")).ready()


def test_only_the_update_contacts_the_network(tmp_path: Path) -> None:
    tool = Grype(script(tmp_path / "grype", f'echo "$1 $2 $GRYPE_DB_AUTO_UPDATE" >> {tmp_path}/said; echo "{{}}"'))
    tool.ready()
    assert tool.report(tmp_path / "a.cdx.json", "") == b"{}\n"
    assert (tmp_path / "said").read_text().splitlines() == [
        "db update false",
        f"sbom:{tmp_path}/a.cdx.json --output false",
    ]


def test_a_folder_of_ones_own_is_not_updated(tmp_path: Path) -> None:
    tool = Grype(script(tmp_path / "grype", f'echo "$* $GRYPE_DB_CACHE_DIR" > {tmp_path}/said'), tmp_path)
    tool.ready()
    assert (tmp_path / "said").read_text() == f"db status {tmp_path}\n"


def test_a_folder_without_a_database_is_wrong_usage(tmp_path: Path) -> None:
    tool = Grype(script(tmp_path / "grype", "echo 'database does not exist'; exit 1"), tmp_path)
    with pytest.raises(UsageError, match=r"has no database of grype: database does not exist\. Fill it with"):
        tool.ready()


def test_the_debian_release_is_named(tmp_path: Path) -> None:
    tool = Grype(script(tmp_path / "grype", 'echo "$*"'))
    assert tool.report(Path("a.cdx.json"), "12").strip().endswith(b"--distro debian:12")
    assert b"--distro" not in tool.report(Path("a.cdx.json"), "")


def test_a_failed_run_is_an_error_with_the_last_line_of_grype(tmp_path: Path) -> None:
    tool = Grype(script(tmp_path / "grype", "echo first; echo last >&2; exit 1"))
    with pytest.raises(SparkImagesError, match=r"grype could not scan a\.cdx\.json: last$"):
        tool.report(Path("a.cdx.json"), "")
