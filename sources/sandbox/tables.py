"""How the sandbox writes what old systems write: British dates, pounds with signs and commas, CSV with CRLF.

Values in, text out; what the values are is decided by the modules of the systems.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
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


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], encoding: str = "utf-8") -> None:
    """A CSV file with `header` above `rows`, lines ended as Windows does."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.getvalue().encode(encoding))
