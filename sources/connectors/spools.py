"""Files on their way: in memory while they are small, on disk where they are large, gone when they are closed."""

from __future__ import annotations

import tempfile
from typing import IO, cast

IN_MEMORY = 8 << 20  # bytes; larger files go to disk
MAXIMUM = 8 << 30  # bytes; no council's file is that large


def spool() -> IO[bytes]:
    """An empty file that can be written, read and rewound."""
    return cast("IO[bytes]", tempfile.SpooledTemporaryFile(max_size=IN_MEMORY))
