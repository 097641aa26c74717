"""Files that name their fields: Parquet, and JSON with one record a line or a list. Dots lead into nested fields."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources import extract as x
from sources.connectors.readers import headers
from sources.connectors.readers.base import Reading
from sources.connectors.readers.encodings import Utf8
from sources.connectors.readers.headers import Header
from sources.connectors.readers.tables import Table
from sources.errors import SourceError, nearest

_LARGEST_LIST, _LONGEST_LINE = 256 << 20, 64 << 20  # characters
_PAGE = 20_000  # rows at a time


def read_parquet(reading: Reading, file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, numbered from 1. Raises SourceError."""
    number = 0
    try:
        parquet = pq.ParquetFile(file)
        names = _flat(parquet.schema_arrow.empty_table()).column_names
        table = Table(reading, headers.of_names(reading, names))
        used = sorted(table.used)
        for batch in parquet.iter_batches(_PAGE, columns=[names[index] for index in used]):
            flat = _flat(pa.Table.from_batches([batch]))
            cells = {index: _text(reading, names[index], flat.column(names[index])) for index in used}
            yield from table.batches(cells, np.arange(number + 1, number + 1 + batch.num_rows))
            number += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{reading.source}: cannot be read as Parquet: {error}. Ask for the file again.") from None
    table.close()


def _flat(table: pa.Table) -> pa.Table:
    while any(pa.types.is_struct(item.type) for item in table.schema):
        table = table.flatten()
    return table


def _text(reading: Reading, name: str, column: pa.ChunkedArray) -> pa.Array:
    try:
        return x.as_text(column)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        raise SourceError(
            f"{reading.source}: the field '{name}' holds {column.type}, which cannot stand in one column. Name another "
            f"field in `columns` of datasets.{reading.contract.dataset}, or list the column under `absent`."
        ) from None


def read_json(reading: Reading, file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """The records of a JSON file, numbered by line, or by place in the list. Raises SourceError.

    A field that no record of the first page holds is a missing column where the contract requires it; others may be
    left out when they are null.
    """
    refused: list[tuple[int, str, str]] = []
    records = _records(reading, file, refused)
    page = list(islice(records, _PAGE))
    names = list(dict.fromkeys(name for _, record in page for name in record))
    header = _header(reading, names)
    table = Table(reading, header)
    unseen = {header.cells[index] for index in table.used}
    while page:
        unseen -= {name for name in unseen if any(name in record for _, record in page)}
        cells = {
            index: pa.array([record.get(header.cells[index]) for _, record in page], pa.string())
            for index in table.used
        }
        yield from table.batches(cells, np.array([number for number, _ in page]))
        page = list(islice(records, _PAGE))
    for name in sorted(unseen):
        reading.note(f"no record has the field '{name}'.{nearest(name, names)}")
    table.close()
    if refused:
        yield x.refused_batch(reading.contract, reading.source, refused)


def _header(reading: Reading, names: list[str]) -> Header:
    """The header of the first page's fields and those that a later page may have."""
    if not names or reading.contract.is_open:
        return headers.of_names(reading, names)
    wanted = headers.wanted_headings(reading.request, reading.contract)
    later = [
        expected[0]
        for column, expected in wanted.items()
        if not reading.contract.column(column).required
        and column not in reading.request.absent
        and headers.stands(names, expected) is None
    ]
    return headers.of_names(reading, [*names, *later])


def _records(
    reading: Reading, file: IO[bytes], refused: list[tuple[int, str, str]]
) -> Iterator[tuple[int, dict[str, str | None]]]:
    source = Utf8(file, reading.form.encoding, reading.source)
    text = io.TextIOWrapper(io.BufferedReader(source), "utf-8")
    start = text.read(1)
    while start.isspace():
        start = text.read(1)
    if not start:
        raise SourceError(f"{reading.source}: the file is empty. Nothing landed; ask for it again.")
    if start == "[":
        try:
            whole = start + text.read(_LARGEST_LIST)
            if len(whole) > _LARGEST_LIST:
                raise SourceError(
                    f"{reading.source}: is one JSON list of more than {_LARGEST_LIST >> 20} MB; refused. Ask for JSON "
                    "lines, which need not be read at once."
                )
            numbered: Iterable[tuple[int, Any]] = enumerate(_parsed(whole), start=1)
        except ValueError as error:
            raise SourceError(f"{reading.source}: is no JSON: {error}. Ask for the file again.") from None
    else:
        numbered = _lines(reading, start, text, refused)
    for number, record in numbered:
        if isinstance(record, dict):
            try:
                yield number, dict(_leaves(record))
            except RecursionError:
                refused.append((number, "is nested too deeply", ""))
        else:
            refused.append((number, "is no record with named fields", str(record)[:200]))
    reading.note_encoding(source.found)


def _lines(
    reading: Reading, start: str, text: IO[str], refused: list[tuple[int, str, str]]
) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(iter(lambda: text.readline(_LONGEST_LINE), ""), start=1):
        if len(line) == _LONGEST_LINE:
            raise SourceError(
                f"{reading.source}: line {number:,} is longer than {_LONGEST_LINE >> 20} MB; refused. Ask for one "
                "record a line."
            )
        line = start + line if number == 1 else line
        if not line.strip():
            continue
        try:
            yield number, _parsed(line)
        except ValueError as error:
            refused.append((number, f"is no JSON: {error}", line.rstrip("\n")))


def _parsed(text: str) -> Any:
    try:
        # Exact: floats would lose digits of decimals, and of whole numbers beyond 64 bits.
        return json.loads(text, parse_float=Decimal)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _leaves(record: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str | None]]:
    """Names, with dots, and values of a record, those of records inside it included."""
    for name, value in record.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", x.written(value)
