"""Builds and serves the site. Every warning of MkDocs is an error, and no page may load anything from elsewhere.

MkDocs Material gets no fixes after 5 May 2027. Its successor Zensical reads mkdocs.yml, but did not report every broken
link, missing image and unlisted page when it was tried (0.0.73).
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Material prints a notice about MkDocs 2 at each import. requirements.lock pins MkDocs 1.
os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")

from mkdocs.commands import build as mkdocs
from mkdocs.config import load_config
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import MkDocsException
from mkdocs.livereload import LiveReloadServer

from spark_images import ROOT
from spark_images.errors import SparkImagesError
from spark_images.plan.project import Project, load_project
from spark_images.site import layers, offline, pages, proven
from spark_images.wording import counted

CONFIG = "mkdocs.yml"
HOST = "127.0.0.1"
WATCHED = (CONFIG, "docs", "examples", "benchmarks", "docker/images", "images.toml", *pages.PATTERNS[:1])
LOGGERS = ("mkdocs", "MARKDOWN")
"""The loggers of MkDocs with its plugins, and of Python-Markdown."""


def generated(project: Project) -> pages.Generated:
    """Returns the pages that are written from the project, by their paths in `nav`."""
    return {"generated/proven.md": lambda: proven.page(project), "generated/layers.md": lambda: layers.page(project)}


def build(written: pages.Generated, root: Path = ROOT) -> Path:
    """Builds the site of the repository `root`; returns its folder.

    Raises SparkImagesError, which names each file, for any warning of MkDocs: a broken link or anchor, a missing image,
    a page that is not in `nav`. A page that would load something from another machine is an error too.
    """
    with _faults() as faults:
        config = _config(written, root)
        mkdocs.build(config)
    site = Path(config.site_dir)
    # The built page contains a link that MkDocs reported, so a second check would report it again.
    if faults := faults or offline.faults(site):
        raise SparkImagesError(
            "\n  ".join(
                [
                    f"the documentation has {counted(len(faults), 'fault')} (`nav` in mkdocs.yml lists its pages):",
                    *faults,
                ]
            )
        )
    return site


def serve(port: int, root: Path = ROOT) -> None:
    """Serves the site on this machine until Ctrl-C, and builds it again when a file changes.

    Raises SparkImagesError if the first build fails or the port cannot be used. A later fault is printed.
    """

    def again() -> None:
        try:
            build(generated(load_project()), root)
        except SparkImagesError as error:
            print(f"error: {error}", flush=True)

    site = build(generated(load_project()), root)
    server = LiveReloadServer(builder=again, host=HOST, port=port, root=str(site))
    for pattern in WATCHED:
        for path in root.glob(pattern):
            server.watch(str(path))
    print(f"http://{HOST}:{port}/  (Ctrl-C stops)", flush=True)
    try:
        server.serve()  # type: ignore[no-untyped-call]
    except KeyboardInterrupt:
        pass
    except (OSError, OverflowError) as error:
        raise SparkImagesError(f"port {port} cannot be used: {error}: choose another one with --port") from None
    finally:
        server.shutdown()


def _config(written: pages.Generated, root: Path) -> MkDocsConfig:
    config = load_config(str(root / CONFIG))
    config.plugins["spark-images"] = pages.Pages(root, written)
    return config


@contextmanager
def _faults() -> Iterator[list[str]]:
    """Gives the list that gets each warning of MkDocs; an exception of MkDocs is one of them."""
    found: list[str] = []

    class Collected(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler = Collected(logging.WARNING)
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)
    try:
        yield found
    except MkDocsException as error:
        raise SparkImagesError("\n  ".join(["the documentation cannot be built:", *found, str(error)])) from None
    finally:
        for name in LOGGERS:
            logging.getLogger(name).removeHandler(handler)
