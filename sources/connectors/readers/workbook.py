"""Workbooks: .xlsx, .xlsm, .xlsb, .xls and .ods. A cell in error refuses its row; it is never taken for empty."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sources import extract as x
from sources.connectors import archives
from sources.connectors.readers import headers
from sources.connectors.readers.base import Reading
from sources.connectors.readers.headers import Header
from sources.connectors.readers.tables import Table
from sources.errors import SourceError, listed, nearest

_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
}
_DECIMALS = 8  # fastexcel writes out no more than nine decimals of a number as text


def read(reading: Reading, file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """The rows of the sheets that are asked for, one with a cell in error among them as refused. Raises SourceError."""
    import fastexcel  # loaded only where a council has workbooks

    archives.check_workbook(reading.place, file)
    with _in_words(reading.place):
        book = fastexcel.read_excel(file.read())
    names = _sheets(reading, book.sheet_names)
    for name in names:
        one = replace(reading, sheet=name, several=len(names) > 1)
        with _in_words(one.source):
            yield from _sheet(one, book, name)


@contextmanager
def _in_words(place: str) -> Iterator[None]:
    """What the library cannot read, as a SourceError; where it breaks down it raises what is no Exception at all."""
    import fastexcel

    try:
        yield
    except BaseException as error:
        if not isinstance(error, fastexcel.FastExcelError) and type(error).__name__ != "PanicException":
            raise
        reason = str(error).partition("\n")[0]
        raise SourceError(f"{place}: cannot be read as a workbook: {reason}. Ask for the file again.") from None


def _sheets(reading: Reading, present: Sequence[str]) -> list[str]:
    """Names of the sheets that match, in the workbook's order; the first where none is asked for."""
    patterns = reading.form.sheet
    if patterns is None:
        if reading.contract.is_open and len(present) > 1:
            reading.note(f"of the sheets {listed(present)} the first was read; name another as format.sheet")
        return list(present[:1])
    for pattern in patterns:
        if not any(_is_named(name, pattern) for name in present):
            raise SourceError(
                f"{reading.place}: the workbook has no sheet '{pattern}'.{nearest(pattern, present)} It has: "
                f"{listed(present)}. Nothing landed. Mend `datasets.{reading.contract.dataset}.format.sheet` in the "
                "source's YAML, or ask the owner."
            )
    return [name for name in present if any(_is_named(name, pattern) for pattern in patterns)]


def _is_named(name: str, pattern: str) -> bool:
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def _sheet(reading: Reading, book: Any, name: str) -> Iterator[pa.RecordBatch]:
    cells, errors = _cells(book, name)
    size = len(cells[0]) if cells else 0
    header = headers.find(reading, _rows(cells, size))
    table = Table(reading, header)
    _write_out(reading, header, cells, book, name)
    meant = {*reading.form.nulls, *reading.form.symbols}
    refused: dict[int, list[str]] = {}
    for (row, column), error in errors.items():
        if row >= header.first and column in table.used and error not in meant:
            refused.setdefault(row, []).append(f"cell {_letters(column)}{row + 1} holds the error {error}")
    told = [
        (row + 1, "; ".join(reasons), ", ".join(column[row].as_py() or "" for column in cells))
        for row, reasons in sorted(refused.items())
    ]
    good = np.array([row for row in range(header.first, size) if row not in refused], np.int64)
    picked = {index: column.take(pa.array(good)) for index, column in enumerate(cells)}
    yield from table.batches(picked, good + 1)
    table.close()
    if told:
        yield x.refused_batch(reading.contract, reading.source, told)


def _cells(book: Any, name: str) -> tuple[list[pa.Array], dict[tuple[int, int], str]]:
    """A sheet's columns as text, from its first row on, and the errors that its cells hold by row and column (from 0).
    In its cell, too, an error stands as the workbook shows it."""
    table, found = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string").to_arrow_with_errors()
    errors: dict[tuple[int, int], str] = {}
    for item in found.errors if found else ():
        kind = re.search(r"Error\((\w+)\)", item.detail)
        errors[item.offset_position] = _ERRORS.get(kind[1], f"#{kind[1]}") if kind else item.detail
    columns = []
    for index, column in enumerate(table.columns):
        own = {row: error for (row, at), error in errors.items() if at == index}
        if own:
            here = np.zeros(len(column), bool)
            here[list(own)] = True
            column = pc.replace_with_mask(column, pa.array(here), pa.array([own[row] for row in sorted(own)]))
        columns.append(column)
    return columns, errors


def _rows(cells: Sequence[pa.Array], size: int) -> Iterator[list[str]]:
    for start in range(0, size, headers.ROWS):
        pieces = [column.slice(start, headers.ROWS).to_pylist() for column in cells]
        yield from ([cell or "" for cell in row] for row in zip(*pieces, strict=True))


def _write_out(reading: Reading, header: Header, cells: list[pa.Array], book: Any, name: str) -> None:
    """Numbers for columns with more decimals than their text has, as the workbook holds them."""
    exact = {column.name for column in reading.contract.columns if column.decimals > _DECIMALS}
    unpivot = reading.form.unpivot
    wanted = {index for column, index in header.fields.items() if column in exact and index is not None}
    wanted |= {index for _, index in header.parts} if unpivot is not None and unpivot.value in exact else set()
    if wanted:
        sheet = book.load_sheet(name, header_row=None, skip_rows=0, dtypes="float", use_columns=sorted(wanted))
        numbers, _ = sheet.to_arrow_with_errors()
        for index, column in zip(sorted(wanted), numbers.columns, strict=True):
            is_number = pc.match_substring_regex(cells[index], r"^-?[0-9]{1,15}(\.[0-9]{1,9})?$").fill_null(False)
            exact_text = pc.if_else(is_number, column.cast(pa.string()), None)
            cells[index] = pc.coalesce(exact_text, cells[index])


def _letters(column: int) -> str:
    """A column as a spreadsheet names it: A, B, …, Z, AA."""
    letters = ""
    column += 1
    while column:
        column, left = divmod(column - 1, 26)
        letters = chr(ord("A") + left) + letters
    return letters
