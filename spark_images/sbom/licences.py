"""Licences as SPDX expressions, from the names, addresses and texts that packages use for them.

licences.toml has the names. A licence that SPDX does not list becomes a reference: `LicenseRef-House-Rules`.
"""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import tomli
from license_expression import ExpressionError, Licensing, get_spdx_licensing
from pydantic import TypeAdapter

FILE = Path(__file__).with_name("licences.toml")
_TABLE = TypeAdapter(dict[str, list[str]])

REFERENCE = "LicenseRef-"
"""The prefix of a licence that SPDX does not list."""

_EITHER = (
    {"EPL-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"},
    {"CDDL-1.1", "GPL-2.0-only WITH Classpath-exception-2.0"},
)
"""Licences from which the user of Jakarta EE's jars can choose one."""

_TEXTS = (
    ("Apache-1.1", r"the apache software license, version 1\.1"),
    (
        "Apache-2.0",
        r"apache license,? version 2\.0|licen[sc]ed under the (?:terms of the )?apache (?:software )?licen[sc]e",
    ),
    ("EPL-2.0", r"^\W*eclipse public license - v 2\.0"),
    ("CDDL-1.0", r"^\W*common development and distribution license \(cddl\) version 1\.0"),
    ("MIT", r"permission is hereby granted, free of charge"),
    (
        "BSD-3-Clause",
        r"redistribution and use in source and binary forms.{1,1500}"
        r"(?:neither the name|names? of .{1,80} may (?:not )?be used to endorse)",
    ),
    ("BSD-2-Clause", r"redistribution and use in source and binary forms"),
    ("LGPL-2.1-or-later", r"gnu lesser general public license, version 2\.1 \(or, at your option, any later"),
    ("PSF-2.0", r"python software foundation license version 2"),
    ("MPL-2.0", r"^\W*mozilla public license,? version 2\.0"),
)
"""Texts by which a licence file is recognised, the first match first."""


@cache
def _names() -> dict[str, str]:
    table = _TABLE.validate_python(tomli.loads(FILE.read_text()))
    return {_plain(text): identifier for identifier, texts in table.items() for text in (*texts, identifier)}


def _plain(text: str) -> str:
    text = re.sub(r"^https?://(www\.)?", "", " ".join(text.lower().split()).strip("\"'"))
    return re.sub(r"(\.html?|\.txt|\.php|/)$", "", text)


@cache
def licensing() -> Licensing:
    """Returns the parser of SPDX expressions. It takes a while to make."""
    return get_spdx_licensing()


@cache
def known(text: str) -> str:
    """Returns the SPDX expression for a name or address of a licence, or "" if it is unknown."""
    return _names().get(_plain(text), "") or (of_expression(text) if len(text) < 200 else "")


def named(text: str) -> str:
    """Returns the SPDX expression for a name, or a reference with that name if SPDX does not list it."""
    return known(text) or REFERENCE + re.sub(r"[^A-Za-z0-9.]+", "-", text.removeprefix(REFERENCE)).strip("-")


def of_expression(text: str) -> str:
    """Returns a valid SPDX expression in its usual form, or "" if the text is none."""
    try:
        if not text.strip() or licensing().validate(text).errors:
            return ""
        return str(licensing().parse(text))
    except (ExpressionError, AttributeError):
        return ""


def of_bundle(value: str) -> str:
    """Returns the expression for Bundle-License of a manifest, or "" if one of its licences is unknown."""
    names = [known(part.partition(";")[0].strip()) for part in value.split(",")]
    return choice(names) if all(names) else ""


def of_text(text: str) -> str:
    """Returns the licence whose text this is, or "" if it is not recognised."""
    plain = " ".join(text.lower().split())
    return next((identifier for identifier, pattern in _TEXTS if re.search(pattern, plain)), "")


def joined(expressions: Iterable[str], operator: str) -> str:
    """Returns the expressions joined with an operator (AND, OR), each once."""
    unique = [e for e in dict.fromkeys(expressions) if e]
    if len(unique) == 1:
        return unique[0]
    return f" {operator} ".join(f"({e})" if " AND " in e or " OR " in e else e for e in unique)


def choice(expressions: Sequence[str]) -> str:
    """Returns the expression for several licences that a project lists without a word between them.

    They are a choice, as Maven defines it. If they include the pair of Jakarta EE, only the pair is a choice, and the
    other licences are those of parts.
    """
    for pair in _EITHER:
        if pair < set(expressions):
            either = joined([e for e in expressions if e in pair], "OR")
            return joined([either, *(e for e in expressions if e not in pair)], "AND")
    return joined(expressions, "OR")
