"""The documentation site: each kind of fault in the documentation fails the build, with the name of the file."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path

import pytest
from graphviz import Digraph, ExecutableNotFound
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files

from spark_images import ROOT
from spark_images.errors import SparkImagesError
from spark_images.site import build, diagrams, pages

MKDOCS = (ROOT / "mkdocs.yml").read_text()
SETTINGS = re.sub(r"^nav:\n(?:[ ].*\n)+", "", MKDOCS, flags=re.MULTILINE)
"""The real settings, without the list of pages."""

NAV = {"Home": "README.md", "Guide": "docs/guide.md", "Example": "examples/one/README.md", "Made": "generated/made.md"}
FILES = {
    "README.md": "# Home\n\nSee [the guide](docs/guide.md#first-step) and [the example](examples/one/README.md).\n",
    "docs/guide.md": "# Guide\n\n## First step\n\n![A picture](picture.svg) [values](../values.toml)\n",
    "docs/picture.svg": '<svg xmlns="http://www.w3.org/2000/svg"/>\n',
    "examples/one/README.md": "# Example\n\n[The job](job.yaml), [the same](../../examples/one/job.yaml).\n",
    "examples/one/job.yaml": "kind: Job\nnote: |\n```\n  [a](b.md)\n",
    "values.toml": "answer = 42\n",
}

Write = Callable[..., Path]


@pytest.fixture
def repository(tmp_path: Path) -> Write:
    """Writes a small repository with the real settings, and these changes to its files; None removes a file."""

    def write(changes: dict[str, str | None] | None = None, nav: dict[str, str] = NAV) -> Path:
        files = {**FILES, "docs/guide.md": FILES["docs/guide.md"], **(changes or {})}
        entries = "".join(f"  - {title}: {path}\n" for title, path in nav.items())
        for path, text in {**files, "mkdocs.yml": f"{SETTINGS}\nnav:\n{entries}"}.items():
            if text is not None:
                (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / path).write_text(text)
        return tmp_path

    return write


def built(root: Path) -> Path:
    return build.build({"generated/made.md": lambda: "# Made\n"}, root)


def test_each_page_is_at_the_path_of_its_file(repository: Write) -> None:
    site = built(repository())
    assert site == repository() / ".build/site"
    for page in ("index.html", "docs/guide.html", "examples/one/index.html", "generated/made.html"):
        assert (site / page).is_file(), page
    assert 'href="docs/guide.html#first-step"' in (site / "index.html").read_text()


def test_a_linked_picture_is_copied(repository: Write) -> None:
    assert (built(repository()) / "docs/picture.svg").read_text() == FILES["docs/picture.svg"]


def test_a_linked_source_file_is_a_page_with_its_text(repository: Write) -> None:
    site = built(repository())
    assert (site / "examples/one/index.html").read_text().count('href="job.yaml.html"') == 2
    shown = unescape(re.sub(r"<[^>]+>", "", (site / "examples/one/job.yaml.html").read_text()))
    assert FILES["examples/one/job.yaml"] in shown
    assert "answer" in (site / "values.toml.html").read_text()


def test_a_file_without_a_link_is_not_in_the_site(repository: Write) -> None:
    site = built(repository({"docs/notes.txt": "Nobody links here.\n", "secret.toml": "a = 1\n"}))
    assert not [path for path in site.rglob("*") if path.name.startswith(("notes", "secret"))]


def test_the_search_index_contains_the_pages_and_no_source_file(repository: Write) -> None:
    index = (built(repository()) / "search/search_index.json").read_text()
    assert "First step" in index
    assert "kind: Job" not in index


BROKEN = {
    "a link to no page": ({"README.md": "# Home\n\n[there](docs/gone.md)\n"}, ["README.md", "docs/gone.md"]),
    "a link to no file": (
        {"docs/guide.md": "# Guide\n\n## First step\n\n[x](../no.toml)\n"},
        ["docs/guide.md", "no.toml"],
    ),
    "an anchor of a page": (
        {"README.md": "# Home\n\n[there](docs/guide.md#third-step)\n"},
        ["README.md", "#third-step"],
    ),
    "an anchor of the same page": ({"README.md": "# Home\n\n[there](#nowhere)\n"}, ["README.md", "#nowhere"]),
    "an image": ({"README.md": "# Home\n\n![A chart](docs/chart.svg)\n"}, ["README.md", "docs/chart.svg"]),
    "an absolute link": ({"README.md": "# Home\n\n[there](/docs/guide.md)\n"}, ["README.md", "/docs/guide.md"]),
    "a page that is not in nav": ({"docs/new.md": "# New\n"}, ["docs/new.md"]),
    "a page in nav without a file": (
        {"examples/one/README.md": None, "README.md": "# Home\n"},
        ["examples/one/README.md"],
    ),
    "an image in HTML": ({"README.md": '# Home\n\n<img alt="" src="docs/no.png">\n'}, ["index.html", "docs/no.png"]),
    "an image of another machine": (
        {"README.md": "# Home\n\n![A badge](https://badges.example/build.svg)\n"},
        ["index.html", "https://badges.example/build.svg", "from another machine"],
    ),
    "a script of another machine": (
        {"README.md": '# Home\n\n<script src="//cdn.example/a.js"></script>\n'},
        ["index.html", "//cdn.example/a.js", "from another machine"],
    ),
    "a diagram": ({"README.md": "# Home\n\n```mermaid\npie\n```\n"}, ["README.md", '"pie"', '"flowchart LR"']),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_fault_fails_the_build_and_names_the_file(repository: Write, fault: str) -> None:
    changes, named = BROKEN[fault]
    with pytest.raises(SparkImagesError) as raised:
        built(repository(changes))
    assert raised.value.exit_code == 1
    assert [text for text in named if text not in str(raised.value)] == [], str(raised.value)


def test_every_fault_is_in_one_message(repository: Write) -> None:
    changes = {"README.md": "# Home\n\n[a](a.md) [b](b.md)\n", "docs/new.md": "# New\n"}
    with pytest.raises(SparkImagesError, match="the documentation has 3 faults"):
        built(repository(changes))


def test_a_setting_that_mkdocs_does_not_know_is_a_fault(repository: Write) -> None:
    root = repository()
    with (root / "mkdocs.yml").open("a") as file:
        file.write("colour: red\n")
    with pytest.raises(SparkImagesError, match="colour"):
        built(root)


def test_a_fault_is_gone_after_the_repair(repository: Write) -> None:
    with pytest.raises(SparkImagesError):
        built(repository({"docs/guide.md": "# Guide\n\n[x](no.md)\n"}))
    built(repository())


def test_a_style_sheet_that_loads_a_font_is_a_fault(repository: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    class Styled(pages.Pages):  # type: ignore[no-untyped-call]
        def on_files(self, files: Files, config: MkDocsConfig) -> Files:
            found = super().on_files(files, config)
            style = found.get_file_from_path(pages.STYLE)
            assert style
            style.content_string = '@import "https://fonts.example/a.css"; p { src: url(//fonts.example/b.woff2) }'
            return found

    monkeypatch.setattr(pages, "Pages", Styled)
    with pytest.raises(SparkImagesError) as raised:
        built(repository())
    assert "generated/site.css loads https://fonts.example/a.css" in str(raised.value)
    assert "generated/site.css loads //fonts.example/b.woff2" in str(raised.value)


def test_links_in_code_and_to_other_places_add_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("a = 1\n")
    elsewhere = "[a](https://example.org/a.toml) [b](//example.org/a.toml) [f](mailto:a.toml)"
    text = f"{elsewhere} [c](../a.toml) [d](#a.toml) [e](b.toml)"
    assert list(pages.linked(tmp_path, "README.md", text)) == []
    assert list(pages.linked(tmp_path, "README.md", "[a](a.toml#x)")) == ["a.toml"]
    assert list(pages.linked(tmp_path, "docs/x.md", '<a href="../a.toml">')) == ["a.toml"]


FLOWCHART = 'flowchart TD\n  subgraph low\n    a["first: a"]\n  end\n  b["second"]\n  a --> b -.-> c-d\n'


def test_a_flowchart_becomes_a_graph() -> None:
    source = diagrams.dot(FLOWCHART).source
    assert "rankdir=TB" in source
    assert 'a [label="first: a"]' in source
    assert "a -> b [style=solid]" in source
    assert 'b -> "c-d" [style=dotted]' in source
    assert re.search(r"subgraph cluster_low \{[^}]*first: a[^}]*\}", source)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "graph LR\na --> b",
        "flowchart LR\na --- b",
        "flowchart LR\na --> ",
        "flowchart LR\nend",
        "flowchart LR\nsubgraph low\na --> b",
        "flowchart LR\na(round)",
    ],
)
def test_a_flowchart_that_cannot_be_drawn_is_an_error(text: str) -> None:
    with pytest.raises(SparkImagesError, match="a Mermaid diagram"):
        diagrams.dot(text)


def test_a_diagram_on_a_page_is_an_svg_and_code_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Digraph, "pipe", lambda *_, **__: '<?xml version="1.0"?>\n<svg>\n\n<g/>\n</svg>\n')
    drawn = diagrams.draw(f"Before.\n\n```mermaid\n{FLOWCHART}```\n\n```sh\nls\n```\n")
    assert drawn == 'Before.\n\n<div class="diagram">\n<svg>\n<g/>\n</svg>\n</div>\n\n```sh\nls\n```\n'


def test_without_graphviz_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ExecutableNotFound(["dot"])

    monkeypatch.setattr(Digraph, "pipe", missing)
    with pytest.raises(SparkImagesError, match="install graphviz"):
        diagrams.draw(f"```mermaid\n{FLOWCHART}```\n")


def test_every_diagram_of_the_repository_can_be_drawn() -> None:
    texts = {path: (ROOT / path).read_text() for path in pages.markdown_files(ROOT)}
    sources = [found["source"] for text in texts.values() for found in diagrams.FENCE.finditer(text)]
    assert len(sources) == sum(text.count("```mermaid") for text in texts.values())
    assert sources
    for source in sources:
        assert diagrams.dot(source).source.startswith("digraph")
