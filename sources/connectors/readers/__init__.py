"""Readers of file formats: bytes in, the contract's columns as text out. Where bytes come from is not their business.

A reader is a module with `read(reading, file)`; the file's name says which.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import pyarrow as pa

from sources.connectors.readers import delimited, workbook
from sources.connectors.readers.base import FileFormat, FileRequest, Reading

_BY_ENDING = {(".xlsx", ".xlsm", ".xls", ".ods"): workbook.read}


def read(reading: Reading, file: IO[bytes]) -> Iterator[pa.RecordBatch]:
    """The rows of one file, which can be rewound. Raises SourceError, in words that name the file."""
    name = reading.place.lower()
    by_ending = next((reader for endings, reader in _BY_ENDING.items() if name.endswith(endings)), delimited.read)
    return by_ending(reading, file)


__all__ = ["FileFormat", "FileRequest", "Reading", "read"]
