"""A database for grype with made-up advisories.

It has the tables and columns of grype's schema 6 that a search reads. grype imports it as it imports the real one.
"""

import json
import sqlite3
import tarfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

TABLES = """
CREATE TABLE blobs (id integer PRIMARY KEY, value text NOT NULL);
CREATE TABLE db_metadata (build_timestamp datetime NOT NULL, model integer NOT NULL, revision integer NOT NULL,
    addition integer NOT NULL);
CREATE TABLE providers (id text PRIMARY KEY, version text, processor text, date_captured datetime, input_digest text);
CREATE TABLE vulnerability_handles (id integer PRIMARY KEY, name text NOT NULL, status text NOT NULL,
    published_date datetime, modified_date datetime, withdrawn_date datetime, provider_id text NOT NULL,
    blob_id integer UNIQUE);
CREATE TABLE vulnerability_aliases (name text, alias text NOT NULL, PRIMARY KEY (name, alias));
CREATE TABLE affected_package_handles (id integer PRIMARY KEY, vulnerability_id integer NOT NULL,
    operating_system_id integer, package_id integer, blob_id integer);
CREATE TABLE unaffected_package_handles (id integer PRIMARY KEY, vulnerability_id integer NOT NULL,
    operating_system_id integer, package_id integer, blob_id integer);
CREATE TABLE operating_systems (id integer PRIMARY KEY, name text, release_id text, major_version text,
    minor_version text, label_version text, codename text, channel text, eol_date datetime, eoas_date datetime);
CREATE TABLE operating_system_specifier_overrides (alias text, version text, version_pattern text, codename text,
    channel text, replacement text, replacement_major_version text, replacement_minor_version text,
    replacement_label_version text, replacement_channel text, rolling numeric, applicable_client_db_schemas text);
CREATE TABLE packages (id integer PRIMARY KEY, ecosystem text, name text);
CREATE TABLE package_specifier_overrides (ecosystem text, replacement_ecosystem text);
CREATE TABLE architecture_aliases (alias text PRIMARY KEY, canonical text NOT NULL);
CREATE TABLE affected_cpe_handles (id integer PRIMARY KEY, vulnerability_id integer NOT NULL, cpe_id integer,
    blob_id integer);
CREATE TABLE unaffected_cpe_handles (id integer PRIMARY KEY, vulnerability_id integer NOT NULL, cpe_id integer,
    blob_id integer);
CREATE TABLE cpes (id integer PRIMARY KEY, part text NOT NULL, vendor text, product text NOT NULL, edition text,
    language text, software_edition text, target_hardware text, target_software text, other text);
CREATE TABLE package_cpes (package_id integer, cpe_id integer, PRIMARY KEY (package_id, cpe_id));
CREATE TABLE known_exploited_vulnerability_handles (id integer PRIMARY KEY, cve text NOT NULL, blob_id integer);
CREATE TABLE epss_handles (id integer PRIMARY KEY, cve text NOT NULL, epss real NOT NULL, percentile real NOT NULL);
CREATE TABLE epss_metadata (date datetime NOT NULL);
CREATE TABLE cwe_handles (id integer PRIMARY KEY, cve text NOT NULL, cwe text NOT NULL, source text, type text);
CREATE TABLE ssvc_handles (id integer PRIMARY KEY, cve text NOT NULL, source text, role text, version text,
    timestamp datetime, exploitation text, automatable text, technical_impact text);
"""

DEBIAN = 1
"""The row of Debian 12."""

FORMATS = {"deb": "dpkg", "java-archive": "maven", "python": "python"}
"""The format of the versions in each ecosystem, by grype's names."""


@dataclass(frozen=True)
class Advisory:
    """A made-up advisory. All versions before `before` are affected. `fixed` says whether `before` is a fix.

    `package` is `group:artifact`, the name of a Python package, or the name of a Debian source package.
    """

    name: str
    ecosystem: str
    package: str
    before: str
    fixed: bool = True
    cve: str = ""


def archive(folder: Path, advisories: Iterable[Advisory]) -> Path:
    """Writes a database with these advisories. Returns the archive, which `grype db import` takes."""
    file = folder / "vulnerability.db"
    with closing(sqlite3.connect(file)) as database:
        database.executescript(TABLES)
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        database.execute("INSERT INTO db_metadata VALUES (?, 6, 1, 0)", (now,))
        for provider in ("debian", "github", "nvd"):
            database.execute("INSERT INTO providers VALUES (?, '1', 'test', ?, 'xxh64:0')", (provider, now))
        database.execute(
            "INSERT INTO operating_systems VALUES (?, 'debian', 'debian', '12', '', '', 'bookworm', '', NULL, NULL)",
            (DEBIAN,),
        )
        for advisory in advisories:
            _add(database, advisory)
        database.commit()
    packed = folder / "database.tar.gz"
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(file, "vulnerability.db")
    return packed


def _add(database: sqlite3.Connection, advisory: Advisory) -> None:
    is_debian = advisory.ecosystem == "deb"
    aliases = [advisory.cve] if advisory.cve else []
    vulnerability = _handle(database, advisory.name, "debian" if is_debian else "github", aliases)
    for alias in aliases:
        database.execute("INSERT INTO vulnerability_aliases VALUES (?, ?)", (advisory.name, alias))
        _handle(database, alias, "nvd", [])
    package = _insert(database, "packages", (advisory.ecosystem, advisory.package))
    fix = {"version": advisory.before, "state": "fixed"} if advisory.fixed else {"state": "not-fixed"}
    version = {"type": FORMATS[advisory.ecosystem], "constraint": f"< {advisory.before}"}
    blob = _blob(database, {"cves": aliases, "ranges": [{"version": version, "fix": fix}]})
    system = DEBIAN if is_debian else None
    _insert(database, "affected_package_handles", (vulnerability, system, package, blob))


def _handle(database: sqlite3.Connection, name: str, provider: str, aliases: list[str]) -> int:
    severity = {"scheme": "CHMLN", "value": "high", "rank": 1}
    blob = _blob(database, {"id": name, "aliases": aliases, "severities": [severity]})
    return _insert(database, "vulnerability_handles", (name, "active", None, None, None, provider, blob))


def _blob(database: sqlite3.Connection, value: object) -> int:
    return _insert(database, "blobs", (json.dumps(value),))


def _insert(database: sqlite3.Connection, table: str, values: tuple[object, ...]) -> int:
    marks = ", ".join("?" * len(values))
    return database.execute(f"INSERT INTO {table} VALUES (NULL, {marks})", values).lastrowid or 0
