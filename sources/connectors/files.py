"""Files: which ones, for which quarter.

Where they are and how they are opened is the business of places, what archives hold that of archives, what stands in
them that of the readers; which rows are good is landing's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors import archives, placeholders, places, readers
from sources.connectors.places import Connection, Place
from sources.connectors.readers import FileRequest, Notes, Reading
from sources.contract import Contract
from sources.periods import Quarter


class Request(FileRequest):
    """`files` are names or patterns: `{period:%Y-%m}` stands for each month of the quarter, `{quarter}` for
    2025-26-Q3, `{financial_year}` for 2025-26; `*` matches where a place can tell which files it has."""

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
        placeholders.check(value)
        return value


def extract(
    connection: Connection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract a quarter where the file name tells the quarter, else one for all. Raises SourceError on reading."""
    by_quarter = any(name != "financial_year" for name in placeholders.found(request.files))
    groups = [[quarter] for quarter in quarters] if by_quarter else [quarters]
    for group in groups:
        names = list(dict.fromkeys(name for quarter in group for name in _names(request, quarter)))
        origin = f"{connection.shown}/{names[0] if len(names) == 1 else _common(names)}"
        made = x.Extract(group[0] if by_quarter else None, (), origin, request.format)
        made.batches = _batches(connection, request, contract, names, made)
        yield made


def reach(connection: Connection, request: Request) -> None:
    """Raise SourceError when the place does not answer, refuses us, or is not there; or lacks a file that is named in
    full. (Which periods have been delivered is not known beforehand.)"""
    places.reach(connection, [name for name in request.files if not any(placeholders.found(name))])


def _names(request: Request, quarter: Quarter) -> list[str]:
    return [
        placeholders.filled(pattern, quarter, month)
        for pattern in request.files
        for month in (quarter.months if placeholders.is_monthly(pattern) else quarter.months[:1])
    ]


def _common(names: Sequence[str]) -> str:
    return f"{names[0]} … {Path(names[-1]).name}"


def _batches(
    connection: Connection, request: Request, contract: Contract, names: list[str], made: x.Extract
) -> Iterator[pa.RecordBatch]:
    with places.opened(connection, made.notes) as place:
        found = places.found(place, names)
        batches = _read(place, request, contract, found, made.notes)
        yield from place.unless_unchanged(made.version, x.reading(contract, request, found), batches)


def _read(
    place: Place, request: Request, contract: Contract, found: list[str], notes: list[str]
) -> Iterator[pa.RecordBatch]:
    gathered = Notes()
    try:
        for address, file in places.read(place, found):
            with archives.unpacked(address, file, request.format.member) as (whole, content):
                yield from readers.read(Reading(request, contract, whole, gathered), content)
    finally:
        notes.extend(gathered.told())
