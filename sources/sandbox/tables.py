"""How the sandbox writes what old systems write: British dates, pounds with signs and commas, CSV with CRLF, zip
archives, tables of a database.

Values in, text out; what the values are is decided by the modules of the systems.
"""

from __future__ import annotations

import csv
import io
import sqlite3
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from sources.sandbox.timeline import Days, Ints

_ORIGIN = np.datetime64("1980-01-01", "D")
_LENGTH = 23_000  # days, to the end of 2042


def british_dates(days: Days, null: str = "") -> list[str]:
    """`dd/mm/yyyy`, `null` where there is none."""
    numbers = np.where(np.isnat(days), -1, (days - _ORIGIN).astype(np.int64))
    texts: list[str] = _BRITISH[numbers].tolist()
    return [text or null for text in texts] if null else texts


def _british() -> np.ndarray:
    days = np.arange(_ORIGIN, _ORIGIN + _LENGTH).astype(object)
    return np.array([f"{day:%d/%m/%Y}" for day in days] + [""], dtype=object)


_BRITISH = _british()


def pounds(pence: Ints) -> list[str]:
    """`£1,234.56`, and `-£12.00` for what is below zero."""
    return [f"£{p / 100:,.2f}" if p >= 0 else f"-£{-p / 100:,.2f}" for p in pence.tolist()]


def write_csv(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8", delimiter: str = ","
) -> None:
    """A CSV file with `header` above `rows`, lines ended as Windows does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(csv_bytes(header, rows, encoding, delimiter))


def csv_bytes(
    header: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8", delimiter: str = ","
) -> bytes:
    """What such a file holds."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def insert(database: sqlite3.Connection, table: str, columns: Sequence[np.ndarray]) -> None:
    """Rows of a table as SQLite keeps them: days and moments as ISO text, null where there is none."""
    marks = ", ".join("?" * len(columns))
    database.executemany(f"insert into {table} values ({marks})", zip(*map(_plain, columns), strict=True))


def _plain(column: np.ndarray) -> list[object]:
    if column.dtype.kind != "M":
        values: list[object] = column.tolist()
        return values
    text = np.char.replace(np.datetime_as_string(column), "T", " ").astype(object)
    text[np.isnat(column)] = None
    return list(text)


def zipped(members: Mapping[str, bytes], written: date) -> bytes:
    """A zip archive: the same bytes whenever it is made."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            member = zipfile.ZipInfo(name, (written.year, written.month, written.day, 0, 0, 0))
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return content.getvalue()
