"""What a release's files are made from, and a digest of it, so that an unchanged quarter writes nothing.
Belongs here: what counts as an input. Not here: comparing files that were written (release)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import duckdb

from exports.facts import ReleaseFacts
from exports.publications import Publication

SOFTWARE = ("duckdb", "pyarrow", "dbt-core", "dbt-duckdb", "typst", "vl-convert-python", "xlsxwriter", "highspy")
MANIFEST_ONLY = ("released_at", "code_version")  # no file says them
ROOM = Path(__file__).parent  # the writers, with their templates, fonts and scripts


def digest(
    connection: duckdb.DuckDBPyConnection,
    publications: Sequence[Publication],
    facts: ReleaseFacts,
    audiences: Sequence[str],
) -> str:
    """SHA-256, in hexadecimal, of what the files follow from: every row of the curated database, whatever their order,
    what is published of them, the facts, this room's own files, and the libraries that make bytes.

    Two releases with one digest have the same files. The reverse does not hold: a comment changes the digest only.
    What the public edition hides depends on earlier releases, too; they do not change.
    """
    stated = {
        "tables": _tables(connection),
        "publications": [asdict(publication) for publication in publications],
        "facts": {name: told for name, told in asdict(facts).items() if name not in MANIFEST_ONLY},
        "audiences": list(audiences),
        "room": _room(),
        "software": software(),
    }
    return hashlib.sha256(json.dumps(stated, default=_plain, sort_keys=True).encode()).hexdigest()


def software() -> dict[str, str]:
    """Versions of what makes the bytes, so that a rebuild that differs can say why."""
    found = {}
    for name in SOFTWARE:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Name, columns, and a hash of the rows of each table. DuckDB's hash is fast and differs between its versions,
    which are inputs themselves; a sum beside it keeps a row that stands twice from cancelling itself."""
    tables = connection.execute(
        "select schema_name, table_name, list({'name': column_name, 'type': data_type} order by column_index) "
        "from duckdb_columns() where database_name = current_database() and not internal group by all order by all"
    ).fetchall()
    found = []
    for schema, name, columns in tables:
        row = connection.execute(
            f'select count(*), bit_xor(hash(each)), sum(hash(each)::hugeint) from "{schema}"."{name}" as each'
        ).fetchone()
        found.append((schema, name, columns, *(row or ())))
    return found


@cache
def _room() -> dict[str, str]:
    """Checksums of this room's files, by path: they do not change while a process runs."""
    return {
        path.relative_to(ROOM).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(ROOM.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, date):  # and datetime
        return value.isoformat()
    return str(value)
