"""Delimited text: CSV and its kin. Every record is accounted for; a torn one is refused with its number and text."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from sources import extract as x
from sources.connectors.readers import headers
from sources.connectors.readers.base import DELIMITERS, Reading
from sources.connectors.readers.encodings import Utf8
from sources.connectors.readers.headers import Header
from sources.connectors.readers.tables import Table
from sources.errors import SourceError

_HEAD = 1 << 16
_LINE_END = re.compile(r"\r\n|\r|\n")
_BLOCK = 2 << 20  # a record longer than this is no record: a quotation mark was never closed


def read(reading: Reading, file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """The rows of a delimited file, a torn record among them as refused. Raises SourceError."""
    form = reading.form
    head = Utf8(file, form.encoding, reading.place).read(_HEAD).decode(errors="replace")
    if not head.strip("\0\r\n\t "):
        raise SourceError(f"{reading.place}: the file is empty. Nothing landed; ask for it again.")
    delimiter = form.delimiter or _delimiter(reading, head)
    text = io.TextIOWrapper(io.BufferedReader(Utf8(file, form.encoding, reading.place)), "utf-8", newline="")
    lines = [0]
    header = headers.find(reading, _rows(text, delimiter, lines))
    source = Utf8(file, form.encoding, reading.place)
    yield from _records(reading, source, delimiter, header, lines[header.first])
    reading.note_encoding(source.found)


def _delimiter(reading: Reading, head: str) -> str:
    """The delimiter under which the most headings are found, and among equals the most cells."""

    def found(delimiter: str) -> tuple[int, int]:
        rows = list(islice(_rows(io.StringIO(head, newline=""), delimiter, []), headers.ROWS))
        return headers.hits(reading, rows), sum(map(len, rows))

    names = [name for name in DELIMITERS if len(name) == 1 or name == "tab"]
    best = max(names[:4], key=lambda name: found(DELIMITERS[name]))
    if best != ",":
        reading.note(f"the delimiter is '{best}'")
    return DELIMITERS[best]


def _rows(text: IO[str], delimiter: str, lines: list[int]) -> Iterator[Sequence[str]]:
    """Records as lists of cells; `lines` gains the number of lines read so far after each."""
    reader = csv.reader(text, delimiter=delimiter)
    try:
        for row in reader:
            lines.append(reader.line_num)
            yield row
    except csv.Error:  # a cell of more than 128 KB: what comes is no header
        return


def _records(
    reading: Reading, source: Utf8, delimiter: str, header: Header, skipped_lines: int
) -> Iterator[pa.RecordBatch]:
    table = Table(reading, header)
    width = len(header.cells)
    named = max((index + 1 for index, cell in enumerate(header.cells) if cell.strip()), default=0)
    # Rows are numbered as a spreadsheet shows them: blank lines count, a line break inside a cell does not.
    above = skipped_lines - header.first
    refused: list[tuple[int, str, str]] = []
    mended: list[tuple[int, list[str]]] = []
    aside: list[tuple[int, list[str]]] = []
    apart: deque[int] = deque()  # numbers of refused and mended records, which are in no batch

    def torn(row: pyarrow.csv.InvalidRow) -> str:
        number = row.number - above
        apart.append(number)
        try:
            cells = next(csv.reader(io.StringIO(row.text, newline=""), delimiter=delimiter, strict=True), [])
        except csv.Error:
            refused.extend(_lines(number, row.text))
            return "skip"
        is_note = sum(bool(cell.strip()) for cell in cells) == 1 and len(cells) < named and table.skips(cells)
        surplus = cells[width:] if len(cells) >= named else cells
        if any(cell.strip() for cell in surplus) and not is_note:
            reason = f"the record has {row.actual_columns} cells where the header has {row.expected_columns}"
            refused.append((number, reason, row.text))
        else:
            # Nothing but delimiters too many or too few; or one line of text, which skip_rows leave out.
            mended.append((number, [*cells, *[""] * width][:width]))
        return "skip"

    def aside_from_batches() -> Iterator[pa.RecordBatch]:
        # Only what is there now is taken away: the parser, which is ahead, may add to both meanwhile.
        whole, torn_ones = mended[:], refused[:]
        del mended[: len(whole)], refused[: len(torn_ones)]
        if whole:
            columns = {index: pa.array([cells[index] for _, cells in whole]) for index in range(width)}
            yield from table.batches(columns, np.array([number for number, _ in whole]))
        if torn_ones:
            yield x.refused_batch(reading.contract, reading.source, torn_ones)

    names = [str(index) for index in range(width)]
    number = header.first
    try:
        stream = pyarrow.csv.open_csv(
            source,
            pyarrow.csv.ReadOptions(
                use_threads=False,  # so that torn rows carry their number; threads were no faster
                column_names=names,
                skip_rows=skipped_lines,
                block_size=_BLOCK,
            ),
            pyarrow.csv.ParseOptions(
                delimiter=delimiter,
                invalid_row_handler=torn,
                newlines_in_values=True,
                ignore_empty_lines=False,  # left out by the table, which counts them
            ),
            pyarrow.csv.ConvertOptions(column_types={name: pa.string() for name in names}, strings_can_be_null=False),
        )
        for batch in stream:
            later = list(apart)
            span = np.arange(number + 1, number + 1 + batch.num_rows + len(later))
            numbers = span[~np.isin(span, later)][: batch.num_rows]
            number = int(numbers[-1]) if len(numbers) else number
            while apart and apart[0] <= number:
                apart.popleft()
            doubtful = _doubtful(batch, delimiter)
            if doubtful.any():
                chosen = batch.filter(pa.array(doubtful)).to_pylist()
                aside += zip(numbers[doubtful].tolist(), (list(row.values()) for row in chosen), strict=True)
                batch, numbers = batch.filter(pa.array(~doubtful)), numbers[~doubtful]
            yield from table.batches(dict(enumerate(batch.columns)), numbers)
            yield from aside_from_batches()
    except pa.ArrowInvalid as error:
        # No line after the header's own, or not even an end to that one: no rows, which is for landing to judge.
        if "straddling" in str(error):
            raise SourceError(
                f"{reading.place}: the record after row {number:,} does not end within {_BLOCK >> 20} MB. A quotation "
                "mark in it was never closed, or this is no delimited text. Ask for the file again."
            ) from None
        if not any(words in str(error) for words in ("Empty CSV file", "Could not skip initial")):
            raise SourceError(f"{reading.place}: cannot be read as CSV: {error}.") from None
    if aside and _is_badly_quoted(source, delimiter):
        for number, cells in aside:
            refused += _lines(number, delimiter.join(cells))
    else:
        mended += aside
    yield from aside_from_batches()
    table.close()


def _lines(number: int, text: str) -> list[tuple[int, str, str]]:
    """A record with a quotation mark that was never closed, line by line: each may have been a record, and counts."""
    reason = "a quotation mark was never closed, here or before"
    return [(number, reason, line) for line in _LINE_END.split(text) if line.strip()]


def _doubtful(batch: pa.RecordBatch, delimiter: str) -> np.ndarray:
    """Which rows have a cell that may have swallowed records after a quotation mark that was never closed: its lines
    have as many delimiters as the rest of the row, whole rows, and the beginning of the last row."""
    found = np.zeros(batch.num_rows, bool)
    last = batch.num_columns - 1
    for index, column in enumerate(batch.columns):
        whole = column.buffers()[2]  # looking at every cell would take ten times as long
        data = whole.to_pybytes() if whole else b""
        if b"\n" not in data and b"\r" not in data:
            continue
        quoted = pc.match_substring(column, '"').to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(quoted):
            counts = [line.count(delimiter) for line in _LINE_END.split(column[int(row)].as_py())]
            if len(counts) > 1:
                found[row] |= counts == [last - index, *[last] * (len(counts) - 2), index]
    return found


def _is_badly_quoted(source: Utf8, delimiter: str) -> bool:
    """Whether a quotation mark closes anywhere else than at the end of a cell. Looked into only where rows are
    doubtful, as it takes much longer than reading."""
    text = io.TextIOWrapper(io.BufferedReader(source.again()), "utf-8", newline="")
    try:
        for _ in csv.reader(text, delimiter=delimiter, strict=True):
            pass
    except csv.Error:
        return True
    return False
