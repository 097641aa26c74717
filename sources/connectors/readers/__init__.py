"""Readers of file formats: bytes in, the contract's columns as text out. Where bytes come from is not their business.

A reader is a module with `read(reading, file)`. The first bytes say which, and the name where they do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import pyarrow as pa

from sources.connectors.readers import columnar, delimited, workbook
from sources.connectors.readers.base import FileFormat, FileRequest, Notes, Reading

_BY_ENDING = {
    (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"): workbook.read,
    (".parquet",): columnar.read_parquet,
    (".jsonl", ".ndjson", ".json"): columnar.read_json,
}
_BY_START = {b"PAR1": columnar.read_parquet, b"PK\x03\x04": workbook.read, b"\xd0\xcf\x11\xe0": workbook.read}


def read(reading: Reading, file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """The rows of one file, which can be rewound. Raises SourceError, in words that name the file."""
    name, start = reading.place.lower().removesuffix(".gz"), file.read(4)
    file.seek(0)
    by_name = next((reader for endings, reader in _BY_ENDING.items() if name.endswith(endings)), delimited.read)
    return (by_name if by_name is not delimited.read else _BY_START.get(start, by_name))(reading, file)


__all__ = ["FileFormat", "FileRequest", "Notes", "Reading", "read"]
