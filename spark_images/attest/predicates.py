"""The parts that all predicates share: their text, times, and references to sources and images.

The fields are those of a ResourceDescriptor in the in-toto attestation framework, version 1.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from packageurl import PackageURL

Predicate = dict[str, Any]
"""A predicate, or a part of one, that JSON can express."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def text(predicate: Mapping[str, Any]) -> str:
    """Returns a predicate as JSON. Equal predicates give equal texts."""
    return json.dumps(predicate, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def time(at: datetime) -> str:
    """Returns a time in the format of RFC 3339, in UTC and without fractions of a second."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def commit(source: str, revision: str) -> Predicate | None:
    """Returns the descriptor of a Git commit, or None if `revision` is not the hash of one.

    A working tree with changes has the revision `<hash>-dirty`. That is not a commit, so there is no descriptor for it.
    `source` is the setting of images.toml. It becomes a URI if it is a URL, and a name if it is not.
    """
    if not _COMMIT.fullmatch(revision):
        return None
    digest = {"gitCommit": revision}
    if "://" not in source:
        return {"name": source, "digest": digest} if source else {"digest": digest}
    return {"uri": f"git+{source.removeprefix('git+')}@{revision}", "digest": digest}


def image(reference: str, digest: str = "") -> str:
    """Returns the package URL of a container image, such as `pkg:oci/debian@sha256:…?tag=…`.

    `reference` is a repository with or without a registry and a tag. `digest` is `sha256:…`, or "" if it is unknown.
    """
    repository, name, tag = _parts(reference)
    qualifiers = {key: value for key, value in (("repository_url", repository), ("tag", tag)) if value}
    return PackageURL("oci", None, name.lower(), digest or None, qualifiers).to_string()


def _parts(reference: str) -> tuple[str, str, str]:
    """Returns the repository with its folders, its last folder, and the tag. A name without folder has no repository.

    A colon after the last slash begins a tag. Any other colon begins a port.
    """
    folders, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return (f"{folders}/{name}".lower() if slash else ""), name, tag
