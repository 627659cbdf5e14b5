"""Gives MkDocs its files: the Markdown files at their own paths, and every file that one of them links to.

The links are the same as on the code host. A picture is copied. Any other file becomes a page that shows its text.
"""

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.plugins import BasePlugin
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page
from rich.syntax import Syntax

from spark_images.errors import SparkImagesError
from spark_images.site import diagrams

PATTERNS = ("*.md", "docs/**/*.md", "examples/**/*.md", "benchmarks/**/*.md", "docker/**/*.md")
"""The Markdown files that must be pages. Those under tests/ are notes for the people who change the tests."""

STYLE = "generated/site.css"
PICTURES = frozenset({".svg", ".png"})
LINK = re.compile(r"""(?:\]\(<?|\b(?:href|src)=["'])([^)\s"'>]+)""")
"""Matches a possible link. A match in a code block only adds a file to the site that no page links to."""

Generated = Mapping[str, Callable[[], str]]
"""The pages that no file contains: the path of each, and what returns its Markdown."""


class SourceFile(File):
    """A page that shows the text of a file, such as images.toml. Markdown and pictures are not source files."""

    def is_documentation_page(self) -> Literal[True]:
        """Returns True: MkDocs decides by the suffix, and would copy the file."""
        return True


class Pages(BasePlugin):  # type: ignore[no-untyped-call,type-arg]
    """Replaces the files that MkDocs found in docs/ by those of the repository."""

    def __init__(self, root: Path, generated: Generated) -> None:
        self.root = root
        self.generated = generated

    def on_files(self, files: Files, config: MkDocsConfig) -> Files:
        """Returns the files of the theme, the pages, and the files that the pages link to."""
        for file in [file for file in files if file.src_dir == config.docs_dir]:
            files.remove(file)
        texts = {path: (self.root / path).read_text() for path in markdown_files(self.root)}
        texts |= {path: write() for path, write in self.generated.items()}
        for path, text in texts.items():
            files.append(File.generated(config, path, content=text))
        for path in sorted({path for page, text in texts.items() for path in linked(self.root, page, text)}):
            files.append(self._linked_file(path, config))
        files.append(File.generated(config, STYLE, content=Path(__file__).with_name("site.css").read_text()))
        return files

    def on_page_markdown(self, markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG002
        """Returns the text of a page with its diagrams drawn. Raises PluginError, naming the page, if that fails."""
        if isinstance(page.file, SourceFile):
            return markdown
        try:
            return diagrams.draw(markdown)
        except SparkImagesError as error:
            raise PluginError(f"{page.file.src_uri}: {error}") from None

    def _linked_file(self, path: str, config: MkDocsConfig) -> File:
        source = self.root / path
        if source.suffix in PICTURES:
            return File.generated(config, path, abs_src_path=str(source))
        text = _shown(path, source.read_text())
        file = SourceFile.generated(config, path, content=text, inclusion=InclusionLevel.NOT_IN_NAV)
        file.dest_uri = f"{path}.html"
        return file


def markdown_files(root: Path) -> list[str]:
    """Returns the paths, from `root`, of all Markdown files that must be pages."""
    return sorted({path.relative_to(root).as_posix() for pattern in PATTERNS for path in root.glob(pattern)})


def linked(root: Path, page: str, text: str) -> Iterator[str]:
    """Yields the paths, from `root`, of the linked files that are not pages.

    MkDocs reports what does not exist.
    """
    for link in LINK.findall(text):
        parts = urlsplit(link)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(parts.path)))
        wanted = parts.path and not parts.scheme and not path.startswith(("..", "/"))
        if wanted and not path.endswith(".md") and (root / path).is_file():
            yield path


def _shown(path: str, text: str) -> str:
    longest = max((len(ticks) for ticks in re.findall("`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    language = Syntax.guess_lexer(path, text)
    return f"---\nsearch: {{ exclude: true }}\n---\n\n# {path}\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"
