"""Delimited text: CSV and its kin. Every record is accounted for; a torn one is refused with its number and text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from sources import extract as x
from sources.connectors.readers import headers
from sources.connectors.readers.base import Reading, shaped
from sources.errors import SourceError

_HEAD_BYTES = 1 << 16


def read(reading: Reading, file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """The rows of a delimited file, a torn record among them as refused. Raises SourceError."""
    request, contract, place, form = reading.request, reading.contract, reading.place, reading.request.format
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if not head.strip():
        raise SourceError(f"{place}: the file is empty. Nothing landed; ask for it again.")
    try:
        text = head.decode("utf-8-sig" if form.encoding == "utf-8" else form.encoding, errors="strict")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # a character cut at the end of the head is no error
            raise _wrong_encoding(place, form.encoding, error) from None
        text = head[: error.start].decode(form.encoding)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=form.delimiter)
    rows, lines = [], [0]
    for row in reader:
        rows.append(row)
        lines.append(reader.line_num)
        if len(rows) == headers.ROWS:
            break
    at, fields = headers.find(reading, rows)
    names = [f"{index}" for index in range(len(rows[at]))]
    # Rows are numbered as a spreadsheet shows them: blank lines count, a line break inside a cell does not.
    above = lines[at + 1] - (at + 1)
    refused: list[tuple[int, str, str]] = []

    def refuse(row: pyarrow.csv.InvalidRow) -> str:
        reason = f"the record has {row.actual_columns} cells where the header has {row.expected_columns}"
        refused.append((row.number - above, reason, row.text))
        return "skip"

    used = {index for index in fields.values() if isinstance(index, int)}
    melted = headers.melted(request, rows[at])
    keep = [str(index) for index in sorted(used | set(melted.values()))]
    try:
        stream = pyarrow.csv.open_csv(
            file,
            pyarrow.csv.ReadOptions(
                use_threads=False,  # so that refused rows carry their number
                encoding=form.encoding,
                column_names=names,
                skip_rows=lines[at + 1],
                block_size=4 << 20,
            ),
            pyarrow.csv.ParseOptions(
                delimiter=form.delimiter,
                invalid_row_handler=refuse,
                newlines_in_values=True,
                ignore_empty_lines=False,  # left out below, where they are counted
            ),
            pyarrow.csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, include_columns=keep, strings_can_be_null=False
            ),
        )
        number, blank = at + 1, 0
        for batch in stream:
            skipped = [row for row, _, _ in refused if row > number]
            span = np.arange(number + 1, number + 1 + batch.num_rows + len(skipped))
            numbers = span[~np.isin(span, skipped)][: batch.num_rows]
            number = int(numbers[-1]) if len(numbers) else number
            filled = _filled(batch)
            if not filled.all():
                blank += int((~filled).sum())
                batch, numbers = batch.filter(pa.array(filled)), numbers[filled]
            columns = {name: batch.column(str(index)) for name, index in fields.items() if isinstance(index, int)}
            parts = {label: batch.column(str(index)) for label, index in melted.items()}
            yield from shaped(reading, columns, parts, numbers)
        if blank:
            reading.notes.append(f"{reading.name}: {blank:,} blank rows left out")
    except UnicodeDecodeError as error:
        raise _wrong_encoding(place, form.encoding, error) from None
    except pa.ArrowInvalid as error:
        if "decod" in str(error).lower() or "utf8" in str(error).lower() or "iconv" in str(error).lower():
            raise _wrong_encoding(place, form.encoding, error) from None
        # No line after the header's own, or not even an end to that one: no rows, which is for landing to judge.
        if not any(words in str(error) for words in ("Empty CSV file", "Could not skip initial")):
            raise SourceError(f"{place}: cannot be read as CSV: {error}.") from None
    if refused:
        yield x.refused_batch(contract, place, refused)


def _filled(batch: pa.RecordBatch) -> np.ndarray:
    """Which rows hold anything. Exports from spreadsheets end in rows of nothing but delimiters."""
    filled = np.zeros(batch.num_rows, bool)
    for column in batch.columns:
        filled |= pc.not_equal(column, "").to_numpy(zero_copy_only=False)
        if filled.all():
            break
    return filled


def _wrong_encoding(place: str, encoding: str, error: Exception) -> SourceError:
    other = "cp1252" if encoding.startswith("utf") else "utf-8"
    return SourceError(f"{place}: is not {encoding} ({error}). Set format.encoding; many exports are {other}.")
