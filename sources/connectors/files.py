"""Files in a folder or behind https, and members of zip archives: which ones, for which quarter.

What stands in them is the readers' business; which rows are good is landing's.
"""

from __future__ import annotations

import fnmatch
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors import readers
from sources.connectors.http import Client, HttpConnection, check_address
from sources.connectors.readers import FileRequest, Reading
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest, shown_path
from sources.periods import Quarter

_PLACE = re.compile(r"\{(period|quarter|financial_year)(?::([^}]+))?\}")
MAXIMUM_UNZIPPED = 8 << 30  # a member that claims more than this is refused: no council file is that large


class Connection(pydantic.BaseModel):
    """`location` is a folder (relative ones stand in the council's own folder) or an https address."""

    model_config = pydantic.ConfigDict(extra="forbid")
    location: str

    @pydantic.field_validator("location")
    @classmethod
    def _place(cls, value: str, info: pydantic.ValidationInfo) -> str:
        if "://" in value:
            check_address(value)
            return value.rstrip("/")
        path = Path(value).expanduser()
        if not path.is_absolute() and info.context:
            path = info.context["folder"].parent / path
        return str(path)


class Request(FileRequest):
    """`files` are names or patterns: `{period:%Y-%m}` stands for each month of the quarter, `{quarter}` for
    2025-26-Q3, `{financial_year}` for 2025-26; `*` matches in folders."""

    files: list[str]

    @pydantic.field_validator("files", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @pydantic.field_validator("files")
    @classmethod
    def _within(cls, value: list[str]) -> list[str]:
        for name in value:
            if not name or Path(name).is_absolute():
                raise ValueError(f"'{name}' must be a name or pattern below connection.location.")
        return value


def extract(
    connection: Connection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract a quarter where the file name tells the quarter, else one for all. Raises SourceError on reading."""
    by_quarter = any(match[1] != "financial_year" for name in request.files for match in _PLACE.finditer(name))
    groups = [[quarter] for quarter in quarters] if by_quarter else [quarters]
    for group in groups:
        names = list(dict.fromkeys(name for quarter in group for name in _names(request, quarter)))
        notes: list[str] = []
        yield x.Extract(
            group[0] if by_quarter else None,
            _batches(connection, request, contract, names, notes),
            f"{_shown(connection.location)}/{names[0] if len(names) == 1 else _common(names)}",
            request.format,
            notes,
        )


def reach(connection: Connection, request: Request) -> None:
    """Raise SourceError when the folder or the server is not there."""
    if "://" in connection.location:
        if not any("{" in name or "*" in name for name in request.files):
            with Client(HttpConnection(base_url=connection.location)) as client:
                client.get(f"/{request.files[0]}")
    elif not Path(connection.location).is_dir():
        raise SourceError(f"{connection.location}: there is no such folder. Check connection.location.")


def _names(request: Request, quarter: Quarter) -> list[str]:
    names = []
    for pattern in request.files:
        months = quarter.months if "{period" in pattern else quarter.months[:1]
        names += [_PLACE.sub(lambda match, m=month: _placed(match, quarter, m), pattern) for month in months]  # type: ignore[misc]
    return names


def _placed(match: re.Match[str], quarter: Quarter, month: date) -> str:
    if match[1] == "period":
        return month.strftime(match[2] or "%Y-%m")
    return quarter.code if match[1] == "quarter" else quarter.financial_year


def _common(names: Sequence[str]) -> str:
    return f"{names[0]} … {Path(names[-1]).name}"


def _batches(
    connection: Connection, request: Request, contract: Contract, names: list[str], notes: list[str]
) -> Iterator[pa.RecordBatch]:
    for place, content in _opened(connection, names):
        if place.lower().endswith(".zip"):
            place, content = _member(place, content, request.format.member)
        try:
            yield from readers.read(Reading(request, contract, place, notes), content)
        except _DAMAGED:  # a zip's own check sums; the archive's directory may be sound all the same
            raise _unreadable_zip(place) from None


def _opened(connection: Connection, names: list[str]) -> Iterator[tuple[str, IO[bytes]]]:
    """Each file's address and an open binary stream that can be rewound. Zip archives give their matching member."""
    for name in names:
        if "://" in connection.location:
            with Client(HttpConnection(base_url=connection.location)) as client:
                yield f"{connection.location}/{name}", io.BytesIO(client.get(f"/{name}").content)
            continue
        folder = Path(connection.location)
        if not folder.is_dir():
            raise SourceError(f"{folder}: there is no such folder. Check connection.location and its variable.")
        found = sorted(folder.glob(name))
        if not found:
            present = sorted(path.name for path in folder.glob(str(Path(name).parent / "*")))
            shown = listed(present[:6]) + (f" and {len(present) - 6} more" if len(present) > 6 else "")
            raise SourceError(f"{folder}: there is no file '{name}'.{nearest(name, present)} The folder has: {shown}.")
        for path in found:
            if not path.resolve().is_relative_to(folder.resolve()):
                raise SourceError(f"{path}: lies outside {folder}; links and '..' that lead out are not followed.")
            place = _shown(str(path))
            try:
                file = path.open("rb")
            except OSError as error:
                raise SourceError(f"{place}: cannot be opened: {error.strerror}. Check who may read it.") from None
            with file:
                yield place, file


def _shown(place: str) -> str:
    return place if "://" in place else str(shown_path(Path(place)))


def _member(place: str, file: IO[bytes], pattern: str) -> tuple[str, IO[bytes]]:
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGED:
        raise _unreadable_zip(place) from None
    members = [info for info in archive.infolist() if fnmatch.fnmatch(info.filename, pattern)]
    if len(members) != 1:
        names = listed(info.filename for info in archive.infolist()[:6])
        raise SourceError(f"{place}: {len(members)} members match '{pattern}', one is needed. It holds: {names}.")
    if members[0].file_size > MAXIMUM_UNZIPPED:
        raise SourceError(f"{place}: '{members[0].filename}' would unpack to {members[0].file_size:,} bytes; refused.")
    if members[0].flag_bits & 1:
        raise SourceError(f"{place}: '{members[0].filename}' is locked with a password. Ask for it without one.")
    return f"{place}!{members[0].filename}", archive.open(members[0])


_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)


def _unreadable_zip(place: str) -> SourceError:
    return SourceError(f"{place}: is not a readable zip archive. Ask for the file again.")
