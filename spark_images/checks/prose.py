"""Checks the prose of the repository against the rules in prose.toml.

`python -m spark_images.checks.prose [PATH...]` prints `path:line: message (rule)` and exits with 1 if it has findings.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from itertools import accumulate
from pathlib import Path

import proselint.checks
from proselint.config import Config
from proselint.registry import CheckRegistry
from proselint.tools import LintFile

from spark_images import ROOT
from spark_images.checks.texts import MASK, Text, read
from spark_images.errors import SparkImagesError, UsageError

TABLE = Path(__file__).with_suffix(".toml")
SEPARATOR = "\n\n§\n\n"
"""Keeps proselint from comparing the last word of a paragraph with the first word of the next."""


@dataclass(frozen=True)
class Rule:
    """A rule of prose.toml: a regular expression, a limit of words, or checks of proselint."""

    name: str
    message: str
    bad: Sequence[str]
    good: Sequence[str]
    pattern: str = ""
    max_words: int = 0
    proselint: Sequence[str] = ()
    code_only: bool = False

    def covers(self, path: str) -> bool:
        """Returns whether the rule holds for the texts of a file."""
        return not (self.code_only and path.endswith((".md", ".ipynb")))


@dataclass(frozen=True, order=True)
class Finding:
    """A place that breaks a rule."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message} ({self.rule})"


def table() -> tuple[list[Rule], list[str]]:
    """Returns the rules, and the globs of files that are not checked."""
    read_table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return [Rule(**rule) for rule in read_table["rule"]], read_table["skip"]


def check(texts: Sequence[tuple[str, Text]], rules: Sequence[Rule]) -> list[Finding]:
    """Returns the findings of `rules` in texts, each given with the path of its file. Sorted by path and line."""
    found = set(_proselint(texts, [rule for rule in rules if rule.proselint]))
    patterns = [(rule, re.compile(rule.pattern, re.IGNORECASE)) for rule in rules if rule.pattern]
    for path, text in texts:
        for start, sentence in text.sentences():
            if "[sic]" in sentence:
                continue
            for rule, pattern in patterns:
                if rule.covers(path) and (hit := pattern.search(sentence)):
                    message = rule.message.replace("{found}", " ".join(hit[0].split()))
                    found.add(Finding(path, text.line_at(start + hit.start()), rule.name, message))
            items = sentence.split(";") if sentence.count(";") > 1 else [sentence]
            words = max(sum(1 for word in item.split() if re.search(r"\w", word)) for item in items)
            for rule in rules:
                if 0 < rule.max_words < words and rule.covers(path):
                    message = rule.message.replace("{found}", str(words))
                    found.add(Finding(path, text.line_at(start), rule.name, message))
    return sorted(found)


def _proselint(texts: Sequence[tuple[str, Text]], rules: Sequence[Rule]) -> Iterator[Finding]:
    """Yields the findings of proselint. One run reads all texts: each run costs about 50 ms."""
    if not rules or not texts:
        return
    registry = CheckRegistry()
    if not registry.checks:
        registry.register_many(proselint.checks.__register__)
    # proselint takes a lone apostrophe for the beginning of a quotation, and skips what follows.
    contents = [re.sub(r"\B'|'\B", " ", text.content) for _, text in texts]
    starts = [0, *accumulate(len(content) + len(SEPARATOR) for content in contents)]
    config: Config = {"max_errors": sys.maxsize, "checks": {name: True for rule in rules for name in rule.proselint}}
    file = LintFile("texts", SEPARATOR.join(contents))
    for result in file.lint(config):
        hit = result.check_result
        begin = hit.span[0] - 1  # LintFile puts a line break before the content
        index = bisect_right(starts, begin) - 1
        path, text = texts[index]
        position = begin - starts[index]
        if MASK in contents[index][position : hit.span[1] - 1 - starts[index]]:
            continue
        if any(
            "[sic]" in sentence for start, sentence in text.sentences() if start <= position < start + len(sentence)
        ):
            continue
        owner = next(rule for rule in rules if any(hit.check_path.startswith(name) for name in rule.proselint))
        message = owner.message.replace("{found}", " ".join(hit.message.split()))
        yield Finding(path, text.line_at(position), owner.name, message)


def files(paths: Sequence[str], skip: Sequence[str]) -> list[str]:
    """Returns the files to check, relative to the root: those of Git without `skip`, or those under `paths`.

    Raises UsageError if a path does not exist, SparkImagesError if Git does not list the files.
    """
    for path in paths:
        if not Path(path).exists():
            raise UsageError(f"{path} does not exist: name a file or a folder")
    given = [str(Path(path).resolve()) for path in paths] or ["."]
    command = ("git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *given)
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError) as error:
        reason = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
        raise SparkImagesError(f"Git cannot list the files to check: {reason}. Name paths of this clone.") from None
    return [
        path
        for path in sorted(set(listed))
        if path and (ROOT / path).is_file() and not any(fnmatch(path, glob) for glob in skip)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the findings in the given files, or in all. Returns the exit code: 0, or 1 if there are findings."""
    parser = argparse.ArgumentParser(prog="python -m spark_images.checks.prose", description="Check the prose.")
    parser.add_argument("path", nargs="*", help="a file or a folder (default: every file that Git does not ignore)")
    paths = parser.parse_args(arguments).path
    rules, skip = table()
    try:
        texts = [(path, text) for path in files(paths, skip) for text in read(ROOT / path)]
    except SparkImagesError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    found = check(texts, rules)
    print("\n".join(map(str, found)) or "no findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
