"""Every rule of the prose linter finds only its bad examples, and each kind of file gives its texts and lines."""

import json
import subprocess
from pathlib import Path

import pytest

from spark_images.checks import prose, texts
from spark_images.checks.prose import Rule
from spark_images.errors import SparkImagesError

RULES, SKIPPED = prose.table()
BY_NAME = {rule.name: rule for rule in RULES}
BAD = [(rule.name, text) for rule in RULES for text in rule.bad]
GOOD = [(rule.name, text) for rule in RULES for text in rule.good]


def findings(sentence: str, rules: list[Rule], path: str = "file.py") -> list[str]:
    paragraph = texts.Text(((1, sentence),))
    return [finding.rule for finding in prose.check([(path, paragraph)], rules)]


def test_every_rule_has_one_way_to_find_and_examples_of_both_kinds() -> None:
    for rule in RULES:
        assert sum(map(bool, (rule.pattern, rule.max_words, rule.proselint))) == 1, rule.name
        assert rule.bad, rule.name
        assert rule.good, rule.name
        assert rule.message, rule.name
    assert len(BY_NAME) == len(RULES)


@pytest.mark.parametrize(("rule", "sentence"), BAD, ids=str)
def test_a_rule_finds_its_bad_examples(rule: str, sentence: str) -> None:
    assert findings(sentence, [BY_NAME[rule]]) == [rule]


@pytest.mark.parametrize(("rule", "sentence"), GOOD, ids=str)
def test_a_rule_leaves_its_good_examples(rule: str, sentence: str) -> None:
    assert findings(sentence, [BY_NAME[rule]]) == []


def test_a_good_example_of_one_rule_breaks_no_other_rule() -> None:
    assert {text: found for _, text in GOOD if (found := findings(text, RULES))} == {}


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.code_only], ids=lambda rule: rule.name)
def test_a_rule_for_code_ignores_markdown(rule: Rule) -> None:
    assert findings(rule.bad[0], [rule], "docs/page.md") == []


@pytest.mark.parametrize(
    "sentence",
    [
        "The lock lies upon the layer [sic].",
        "It is very unique [sic].",
        "Do not write `lies upon` in a text.",
        'Do not write "lies upon" in a text.',
    ],
)
def test_quoted_text_is_ignored(sentence: str) -> None:
    (paragraph,) = texts.markdown(sentence)
    assert prose.check([("page.md", paragraph)], RULES) == []


def test_a_finding_names_the_line_the_alternative_and_the_rule() -> None:
    page = "# Title\n\nThe first line is plain.\nThe layer is built\nupon another.\n"
    found = prose.check([("page.md", text) for text in texts.markdown(page)], RULES)
    assert list(map(str, found)) == [
        'page.md:5: "upon" is archaic: write "on", "before", "from", "so", "again" or "also" (archaic-word)'
    ]


def test_a_repeated_word_is_found_by_proselint_on_its_line() -> None:
    page = "One.\n\nTwo words are\nhere here in a line.\n\nHere is another paragraph.\n"
    (found,) = prose.check([("page.md", text) for text in texts.markdown(page)], RULES)
    assert (found.line, found.rule) == (4, "proselint")


def read(tmp_path: Path, name: str, content: str) -> list[tuple[int, str]]:
    file = tmp_path / name
    file.write_text(content)
    return [(text.lines[0][0], text.content) for text in texts.read(file)]


def test_markdown_gives_headings_paragraphs_items_and_cells_without_code(tmp_path: Path) -> None:
    page = (
        "# Head\n\nText with `code` and\nmore.\n\n```sh\nupon\n```\n\n- item\n\n| a | b |\n| --- | --- |\n| c | d |\n"
    )
    assert read(tmp_path, "page.md", page) == [
        (1, "Head"),
        (3, "Text with `_` and more."),
        (10, "item"),
        (12, "a"),
        (12, "b"),
        (14, "c"),
        (14, "d"),
    ]


def test_python_gives_comments_docstrings_and_errors(tmp_path: Path) -> None:
    source = '''"""A module.

Usage:

    code upon code
"""

NAME = "not # a comment"
"""A constant."""


def run(x: str) -> None:
    """Runs."""
    # A comment of
    # two lines.
    value = x  # at the end
    call()  # noqa: S101 -- a reason
    raise UsageError(f"{x} is wrong: " f"write {value}")
'''
    assert sorted(read(tmp_path, "module.py", source)) == [
        (1, "A module."),
        (3, "Usage:"),
        (9, "A constant."),
        (13, "Runs."),
        (14, "A comment of two lines."),
        (16, "at the end"),
        (17, "a reason"),
        (18, "`_` is wrong: write `_`"),
    ]


@pytest.mark.parametrize("name", ["Dockerfile", "settings.toml", "chart.yaml", "run.sh", "spark-defaults.conf"])
def test_hash_comments_are_read_in_files_of_settings_and_scripts(tmp_path: Path, name: str) -> None:
    source = '# syntax=x\n# One of\n# two.\n\nkey = "a # b"  # at the end\nx=${y#z}\n#\n# - item\n#   goes on\n'
    assert read(tmp_path, name, source) == [(2, "One of two."), (5, "at the end"), (8, "item goes on")]


def test_a_script_without_a_suffix_is_known_by_its_first_line(tmp_path: Path) -> None:
    assert read(tmp_path, "shell", "#!/bin/bash\n# A comment.\n") == [(2, "A comment.")]
    assert read(tmp_path, "tool", '#!/usr/bin/python3\n"""A tool."""\n') == [(2, "A tool.")]
    assert read(tmp_path, "LICENSE", "# upon\n") == []
    assert read(tmp_path, "image.svg", "# upon\n") == []


def test_a_notebook_gives_its_markdown_cells_with_lines_of_the_file(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "code", "source": ["# A comment\n", "x = 1"]},
        {"cell_type": "markdown", "source": ["# Head\n", "\n", "The text."]},
    ]
    content = json.dumps({"cells": cells}, indent=1)
    lines = content.splitlines()
    assert read(tmp_path, "page.ipynb", content) == [
        (1 + next(number for number, line in enumerate(lines) if "# Head" in line), "Head"),
        (1 + next(number for number, line in enumerate(lines) if "The text" in line), "The text."),
    ]


def test_a_file_that_cannot_be_parsed_is_named(tmp_path: Path) -> None:
    with pytest.raises(SparkImagesError, match=r"broken\.py cannot be parsed"):
        read(tmp_path, "broken.py", "def :\n")
    with pytest.raises(SparkImagesError, match=r"broken\.ipynb cannot be parsed"):
        read(tmp_path, "broken.ipynb", "{")


def test_sentences_end_at_a_full_stop_but_not_in_an_abbreviation() -> None:
    text = texts.Text(((1, "Use a tool, e.g. nox. tini is PID 1. See docs/dag.md for 3.5.8."),))
    assert [sentence for _, sentence in text.sentences()] == [
        "Use a tool, e.g. nox.",
        "tini is PID 1.",
        "See docs/dag.md for 3.5.8.",
    ]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one bad page, and a bad page that Git ignores."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "good.md").write_text("The lock is in the folder.\n")
    (tmp_path / "bad.md").write_text("# Title\n\nThe lock lies in the folder.\n")
    (tmp_path / "ignored.md").write_text("The lock lies in the folder.\n")
    (tmp_path / ".gitignore").write_text("ignored.md\n")
    monkeypatch.setattr(prose, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("clone")
@pytest.mark.parametrize("arguments", [[], ["bad.md"], ["."]])
def test_the_command_prints_findings_and_exits_with_1(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert prose.main(arguments) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("bad.md:3: ")
    assert line.endswith("(stands-in)")


@pytest.mark.usefixtures("clone")
def test_the_command_exits_with_0_without_findings(capsys: pytest.CaptureFixture[str]) -> None:
    assert prose.main(["good.md"]) == 0
    assert capsys.readouterr().out == "no findings\n"


@pytest.mark.usefixtures("clone")
def test_a_path_outside_of_the_clone_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert prose.main(["/etc"]) == 1
    assert "outside repository" in capsys.readouterr().err


def test_an_unknown_path_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert prose.main(["no/such/file.md"]) == 2
    assert capsys.readouterr().err == "error: no/such/file.md does not exist: name a file or a folder\n"


def test_generated_files_are_skipped() -> None:
    listed = prose.files([], SKIPPED)
    assert "README.md" in listed
    assert "docker/runtime/spark/Dockerfile" in listed
    assert not [path for path in listed if path.startswith("docker/images/") or path.endswith(".lock")]
