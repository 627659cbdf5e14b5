import os
import signal
import stat
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from spark_images.engine import rootfs
from spark_images.engine.host import Apt
from spark_images.errors import SparkImagesError
from spark_images.plan.graph import LAYER_EPOCH

APT = Apt((("https://mirror.example/debian", "trixie"),), ('Acquire::http::Proxy "http://p:1"',))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with only the recipe of the root file system. Its folder tools/ is first on PATH."""
    recipe = tmp_path / "docker/base/rootfs"
    recipe.mkdir(parents=True)
    (recipe / "Dockerfile").write_text("FROM scratch\n")
    (recipe / "finish.sh").write_text("true\n")
    (tmp_path / "tools").mkdir()
    monkeypatch.setattr(rootfs, "ROOT", tmp_path)
    monkeypatch.setattr(rootfs, "BUILD", tmp_path / ".build")
    monkeypatch.setattr(rootfs, "RECIPE", recipe)
    monkeypatch.setenv("PATH", f"{tmp_path / 'tools'}:/usr/bin:/bin")
    return tmp_path


def mmdebstrap(place: Path, script: str) -> None:
    tool = place / "tools/mmdebstrap"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(stat.S_IRWXU)


WORKS = """
printf '%s\\n' "$@" > {0}/arguments
echo "$SOURCE_DATE_EPOCH" > {0}/epoch
cat > {0}/sources
for last; do before=$target target=$last; done
echo content > "$before"
"""


def test_bootstrap_makes_a_folder_that_a_build_can_use(place: Path) -> None:
    mmdebstrap(place, WORKS.format(place))
    assert not rootfs.is_made("bookworm")
    rootfs.bootstrap("bookworm", APT)
    assert rootfs.is_made("bookworm")
    made = rootfs.folder("bookworm")
    assert (made / "rootfs.tar").read_text() == "content\n"
    assert (made / "Dockerfile").read_text() == "FROM scratch\n"
    assert not list(made.glob("*.partial.tar"))


def test_bootstrap_replaces_an_existing_root_file_system(place: Path) -> None:
    mmdebstrap(place, WORKS.format(place))
    rootfs.bootstrap("bookworm", APT)
    tar = rootfs.folder("bookworm") / "rootfs.tar"
    tar.write_text("old")
    rootfs.bootstrap("bookworm", APT)
    assert tar.read_text() == "content\n"


def test_bootstrap_uses_the_hosts_mirrors_and_the_layer_epoch(place: Path) -> None:
    mmdebstrap(place, WORKS.format(place))
    rootfs.bootstrap("bookworm", APT)
    arguments = (place / "arguments").read_text().splitlines()
    assert "bookworm" in arguments
    assert '--aptopt=Acquire::http::Proxy "http://p:1"' in arguments
    assert "--dpkgopt=path-include=/usr/share/doc/*/copyright" in arguments
    assert (place / "sources").read_text().splitlines() == APT.sources("bookworm")
    assert (place / "epoch").read_text().strip() == LAYER_EPOCH


def test_a_failed_bootstrap_shows_the_end_of_the_log_and_changes_nothing(place: Path) -> None:
    mmdebstrap(place, WORKS.format(place))
    rootfs.bootstrap("bookworm", APT)
    made = rootfs.folder("bookworm")
    mmdebstrap(place, "seq 20; echo E: no mirror >&2; exit 25")
    with pytest.raises(SparkImagesError) as raised:
        rootfs.bootstrap("bookworm", APT)
    lines = str(raised.value).splitlines()
    assert lines[0] == "mmdebstrap failed:"
    assert lines[-2:] == ["  E: no mirror", f"full log: {made.with_suffix('.log').relative_to(place)}"]
    assert len(lines) == 10
    assert (made / "rootfs.tar").read_text() == "content\n"


def test_mmdebstrap_runs_in_its_own_process_group(place: Path) -> None:
    mmdebstrap(place, f"cut -d ' ' -f 5 /proc/self/stat > {place}/group; {WORKS.format(place)}")
    rootfs.bootstrap("bookworm", APT)
    assert int((place / "group").read_text()) != os.getpgrp()


def test_an_interrupted_mmdebstrap_can_clean_up(place: Path) -> None:
    mmdebstrap(
        place,
        f"trap 'touch {place}/cleaned; exit 1' INT; touch {place}/begun; for _ in $(seq 150); do sleep 0.02; done",
    )

    def interrupt() -> None:
        for _ in range(500):
            if (place / "begun").exists():
                break
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            rootfs.bootstrap("bookworm", APT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (place / "cleaned").exists()


def test_a_missing_mmdebstrap_is_an_error_with_advice(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(place / "tools"))
    with pytest.raises(
        SparkImagesError, match=r'mmdebstrap is missing: run \./bootstrap.*OS_IMAGE="trixie=debian:trixie-'
    ):
        rootfs.bootstrap("trixie", APT)


def test_the_folders_name_changes_with_its_inputs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: list[Any] = [rootfs.folder("bookworm"), rootfs.folder("trixie")]
    (place / "docker/base/rootfs/finish.sh").write_text("false\n")
    names.append(rootfs.folder("bookworm"))
    monkeypatch.setattr(rootfs, "PACKAGES", ("another",))
    names.append(rootfs.folder("bookworm"))
    assert len(set(names)) == 4
    assert names[-1] == rootfs.folder("bookworm")


def test_the_root_file_system_keeps_every_licence() -> None:
    assert rootfs.LEFT_OUT.index("path-exclude=/usr/share/doc/*") < rootfs.LEFT_OUT.index(
        "path-include=/usr/share/doc/*/copyright"
    )
