"""Workbooks: .xlsx, .xlsm, .xls and .ods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import pyarrow as pa

from sources import extract as x
from sources.connectors.readers import headers
from sources.connectors.readers.base import Reading, shaped
from sources.errors import SourceError, listed, nearest


def read(reading: Reading, file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """The rows of a sheet, one with a cell in error among them as refused. Raises SourceError."""
    import fastexcel  # loaded only where a council has workbooks

    request, contract, place, form = reading.request, reading.contract, reading.place, reading.request.format
    try:
        book = fastexcel.read_excel(file.read())
    except fastexcel.FastExcelError as error:
        raise SourceError(f"{place}: cannot be read as a workbook: {error}. Ask for the file again.") from None
    sheet_name = form.sheet or book.sheet_names[0]
    if sheet_name not in book.sheet_names:
        raise SourceError(
            f"{place}: the workbook has no sheet '{sheet_name}'.{nearest(sheet_name, book.sheet_names)} It has: "
            f"{listed(book.sheet_names)}. Nothing landed. Mend `datasets.{contract.dataset}.format.sheet` in the "
            "source's YAML, or ask the owner."
        )
    sheet = book.load_sheet(sheet_name, header_row=None, skip_rows=0, dtypes="string")
    table, errors = sheet.to_arrow_with_errors()
    cells = [column.to_pylist() for column in table.columns]
    rows = [[cell or "" for cell in row] for row in zip(*(column[: headers.ROWS] for column in cells), strict=True)]
    at, fields = headers.find(reading, rows)
    blank = [row for row in range(at + 1, table.num_rows) if all(not (column[row] or "").strip() for column in cells)]
    broken = {item.offset_position[0]: item for item in errors.errors} if errors else {}
    refused = [
        (row + 1, f"cell in row {row + 1} holds an error: {item.detail}", str([column[row] for column in cells]))
        for row, item in broken.items()
        if row > at
    ]
    good = [row for row in range(at + 1, table.num_rows) if row not in broken and row not in set(blank)]
    picked = table.take(pa.array(good, pa.int64()))
    columns = {name: picked.column(index) for name, index in fields.items() if isinstance(index, int)}
    parts = {label: picked.column(index) for label, index in headers.melted(request, rows[at]).items()}
    yield from shaped(reading, columns, parts, [row + 1 for row in good])
    if refused:
        yield x.refused_batch(contract, place, refused)
