"""Reads the prose of a file: paragraphs of Markdown, comments, docstrings and error messages, with their lines."""

import ast
import io
import json
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from spark_images.errors import SparkImagesError

Line = tuple[int, str]
"""A line number, from 1, and the text of that line."""

MASK = "`_`"
"""Takes the place of code and quotations: one word that no rule matches."""

_MASKED = re.compile(r"(`+)(?:(?!\1).)+\1|\"[^\"\n]*\"|“[^”]*”|<https?:[^>]*>|https?://\S+", re.DOTALL)
_ITEM = re.compile(r"\s*(?:[-*•]|\d+\.)\s+")
_DIRECTIVE = re.compile(r"(?:noqa|type:|ruff:|fmt:|mypy:|pragma|shellcheck|hadolint|syntax=|escape=|check=|/// |!)")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|approx|no)\.$", re.IGNORECASE)
_END = re.compile(r"[.!?][)”]?\s+(?=\S)")


@dataclass(frozen=True)
class Text:
    """A paragraph: its lines, with code and quotations masked."""

    lines: tuple[Line, ...]

    @property
    def content(self) -> str:
        """The paragraph in one line."""
        return " ".join(text for _, text in self.lines)

    def line_at(self, position: int) -> int:
        """Returns the line number of a position in `content`."""
        for number, text in self.lines:
            if position <= len(text):
                return number
            position -= len(text) + 1
        return self.lines[-1][0]

    def sentences(self) -> Iterator[tuple[int, str]]:
        """Yields each sentence with its position in `content`."""
        content = self.content
        start = 0
        for end in _END.finditer(content):
            if not _ABBREVIATION.search(content[: end.start() + 1]):
                yield start, content[start : end.end()].rstrip()
                start = end.end()
        if start < len(content):
            yield start, content[start:]


def _text(lines: Iterable[Line]) -> Text:
    """Returns a paragraph of raw lines, masked; a masked part can go over the end of a line."""
    lines = list(lines)
    masked = _MASKED.sub(lambda part: MASK + "\n" * part[0].count("\n"), "\n".join(text for _, text in lines))
    numbers = [number for number, _ in lines]
    return Text(tuple((number, text.strip()) for number, text in zip(numbers, masked.split("\n"), strict=True)))


def _paragraphs(lines: Iterable[Line]) -> Iterator[Text]:
    """Yields the paragraphs of a comment or docstring. An indented line after an empty one is code, not prose."""
    paragraph: list[Line] = []
    code, empty = False, True
    for number, text in lines:
        blank = not text.strip()
        code = not blank and text.startswith("  ") and (empty or code) and not _ITEM.match(text)
        if paragraph and (blank or code or _ITEM.match(text)):
            yield _text(paragraph)
            paragraph = []
        if not blank and not code:
            paragraph.append((number, _ITEM.sub("", text, count=1)))
        empty = blank or (code and empty)
    if paragraph:
        yield _text(paragraph)


def markdown(source: str) -> Iterator[Text]:
    """Yields the paragraphs, headings, list items and table cells of a Markdown file."""
    for token in MarkdownIt("commonmark").enable("table").parse(source):
        if token.type != "inline" or token.map is None:
            continue
        lines = [""]
        for part in token.children or ():
            if part.type in ("softbreak", "hardbreak"):
                lines.append("")
            elif part.type in ("code_inline", "html_inline"):
                lines[-1] += MASK
            elif part.type in ("text", "image"):
                lines[-1] += part.content
        yield _text(enumerate(lines, token.map[0] + 1))


def notebook(source: str) -> Iterator[Text]:
    """Yields the texts of a notebook's Markdown cells."""
    raw = source.splitlines()
    position = 0
    for cell in json.loads(source)["cells"]:
        numbers = []
        for line in "".join(cell["source"]).splitlines(keepends=True):
            encoded = json.dumps(line, ensure_ascii=False)
            while encoded not in raw[position]:
                position += 1
            numbers.append(position + 1)
            position += 1
        if cell["cell_type"] == "markdown":
            for text in markdown("".join(cell["source"])):
                yield Text(tuple((numbers[number - 1], line) for number, line in text.lines))


def _comments(found: Iterable[tuple[int, bool, str]]) -> Iterator[Text]:
    """Yields the paragraphs of comments: line number, whether the comment has its own line, and its text."""
    block: list[Line] = []
    for number, alone, comment in found:
        text = comment.lstrip("#").removeprefix(" ")
        if _DIRECTIVE.match(text):
            text = text.partition(" -- ")[2]
        if block and (not alone or block[-1][0] != number - 1):
            yield from _paragraphs(block)
            block = []
        if alone:
            block.append((number, text))
        else:
            yield from _paragraphs([(number, text)])
    yield from _paragraphs(block)


def hashed(source: str) -> Iterator[Text]:
    """Yields the comments of a file in which `#` begins one: Dockerfile, shell, TOML, YAML, settings."""

    def found() -> Iterator[tuple[int, bool, str]]:
        for number, line in enumerate(source.splitlines(), 1):
            for hit in re.finditer(r"(?:^|(?<=\s))#", line):
                before = line[: hit.start()]
                if before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
                    yield number, not before.strip(), line[hit.start() :]
                    break

    return _comments(found())


def python(source: str) -> Iterator[Text]:
    """Yields the comments, docstrings and error messages of a Python file."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    yield from _comments(
        (token.start[0], not token.line[: token.start[1]].strip(), token.string)
        for token in tokens
        if token.type == tokenize.COMMENT
    )
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text)) as constant):
                first, *rest = text.split("\n")
                indent = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
                yield from _paragraphs(enumerate([first.strip(), *(line[indent:] for line in rest)], constant.lineno))
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name.endswith(("Error", "Skipped")):
                for argument in node.args:
                    if message := _message(argument):
                        yield _text([(argument.lineno, message)])


def _message(node: ast.expr) -> str:
    """Returns the text of a string or f-string, with a mask for each value; "" for anything else."""
    match node:
        case ast.Constant(value=str(text)):
            return text.replace("\n", " ")
        case ast.JoinedStr(values=parts):
            texts = (str(part.value) if isinstance(part, ast.Constant) else MASK for part in parts)
            return "".join(texts).replace("\n", " ")
    return ""


_SUFFIXES: dict[str, Callable[[str], Iterator[Text]]] = {
    ".md": markdown,
    ".ipynb": notebook,
    ".py": python,
    **dict.fromkeys((".sh", ".toml", ".yaml", ".yml", ".conf", ".properties", ".in", ".txt"), hashed),
}


def read(path: Path) -> list[Text]:
    """Returns the prose of a file, or an empty list for a kind of file without prose.

    Raises SparkImagesError if the file cannot be parsed.
    """
    if path.suffix in _SUFFIXES:
        reader = _SUFFIXES[path.suffix]
    elif path.name == "Dockerfile":
        reader = hashed
    elif path.suffix:
        return []
    else:
        with path.open("rb") as file:
            first = file.readline(100)
        if not first.startswith(b"#!"):
            return []
        reader = python if b"python" in first else hashed
    try:
        return list(reader(path.read_text(encoding="utf-8")))
    except (SyntaxError, ValueError, tokenize.TokenError) as error:
        raise SparkImagesError(f"{path} cannot be parsed: {error}") from None
