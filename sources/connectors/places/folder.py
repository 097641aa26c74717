"""Folders of this machine, or of a share that is mounted on it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa

from sources.connectors.places.base import Batches, Connection, Place, altered, not_a_file, outside
from sources.errors import SourceError
from sources.extract import Version

_LARGEST = 100_000_000  # bytes of a file whose content is kept in mind: a digest of more takes longer than it spares


@contextmanager
def opened(connection: Connection, notes: list[str]) -> Iterator[Place]:
    """The folder; a file in it is read where it lies."""
    root = Path(connection.location)
    read: dict[str, str | None] = {}  # a digest of each file that has been read

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
            if before.st_size <= _LARGEST:
                file.seek(0)
                read[name] = hashlib.file_digest(file, "sha256").hexdigest()
            else:
                read[name] = None
            after = os.fstat(file.fileno())
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise altered(address)

    def unless_unchanged(version: Version, reading: str, batches: Batches) -> Iterator[pa.RecordBatch]:
        former = json.loads(version.landed) if version.landed else {}
        if former.get("reading") == reading and _same(root, former.get("files", {})):
            version.read, version.is_unchanged = version.landed, True
            return
        yield from batches
        if read and all(read.values()):
            version.read = json.dumps({"reading": reading, "files": read})

    yield Place(connection.shown, entries, open_, unless_unchanged)


def _same(root: Path, files: dict[str, str]) -> bool:
    """Whether these files, and at least one, still have the content of these digests. Times of change are not asked:
    a file that is put back, or copied with its time, would pass for another one or for the same."""
    try:
        for name, digest in files.items():
            if (root / name).stat().st_size > _LARGEST:
                return False
            with (root / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    return False
    except OSError:
        return False  # whatever it is shows when all is read
    return bool(files)
