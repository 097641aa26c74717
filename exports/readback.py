"""What a finished release says when its files are read back, publication by publication.
Belongs here: files beside the curated tables, the registered schemas and what the public may see. Not here: whether a
release is made at all (release), whether hidden numbers can be worked out (audit)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from exports.archive import Archived
from exports.public import REASON, people_of
from exports.publications import Publication, Table
from exports.schemas import SNAPSHOT, Schemas

P = ParamSpec("P")


@dataclass(frozen=True)
class Finding:
    """What one look at a publication's files found: faults, one sentence each, and what there is to say besides."""

    problems: tuple[str, ...]
    told: Mapping[str, int | str]


def _reading(look: Callable[P, Finding]) -> Callable[P, Finding]:
    """A file that cannot be read is a fault found, not a failure to look."""

    @wraps(look)
    def reading(*given: P.args, **named: P.kwargs) -> Finding:
        try:
            return look(*given, **named)
        except (OSError, duckdb.Error, pa.ArrowException) as error:
            return Finding((f"A file cannot be read: {error}",), {})

    return reading


def files(release: Archived, publication: Publication) -> list[dict[str, Any]]:
    """The manifest's entries of a publication's files: those for inside first, then those of the public edition."""
    entries = [*release.manifest["feeds"], *release.manifest["reports"]]
    listed = [dict(file) for entry in entries if entry["name"] == publication.name for file in entry["files"]]
    known = {file["path"] for file in listed}
    names = {publication.name, *(table.name for table in publication.tables)}
    return listed + [
        {"format": file["path"].rpartition(".")[2], **file}
        for file in release.manifest["files"]
        if file["audience"] == "public"
        and file["path"] not in known
        and names & {part.partition(".")[0] for part in file["path"].split("/")}
    ]


@_reading
def reconciles(connection: duckdb.DuckDBPyConnection, release: Archived, publication: Publication) -> Finding:
    """Whether every file is there, as long as it was written, and holds as many rows as its curated table.

    Parquet says its rows by itself. Those of other formats were counted, and compared with the table, when they were
    written. The public edition may hold fewer rows than the table: months of people by unit stay inside.
    """
    problems = []
    listed = files(release, publication)
    told: dict[str, int | str] = {"files": len(listed)}
    curated = {table.name: _count(connection, table.relation) for table in publication.tables}
    told |= {f"rows of {name}": rows for name, rows in curated.items()}
    for file in listed:
        path = release.path / file["path"]
        if not path.is_file():
            problems.append(f"{file['path']} is not there.")
            continue
        if path.stat().st_size != file["bytes"]:
            problems.append(f"{file['path']} has {path.stat().st_size:,} bytes; {file['bytes']:,} were written.")
        found = {file["rows"]} if "rows" in file else set()
        if file["format"] == "parquet":
            found.add(pq.read_metadata(path).num_rows)
        for rows in sorted(found):
            in_table = curated.get(path.stem, 0)
            if rows > in_table or (rows < in_table and file["audience"] != "public"):
                problems.append(f"{file['path']} has {rows:,} rows, table {path.stem} has {in_table:,}.")
            if file["audience"] == "public":
                told[f"rows of {path.stem} for the public"] = rows
    return Finding(tuple(problems), told)


@_reading
def schema(
    connection: duckdb.DuckDBPyConnection, release: Archived, publication: Publication, registered: Schemas
) -> Finding:
    """Whether the columns and types of every Parquet file are those registered for the publication's version."""
    agreed = registered.get(publication.name)
    remedy = "Run `make schemas` and commit what it writes."
    if agreed is None:
        return Finding((f"{publication.name} is not in {SNAPSHOT.name}. {remedy}",), {})
    problems = []
    if agreed["version"] != publication.version:
        problems.append(
            f"{publication.name} is of version {publication.version}, {SNAPSHOT.name} has {agreed['version']}. {remedy}"
        )
    told: dict[str, int | str] = {"version": publication.version}
    for table, file in _parquet(release, publication):
        found = _columns(connection, release.path / file["path"])
        wanted = {
            name: str(duckdb.sqltype(column["type"]))
            for name, column in agreed["tables"].get(table.name, {}).items()
            if file["audience"] in column["audiences"]
        }
        if file["audience"] == "public" and REASON.name in found:  # said only where a value can be missing
            wanted[REASON.name] = REASON.type.upper()
        problems += [
            f"{file['path']}: column {name} is {found.get(name, 'absent')}, registered as {wanted.get(name, 'absent')}."
            for name in dict.fromkeys([*wanted, *found])
            if found.get(name) != wanted.get(name)
        ]
        told[f"columns of {file['path']}"] = len(found)
    return Finding(tuple(problems), told)


@_reading
def disclosure(
    connection: duckdb.DuckDBPyConnection, release: Archived, publication: Publication, threshold: int
) -> Finding:
    """Whether the public files hold nothing but public columns, no count of people from 1 to `threshold`, and no value
    where one is said to be hidden.

    That nothing hidden can be worked out of what is shown was proved before the release was made (audit).
    """
    problems = []
    rows = hidden = 0
    without = {table.name for table in publication.tables}
    people = people_of(connection)
    for table, file in _parquet(release, publication):
        if file["audience"] != "public":
            continue
        without.discard(table.name)
        path = release.path / file["path"]
        found = _columns(connection, path)
        allowed = {column.name for column in table.columns_for("public")} | {REASON.name}
        problems += [f"{file['path']}: column {name} is not for the public." for name in found if name not in allowed]
        rows += _count(connection, "read_parquet($path)", path=str(path))
        if {"value", REASON.name} <= found.keys():
            suppressed = "read_parquet($path) where reason = 'suppressed'"
            hidden += _count(connection, suppressed, path=str(path))
            if shown := _count(connection, f"{suppressed} and value is not null", path=str(path)):
                problems.append(f"{file['path']}: {shown:,} values are shown that are said to be hidden.")
        for part in {"numerator", "denominator"} & found.keys() if "measure_id" in found else ():
            small = _count(
                connection,
                f"read_parquet($path) where {part} > 0 and {part} < $threshold + 1 and "
                "not list_contains($others, measure_id)",
                path=str(path),
                threshold=threshold,
                others=[measure for measure, parts in people.items() if part not in parts],
            )
            if small:
                problems.append(f"{file['path']}: {small:,} counts of people from 1 to {threshold} are shown ({part}).")
    problems += [f"Table {name} is for the public, and the release has no public file of it." for name in without]
    told: dict[str, int | str] = {
        "public rows": rows,
        "rows with a hidden value": hidden,
        "counts of people hidden": f"1 to {threshold}",
    }
    return Finding(tuple(sorted(problems)), told)


def _parquet(release: Archived, publication: Publication) -> Iterator[tuple[Table, dict[str, Any]]]:
    """The publication's Parquet files, each with its table."""
    tables = {table.name: table for table in publication.tables}
    for file in files(release, publication):
        path = release.path / file["path"]
        if file["format"] == "parquet" and path.stem in tables:
            yield tables[path.stem], file


def _columns(connection: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    rows = connection.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
    return {str(name): str(kind) for name, kind, *_ in rows}


def _count(connection: duckdb.DuckDBPyConnection, source: str, **given: Any) -> int:
    row = connection.execute(f"select count(*) from {source}", given).fetchone()
    assert row is not None
    return int(row[0])
