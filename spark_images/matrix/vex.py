"""The tables [[vex]]: whether a known vulnerability affects the images, and why.

The statuses and justifications are those of OpenVEX 0.2.0.
"""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Annotated

from packageurl import PackageURL
from pydantic import AfterValidator
from pydantic.dataclasses import dataclass

from spark_images.errors import nearest
from spark_images.matrix.tables import STRICT

NOT_AFFECTED = "not_affected"
AFFECTED = "affected"
STATUSES = (NOT_AFFECTED, AFFECTED, "fixed", "under_investigation")

NOT_PRESENT = "component_not_present"
REMOVALS = (NOT_PRESENT, "vulnerable_code_not_present")
"""The justifications that a removed file can prove."""

JUSTIFICATIONS = (
    *REMOVALS,
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
)

_VULNERABILITY = re.compile(r"CVE-\d{4}-\d{4,}|GHSA(-[0-9a-z]{4}){3}|DSA-\d+-\d+")


def _one_of(valid: Collection[str], *, optional: bool = False) -> Callable[[str], str]:
    def check(given: str) -> str:
        if given in valid or (optional and not given):
            return given
        raise ValueError(f'is "{given}": expected one of {", ".join(valid)}{nearest(given, valid)}')

    return check


def named(given: str) -> str:
    """Returns the name of a vulnerability. Raises ValueError if it is not from CVE, GitHub or Debian."""
    if _VULNERABILITY.fullmatch(given):
        return given
    # The prefix is in upper case. The rest of a GitHub name is in lower case.
    prefix, _, rest = re.sub(r"[\s_]+", "-", given.strip()).partition("-")
    near = f"{prefix.upper()}-{rest.lower()}"
    raise ValueError(
        f'is "{given}": expected a name such as "CVE-2026-48748" or "GHSA-4grm-h2qv-h6w6"'
        + (f' (did you mean "{near}"?)' if _VULNERABILITY.fullmatch(near) else "")
    )


def packaged(given: str) -> str:
    """Returns the package URL of a product: a package URL, or the coordinate of an artefact. The version is optional.

    Raises ValueError for any other text. The message says what was expected.
    """
    group, _, rest = given.partition(":")
    artifact, _, version = rest.partition(":")
    try:
        if group != "pkg" and ":" not in version:
            return PackageURL("maven", group, artifact, version or None).to_string()
        purl = PackageURL.from_string(given)
    except ValueError:
        raise ValueError(
            f'is "{given}": expected a package URL such as "pkg:maven/io.netty/netty-codec-http3", or a coordinate '
            'such as "io.netty:netty-codec-http3"'
        ) from None
    return purl.to_string()


def removed_jar(given: str) -> str:
    """Returns the name of a removed jar. It can contain `*`.

    Raises ValueError for a path, and for any other file: the SBOM names no file of another kind, so it would not prove
    that the file is absent.
    """
    name = given.rpartition("/")[2]
    if given and (given != name or not given.endswith(".jar") or not given.removesuffix(".jar").strip("*?")):
        near = f' (did you mean "{name}"?)' if name != given and name.endswith(".jar") else ""
        raise ValueError(f'is "{given}": expected the name of a jar without its folder, such as "mesos-*.jar"{near}')
    return given


def _sentence(given: str) -> str:
    if not given.strip():
        raise ValueError("is empty: expected the reason, as a sentence")
    return given


@dataclass(frozen=True, config=STRICT)
class Vex:
    """One statement about a vulnerability. `product` is a package URL. `aliases` are other names of the vulnerability.

    `statement` is the reason, for people. `removed` is the name of a jar that the build removes. `lines` and `features`
    select images: those of one of these lines, with one of these features. An empty one selects all.
    """

    vulnerability: Annotated[str, AfterValidator(named)]
    product: Annotated[str, AfterValidator(packaged)]
    status: Annotated[str, AfterValidator(_one_of(STATUSES))]
    statement: Annotated[str, AfterValidator(_sentence)]
    aliases: tuple[Annotated[str, AfterValidator(named)], ...] = ()
    justification: Annotated[str, AfterValidator(_one_of(JUSTIFICATIONS, optional=True))] = ""
    removed: Annotated[str, AfterValidator(removed_jar)] = ""
    lines: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    def concerns(self, line: str, features: Iterable[str]) -> bool:
        """Returns whether the statement selects the images of a line with these features."""
        return (not self.lines or line in self.lines) and (
            not self.features or not set(self.features).isdisjoint(features)
        )

    @property
    def is_about_absence(self) -> bool:
        """Whether the statement says that the images do not contain the product."""
        return self.justification == NOT_PRESENT

    @property
    def contradiction(self) -> str:
        """The contradiction between keys that are valid alone, as `key: problem`, or ""."""
        if self.status == NOT_AFFECTED and not self.justification:
            return f"justification: the key is missing: expected one of {', '.join(JUSTIFICATIONS)}"
        if self.status != NOT_AFFECTED and self.justification:
            return f'justification: the status is "{self.status}", and only {NOT_AFFECTED} has a justification'
        if self.removed and self.justification not in REMOVALS:
            return f"removed: a removed jar proves only the justifications {' and '.join(REMOVALS)}"
        return ""
