"""How a table becomes a file, Parquet, CSV or JSON: the same bytes for the same rows, and the reading back of them.
Belongs here: ordering, types, quoting, neutralising. Not here: which columns may leave (publications) or where files go
(release)."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from exports.errors import ExportError
from exports.publications import Column, Table

# A cell that begins with one of these (after blanks) is run by Excel or LibreOffice: = + - @, their full-width forms,
# and a leading tab, carriage return or line feed (OWASP, "CSV injection").
FORMULA_CELL = r"^[\t\r\n]|^[\s\x{A0}\x{FEFF}]*[=+\-@＝＋－＠]"
ROWS_PER_BATCH = 122_880  # DuckDB's own row group, so a batch is never a fraction of one
ROWS_PER_GROUP = 20_480  # of Parquet: small enough that a reader who wants one measure skips most of a feed
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


@dataclass(frozen=True)
class Selection:
    """The columns of a table that one audience sees, and the order of its rows."""

    table: Table
    columns: tuple[Column, ...]
    order_by: tuple[str, ...] = ()

    @property
    def order_names(self) -> list[str]:
        """Every column takes part, so that rows can only swap places with their equals."""
        return list(dict.fromkeys([*self.order_by, *(column.name for column in self.columns)]))

    @property
    def ordering(self) -> str:
        """`order_names` as SQL: absent values first."""
        return ", ".join(f'"{name}" asc nulls first' for name in self.order_names)

    @property
    def query(self) -> str:
        """SQL for the rows, in their order."""
        names = ", ".join(f'"{column.name}"' for column in self.columns)
        return f"select {names} from {self.table.relation} order by {self.ordering}"


def connect(curated: Path) -> duckdb.DuckDBPyConnection:
    """Open the finished database read-only, without network, in UTC."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        connection = duckdb.connect(str(curated), read_only=True, config=settings)
    except duckdb.Error as error:
        raise ExportError(
            f"{curated}: the curated database cannot be opened ({error}). Build the quarter first."
        ) from error
    connection.execute("set TimeZone = 'UTC'")
    return connection


def normalised_type(connection: duckdb.DuckDBPyConnection, contract_type: str, place: str) -> str:
    """DuckDB's own spelling of a contract's type: 'numeric(18,4)' and 'decimal(18,4)' are one type."""
    try:
        row = connection.execute(f"select typeof(cast(null as {contract_type}))").fetchone()
    except duckdb.Error as error:
        raise ExportError(f"{place}: '{contract_type}' is not a type DuckDB knows. Correct its data_type.") from error
    assert row is not None
    return str(row[0])


def write_parquet(
    connection: duckdb.DuckDBPyConnection, selection: Selection, path: Path, metadata: Mapping[str, str]
) -> int:
    """Write the selection as typed, sorted Parquet and return its rows.

    The file's metadata holds `metadata` as given and, on each field, the column's description; its row groups are small
    and say how they are sorted, so that readers skip those they do not need. No time, host or thread leaves a mark:
    equal rows give equal bytes for the same pyarrow version.
    """
    reader = connection.execute(selection.query).to_arrow_reader(ROWS_PER_GROUP)
    fields = [
        field.with_metadata({"description": column.description})
        for field, column in zip(reader.schema, selection.columns, strict=True)
    ]
    schema = pa.schema(fields, metadata={key: metadata[key] for key in sorted(metadata)})
    order = pq.SortingColumn.from_ordering(
        schema, [(name, "ascending") for name in selection.order_names], null_placement="at_start"
    )
    rows = 0
    with pq.ParquetWriter(path, schema, compression="zstd", version="2.6", sorting_columns=order) as writer:
        for batch in reader:
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema), row_group_size=ROWS_PER_GROUP)
            rows += batch.num_rows
    return rows


def write_csv(connection: duckdb.DuckDBPyConnection, selection: Selection, path: Path) -> int:
    """Write the selection as CSV (RFC 4180: comma, CRLF, quotes doubled; UTF-8 without a mark) and return its rows.

    Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers keep their sign. An absent value
    is an empty cell. Parquet holds the same rows untouched.
    """
    types = _database_types(connection, selection)
    cells = ", ".join(_quoted(_text(column.name, types[column.name])) for column in selection.columns)
    query = f"select concat_ws(',', {cells}) from {selection.table.relation} order by {selection.ordering}"
    reader = connection.execute(query).to_arrow_reader(ROWS_PER_BATCH)
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(csv_line([column.name for column in selection.columns]))
        for batch in reader:
            if batch.num_rows:
                file.write("\r\n".join(batch.column(0).to_pylist()) + "\r\n")
            rows += batch.num_rows
    return rows


def write_json(
    connection: duckdb.DuckDBPyConnection, selection: Selection, path: Path, metadata: Mapping[str, str]
) -> int:
    """Write the selection as one JSON object and return its rows.

    Its keys: `metadata` as given; `columns` with name, DuckDB type and description; `rows`, an object and a line each,
    in the order of the CSV file. Decimals are number literals as stored, dates and times ISO 8601 text, absent values
    null, and so is a floating-point value that is no number. Text is untouched: nothing runs JSON.
    """
    types = _database_types(connection, selection)
    head = {
        "metadata": {key: metadata[key] for key in sorted(metadata)},
        "columns": [
            {"name": column.name, "type": types[column.name], "description": column.description}
            for column in selection.columns
        ],
    }
    cells = [
        f"{_literal(json.dumps(column.name, ensure_ascii=False))} || ': ' || "
        f"coalesce({_json(column.name, types[column.name])}, 'null')"
        for column in selection.columns
    ]
    query = (
        f"select '{{' || concat_ws(', ', {', '.join(cells)}) || '}}' from {selection.table.relation} "
        f"order by {selection.ordering}"
    )
    reader = connection.execute(query).to_arrow_reader(ROWS_PER_BATCH)
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(to_json(head).removesuffix("\n}\n") + ',\n  "rows": [')
        for batch in reader:
            if batch.num_rows:
                file.write((",\n    " if rows else "\n    ") + ",\n    ".join(batch.column(0).to_pylist()))
            rows += batch.num_rows
        file.write("\n  ]\n}\n" if rows else "]\n}\n")
    return rows


def write_csv_rows(path: Path, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a small list of rows (a dictionary, not a table) with the same rules as `write_csv`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(csv_line(header))
        for row in rows:
            file.write(csv_line([neutralised(cell) if isinstance(cell, str) else cell for cell in row]))


def csv_line(cells: Sequence[object]) -> str:
    """One CSV line with its CRLF; cells are quoted when they must be."""
    lines: list[str] = []
    csv.writer(_Lines(lines), lineterminator="\r\n").writerow(cells)
    return lines[0]


def neutralised(text: str) -> str:
    """The text, led by an apostrophe if a spreadsheet would run it."""
    blanks = " \t\r\n\f\v\u00a0\ufeff"
    starts = text[:1] in ("\t", "\r", "\n") or text.lstrip(blanks)[:1] in tuple("=+-@＝＋－＠")
    return f"'{text}" if text and starts else text


def check_written(
    connection: duckdb.DuckDBPyConnection,
    selection: Selection,
    path: Path,
    file_format: str,
    expected: Mapping[str, str],
) -> None:
    """Read a written file back and compare it with the database: columns, types, number and content of rows.

    Args:
        expected: column name to DuckDB type, from the model's contract.

    Raises:
        ExportError: naming the file and what differs.
    """
    if file_format == "json":
        return _check_json(connection, selection, path, expected)
    columns = [column.name for column in selection.columns]
    if file_format == "parquet":
        source = f"read_parquet({_literal(str(path))})"
        described = connection.execute(f"describe select * from {source}").fetchall()
        found = {str(name): str(kind) for name, kind, *_ in described}
        if list(found.items()) != [(name, expected[name]) for name in columns]:
            raise ExportError(f"{path.name}: its columns {found} are not those of the contract {dict(expected)}.")
        written = [f'"{name}"' for name in columns]
        stored = written
    else:
        types = _database_types(connection, selection)
        listed = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in columns)
        source = (
            f"read_csv({_literal(str(path))}, header = true, auto_detect = false, delim = ',', quote = '\"', "
            f"escape = '\"', strict_mode = true, columns = {{{listed}}})"
        )
        header = next(csv.reader([path.open(encoding="utf-8", newline="").readline()]))
        if header != columns:
            raise ExportError(f"{path.name}: its header {header} is not that of the contract {columns}.")
        written = [f"coalesce(\"{name}\", '')" for name in columns]
        stored = [f"coalesce({_text(name, types[name])}, '')" for name in columns]
    in_file = _count_and_hash(connection, source, written)
    in_table = _count_and_hash(connection, selection.table.relation, stored)
    if in_file[0] != in_table[0]:
        raise ExportError(f"{path.name}: {in_file[0]:,} rows written, {in_table[0]:,} in {selection.table.relation}.")
    if in_file != in_table:
        raise ExportError(f"{path.name}: its rows differ from those of {selection.table.relation}.")


def database_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, str]:
    """Column name to DuckDB type of a table, in its order; empty if there is no such table."""
    try:
        rows = connection.execute(f"describe {table.relation}").fetchall()
    except duckdb.CatalogException:
        return {}
    return {str(name): str(kind) for name, kind, *_ in rows}


def _count_and_hash(connection: duckdb.DuckDBPyConnection, source: str, cells: list[str]) -> tuple[int, int]:
    """Rows and an order-free sum of their hashes: equal for equal sets of rows, duplicates counted."""
    query = f"select count(*), coalesce(sum(hash({', '.join(cells)})::hugeint), 0) from {source}"
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _database_types(connection: duckdb.DuckDBPyConnection, selection: Selection) -> dict[str, str]:
    return database_columns(connection, selection.table)


def _check_json(
    connection: duckdb.DuckDBPyConnection, selection: Selection, path: Path, expected: Mapping[str, str]
) -> None:
    """Compare a JSON file with the database, row by row and in order; numbers by their digits, never as floats."""
    columns = [column.name for column in selection.columns]
    content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal, parse_int=Decimal)
    found = {column["name"]: column["type"] for column in content["columns"]}
    if list(found.items()) != [(name, expected[name]) for name in columns]:
        raise ExportError(f"{path.name}: its columns {found} are not those of the contract {dict(expected)}.")
    rows = content["rows"]
    stored = 0
    differs = False
    for batch in connection.execute(selection.query).to_arrow_reader(ROWS_PER_BATCH):
        for row in batch.to_pylist():
            wanted = {name: _raw(value) for name, value in row.items()}
            # bool is compared by its type as well: in Python True equals 1.
            differs = differs or stored >= len(rows) or _typed(rows[stored]) != _typed(wanted)
            stored += 1
    if len(rows) != stored:
        raise ExportError(f"{path.name}: {len(rows):,} rows written, {stored:,} in {selection.table.relation}.")
    if differs:
        raise ExportError(f"{path.name}: its rows differ from those of {selection.table.relation}.")


def _typed(row: Mapping[str, Any]) -> list[tuple[str, type, Any]]:
    return [(name, type(value), value) for name, value in row.items()]


def _raw(value: Any) -> Any:
    """A stored value as `json.loads` gives it back when it reads numbers as decimals."""
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, datetime):
        utc = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return utc.isoformat(timespec="microseconds") + ("Z" if value.tzinfo else "")
    return value.isoformat() if isinstance(value, date) else value


def _json(name: str, kind: str) -> str:
    """SQL for a column's JSON literal; null for an absent value."""
    column = f'"{name}"'
    if kind in NUMBERS or kind.startswith("DECIMAL") or kind == "BOOLEAN":
        return f"cast({column} as varchar)"
    if kind in ("FLOAT", "DOUBLE"):
        return f"case when isfinite({column}) then cast({column} as varchar) end"
    return f"cast(to_json({_plain_text(name, kind, 'JSON')}) as varchar)"


def _text(name: str, kind: str) -> str:
    """SQL for a column's CSV text before quoting: as `_plain_text`, text neutralised."""
    cell = _plain_text(name, kind, "CSV")
    if kind in ("VARCHAR", "JSON", "UUID", "BLOB") or kind.startswith("ENUM"):
        return f"case when regexp_matches({cell}, {_literal(FORMULA_CELL)}) then '''' || {cell} else {cell} end"
    return cell


def _plain_text(name: str, kind: str, file_format: str) -> str:
    """SQL for a column's text: ISO 8601 dates and times, decimals as stored."""
    column = f'"{name}"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"strftime({column} at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
    if kind == "TIMESTAMP":
        return f"strftime({column}, '%Y-%m-%dT%H:%M:%S.%f')"
    if kind.startswith(("STRUCT", "MAP", "UNION")) or kind.endswith("]"):
        raise ExportError(
            f"column '{name}' is a {kind}, which {file_format} cannot hold. Publish it as Parquet only, or flatten it."
        )
    return f"cast({column} as varchar)"


def _quoted(cell: str) -> str:
    """SQL for a cell, quoted where RFC 4180 wants it; an absent value is an empty cell."""
    quoted = f"'\"' || replace({cell}, '\"', '\"\"') || '\"'"
    return f"coalesce(case when regexp_matches({cell}, '[\",\\r\\n]') then {quoted} else {cell} end, '')"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class _Lines:
    """Just enough of a file for `csv.writer` to hand its line over."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def write(self, line: str) -> None:
        self._lines.append(line)


def to_json(value: object) -> str:
    """JSON as people read it: two spaces, true characters, one final newline."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n"
