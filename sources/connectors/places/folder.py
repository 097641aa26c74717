"""Folders of this machine, or of a share that is mounted on it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from sources.connectors.places.base import Connection, Place, altered, not_a_file, outside
from sources.errors import SourceError


@contextmanager
def opened(connection: Connection, notes: list[str]) -> Iterator[Place]:
    """The folder; a file in it is read where it lies."""
    root = Path(connection.location)

    def entries(folder: str) -> dict[str, bool]:
        try:
            with os.scandir(root / folder) as found:
                # A name may lead through a linked folder, a wildcard does not: links can go round in circles.
                return {entry.name: entry.is_dir(follow_symlinks=False) for entry in found}
        except NotADirectoryError:
            raise FileNotFoundError from None
        except PermissionError:
            raise SourceError(f"{connection.shown}/{folder}: may not be listed. Check who may read it.") from None

    @contextmanager
    def open_(name: str) -> Iterator[IO[bytes]]:
        path, address = root / name, f"{connection.shown}/{name}"
        if not path.resolve().is_relative_to(root.resolve()):
            raise outside(str(path), str(root))
        try:
            before = path.stat()
            if not stat.S_ISREG(before.st_mode):
                raise not_a_file(address)
            file = path.open("rb")
        except NotADirectoryError:
            raise FileNotFoundError from None
        except PermissionError as error:
            raise SourceError(f"{address}: cannot be opened: {error.strerror}. Check who may read it.") from None
        with file:
            yield file
            after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise altered(address)

    yield Place(connection.shown, entries, open_)
