"""Files inside files: the member of a zip archive, what gzip packed, and a look into workbooks, which are archives too.

Every byte that comes out is counted: a few kilobytes can unpack to terabytes, and a workbook of two cells can ask for
all of a machine's memory. Nothing is ever unpacked under a name that an archive gives it.
"""

from __future__ import annotations

import fnmatch
import gzip
import re
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, cast
from xml.parsers import expat

from sources.connectors import spools
from sources.errors import SourceError, listed

MAXIMUM_UNPACKED = spools.MAXIMUM
MAXIMUM_RATIO = 300  # tables pack 5 to 60 times smaller, zeros 1,000 times
HARMLESS = 64 << 20  # bytes; below it the ratio does not matter
# A workbook is held in memory whole: 400 MB of XML with 12 million numbers took 900 MB and 5 s, 105 million cells (all
# but two of them empty) 3.7 GB; beyond that the reader ends the process.
MAXIMUM_WORKBOOK = 512 << 20
MAXIMUM_CELLS = 16 << 20
_MAXIMUM_PARTS = 10_000
_BLOCK = 1 << 20

_WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
_OTHER_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar", ".bz2", ".xz", ".zst", ".lz4", ".z")
_ZIP, _GZIP, _OLE = b"PK\x03\x04", b"\x1f\x8b", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError),
    expat.ExpatError,
)


@contextmanager
def unpacked(place: str, file: IO[bytes], pattern: str) -> Iterator[tuple[str, IO[bytes]]]:
    """The file to be read, with its address: of a zip the one member that matches `pattern`, of a gzip what it holds,
    of anything else the file itself. Raises SourceError."""
    name = place.lower()
    if name.endswith(_OTHER_ARCHIVES):
        raise SourceError(f"{place}: is an archive of a kind that is not read. Ask for it as .zip or .gz.")
    if name.endswith(".zip") or _is_archive(file):
        with _archive(place, file) as archive:
            member = _member(place, archive, pattern)
            with _out_of(place, file, archive, member) as content:
                yield f"{place}!{member.filename}", content
    elif _begins(file, _GZIP):  # and not by the ending: many a web server unpacks it on the way
        with gzip.GzipFile(fileobj=file) as packed, _copied(place, cast("IO[bytes]", packed), _size(file)) as content:
            yield place, content
    else:
        yield place, file


def _is_archive(file: IO[bytes]) -> bool:
    """Whether it is a zip, whatever its name, and not a workbook."""
    if not _begins(file, _ZIP):
        return False
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except _DAMAGED:
        return False
    finally:
        file.seek(0)
    return not {"[Content_Types].xml", "mimetype", "content.xml"} & set(names)


def _member(place: str, archive: zipfile.ZipFile, pattern: str) -> zipfile.ZipInfo:
    # What macOS puts beside each file is no file of its own.
    members = [info for info in archive.infolist() if not info.filename.startswith("__MACOSX/") and not info.is_dir()]
    if leading_out := [info.filename for info in members if _leads_out(info.filename)]:
        raise SourceError(
            f"{place}: holds '{leading_out[0]}', a name that leads out of the archive; refused. Ask who made it."
        )
    found = [info for info in members if fnmatch.fnmatchcase(info.filename.lower(), pattern.lower())]
    if len(found) != 1:
        names = listed(info.filename for info in (found or members)[:6])
        raise SourceError(f"{place}: {len(found)} members match '{pattern}', one is needed. It holds: {names}.")
    return found[0]


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or bool(re.match("[A-Za-z]:", name))


@contextmanager
def _out_of(place: str, file: IO[bytes], archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[IO[bytes]]:
    name = member.filename
    if name.lower().endswith((".zip", ".gz", *_OTHER_ARCHIVES)):
        raise SourceError(f"{place}: '{name}' is an archive itself; refused. Ask for the file in one archive only.")
    if member.flag_bits & 1:
        raise SourceError(f"{place}: '{name}' is locked with a password. Ask for it without one.")
    packed_size = min(member.compress_size, _size(file))
    _check_unpacked(place, member.file_size, packed_size)
    try:
        opened = archive.open(member)
    except _DAMAGED:
        raise _damaged(place) from None
    with opened, _copied(place, opened, packed_size) as content:
        if _begins(content, _ZIP, _GZIP) and not name.lower().endswith(_WORKBOOKS):
            raise SourceError(f"{place}: '{name}' is an archive itself; refused. Ask for the file in one archive only.")
        yield content


@contextmanager
def _copied(place: str, packed: IO[bytes], size: int) -> Iterator[IO[bytes]]:
    """What comes out of `packed`, whose packed size in bytes is `size`, as a file that can be rewound."""
    with spools.spool() as file:
        total = 0
        while True:
            try:
                block = packed.read(_BLOCK)
            except _DAMAGED:
                raise _damaged(place) from None
            if not block:
                break
            total += len(block)
            _check_unpacked(place, total, size)  # whatever the archive said it would be
            file.write(block)
        file.seek(0)
        yield file


def _check_unpacked(place: str, unpacked_size: int, packed_size: int) -> None:
    if unpacked_size > MAXIMUM_UNPACKED:
        raise SourceError(
            f"{place}: would unpack to more than {MAXIMUM_UNPACKED:,} bytes; refused. Ask for it in parts."
        )
    if unpacked_size > max(HARMLESS, MAXIMUM_RATIO * packed_size):
        raise SourceError(
            f"{place}: unpacks to more than {MAXIMUM_RATIO} times its size, as no table does; refused. Ask for it "
            "unpacked."
        )


@contextmanager
def _archive(place: str, file: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGED:
        raise _damaged(place) from None
    with archive:
        yield archive


def _damaged(place: str) -> SourceError:
    endings = {(".gz",): "gzip file", _WORKBOOKS: "workbook"}
    kind = next((kind for ending, kind in endings.items() if place.lower().endswith(ending)), "zip archive")
    return SourceError(f"{place}: is not a readable {kind}. Ask for the file again.")


def _begins(file: IO[bytes], *marks: bytes) -> bool:
    head = file.read(8)
    file.seek(0)
    return head.startswith(marks)


def _size(file: IO[bytes]) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size


# Workbooks


def check_workbook(place: str, file: IO[bytes]) -> None:
    """Raise SourceError for a workbook that would take all memory, or whose XML is more than data. `file` is at its
    beginning afterwards. What is no workbook at all is for the reader to say."""
    is_binary = _begins(file, _OLE)
    if _begins(file, _ZIP):
        with _archive(place, file) as archive:
            _check_parts(place, archive)
            is_binary = any(part.filename.endswith("workbook.bin") for part in archive.infolist())
    if is_binary:
        file.seek(0)
        _try_elsewhere(place, file)
    file.seek(0)


def _check_parts(place: str, archive: zipfile.ZipFile) -> None:
    parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise SourceError(f"{place}: is locked with a password. Ask for it without one.")
    size = sum(part.file_size for part in parts)
    if size > MAXIMUM_WORKBOOK or len(parts) > _MAXIMUM_PARTS:
        raise SourceError(
            f"{place}: unpacks to {size:,} bytes in {len(parts):,} parts; workbooks above {MAXIMUM_WORKBOOK:,} are "
            "refused. Ask for it as CSV."
        )
    _check_unpacked(place, size, sum(part.compress_size for part in parts))
    for part in parts:
        try:
            text = archive.read(part)
            if b"<!DOCTYPE" in text or text.startswith(_UTF_16):
                raise SourceError(
                    f"{place}: '{part.filename}' declares a document type, as no spreadsheet program does; refused. "
                    "Ask who made it."
                )
            cells = _cells_in_ods(text) if part.filename == "content.xml" else _cells_in_xlsx(text)
        except _DAMAGED:
            raise SourceError(f"{place}: '{part.filename}' is damaged. Ask for the file again.") from None
        if cells > MAXIMUM_CELLS:
            raise _too_many_cells(place)


_UTF_16 = (b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")  # in which a declaration could hide; no program writes it
# How spreadsheet programs write a cell's address, which is quick to find, and all that XML allows, which is not.
_PLAIN = re.compile(rb' r="([A-Za-z]+)'), re.compile(rb' r="[A-Za-z]*([0-9]+)')
_ANY = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]+)"), re.compile(rb"\sr\s*=\s*[\"'][A-Za-z]*([0-9]+)")
_UNUSUAL = (b":c", b":row", b"<c\t", b"<c\n", b"<c\r", b"<c/")
_CELL, _ROW = re.compile(rb"<(?:[^\s<>/]+:)?c[\s/>]"), re.compile(rb"<(?:[^\s<>/]+:)?row[\s/>]")
_ADDRESS = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]+)([0-9]+)")
_EMPTY = re.compile(rb'<c r="[A-Za-z]+[0-9]+"(?: [A-Za-z:]+="[^"<>]*")*/>')
_COUNT = re.compile(rb"ount\s*=\s*[\"']([0-9]+)")  # count and uniqueCount


def _cells_in_xlsx(text: bytes) -> int:
    """How many cells the reader may make room for: the rectangle over all of a sheet's cells, and as many texts as are
    said to come. (Which part is a sheet is for the workbook to say, and it may lie: any part may be one.)"""
    announced = max((int(count[:20]) for count in _COUNT.findall(text)), default=0)
    if announced <= len(text):  # no text takes less than a byte
        announced = 0
    if b"row" not in text:
        return announced
    columns, rows = (pattern.findall(text) for pattern in _PLAIN)
    cells, tags = text.count(b"<c ") + text.count(b"<c>"), text.count(b"<row")
    if len(columns) != cells or len(rows) != cells + tags or any(mark in text for mark in _UNUSUAL):
        columns, rows = (pattern.findall(text) for pattern in _ANY)
        cells, tags = len(_CELL.findall(text)), len(_ROW.findall(text))
    last_column = max((_number(name[:10]) for name in set(columns)), default=0)
    last_row = max((int(number[:20]) for number in set(rows)), default=0)
    if cells > len(columns) or tags > len(rows) - len(columns):  # without an address it stands beside the one before
        last_column += max(len(_CELL.findall(row)) for row in _ROW.split(text))
        last_row += tags
    elif last_row * last_column > MAXIMUM_CELLS:  # cells that have nothing but a style are left out by the reader, too
        filled = _ADDRESS.findall(_EMPTY.sub(b"", text))
        last_column = max((_number(name[:10]) for name, _ in filled), default=0)
        last_row = max((int(number[:20]) for _, number in filled), default=0)
    return max(announced, last_row * last_column)


def _number(letters: bytes) -> int:
    """1 for A, 27 for AA."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _cells_in_ods(text: bytes) -> int:
    """As `_cells_in_xlsx`, for the XML of an .ods, where one element can stand for a million rows of a thousand cells.
    Empty ones at the end, with which every sheet closes, cost nothing."""
    most = row = row_times = column = last_column = widest = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal most, row, row_times, column, last_column, widest
        kind = name.rpartition(":")[2]
        times = {key.rpartition(":")[2]: int(value[:20]) for key, value in attributes.items() if value.isdigit()}
        if kind == "table":
            row = widest = 0
        elif kind == "table-row":
            row_times, column, last_column = times.get("number-rows-repeated", 1), 0, 0
        elif kind in ("table-cell", "covered-table-cell"):
            column += times.get("number-columns-repeated", 1)
            if any(key.endswith("value-type") for key in attributes):
                last_column = column
        elif kind == "s":  # so many blanks
            most = max(most, times.get("c", 1))

    def end(name: str) -> None:
        nonlocal most, row, widest
        if name.rpartition(":")[2] == "table-row":
            row += row_times
            widest = max(widest, last_column)
            if last_column:
                most = max(most, row * widest)

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(text, True)
    return most


def _too_many_cells(place: str) -> SourceError:
    return SourceError(
        f"{place}: a sheet of it reaches over more than {MAXIMUM_CELLS:,} cells; refused. Delete what stands far below "
        "or beside the table, or ask for it as CSV."
    )


def _try_elsewhere(place: str, file: IO[bytes]) -> None:
    """An .xls or .xlsb has no text to look into: whether bounded memory will do is tried in a process apart."""
    try:
        ended = subprocess.run([sys.executable, "-c", _TRIAL], input=file.read(), capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise _too_many_cells(place) from None
    if ended.returncode < 0:
        raise _too_many_cells(place)
    if ended.returncode > 0:
        raise SourceError(f"{place}: is damaged. Ask for the file again.")


# Ends by a signal where memory does not suffice, with an error where the reader breaks down. What it merely cannot
# read, it will say in its own words.
_TRIAL = """
import contextlib, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
import fastexcel
with contextlib.suppress(fastexcel.FastExcelError):
    book = fastexcel.read_excel(sys.stdin.buffer.read())
    for name in book.sheet_names:
        book.load_sheet(name, header_row=None, skip_rows=0, dtypes="string")
"""
