"""Where a table's header stands, and which column of the contract each heading means."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sources.connectors.readers.base import FILE, SHEET, FileRequest, Reading
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest

ROWS = 50  # how far down a header is looked for below titles
FAR = 100_000  # and where none of these has every column: a sheet that was sorted with its header in it

Row = Sequence[str]


@dataclass(frozen=True)
class Header:
    """A table's header.

    `cells` are its headings, `at` is the index of its row, `first` that of the first row with data: above the header
    where that stands in the middle of sorted rows. `fields` says where each contract column stands (None: not in this
    file, and that is allowed), `parts` which columns are unpivoted, as (heading, position).
    """

    cells: tuple[str, ...]
    at: int
    first: int
    fields: Mapping[str, int | None]
    parts: tuple[tuple[str, int], ...]

    def position(self, name: str) -> int | None:
        """Where the heading `name`, or the contract column of that name, stands."""
        found = stands(self.cells, [name])
        return found if found is not None else self.fields.get(name)


def find(reading: Reading, rows: Iterable[Row]) -> Header:
    """The header among `rows`, of which no more are taken than needed. Raises SourceError naming every missing column
    with the nearest heading."""
    rows = iter(rows)
    seen = list(islice(rows, ROWS))
    if reading.contract.is_open:
        return _every(seen)
    wanted = wanted_headings(reading.request, reading.contract)
    needed = {name: names for name, names in wanted.items() if name not in reading.request.absent}
    at = _best(seen, wanted)
    if at is None or not _complete(reading.request, seen[at], needed):
        seen += islice(rows, FAR - ROWS)
        at = _best(seen, wanted)
    if at is None:
        sheet = f", or `format.sheet`: '{reading.sheet}' was read" if reading.sheet else ""
        raise SourceError(
            f"{reading.source}: no row among the first {min(len(seen), ROWS)} has the headings of "
            f"{reading.contract.name}. The first row is: {listed(seen[0][:8] if seen else [])}. Nothing landed. Check "
            f"the file, or `columns` in the source's YAML{sheet}."
        )
    header = _matched(reading, wanted, seen[at], f"header row {at + 1} has")
    first = next((index for index in range(at) if _is_record(reading.contract, header, seen[index])), at + 1)
    if first < at:
        reading.note(f"the header stands in row {at + 1}; the rows above it from row {first + 1} on are read as data")
    return replace(header, at=at, first=first)


def of_names(reading: Reading, names: Row) -> Header:
    """The header of a file that names its columns itself. Raises SourceError as `find` does."""
    if reading.contract.is_open:
        return replace(_every([names]), at=-1, first=0)
    return _matched(reading, wanted_headings(reading.request, reading.contract), names, "file has")


def hits(reading: Reading, rows: Iterable[Row]) -> int:
    """How many of the contract's columns the best of `rows` names."""
    wanted = wanted_headings(reading.request, reading.contract)
    return max((_hits(row, wanted) for row in rows), default=0)


def plain(name: str) -> str:
    """A heading without case, blanks and punctuation: 'Risk ID ' and 'risk_id' are the same column."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def _matched(reading: Reading, wanted: Mapping[str, Sequence[str]], cells: Row, told: str) -> Header:
    request, contract = reading.request, reading.contract
    parts = _parts(request, cells)
    fields = {name: stands(cells, names) for name, names in wanted.items()}
    unpivot = request.format.unpivot
    made = {unpivot.name, unpivot.value} if unpivot is not None and parts else set()
    allowed = made | {*request.absent, request.format.reason_column}
    missing = [
        f"'{names[0]}' for {contract.name}.{name}.{nearest(names[0], cells)}"
        for name, names in wanted.items()
        if fields[name] is None and name not in allowed
    ]
    if missing:
        raise SourceError(
            f"{reading.source}: missing columns: {'; '.join(missing)} The {told}: {listed(filter(str.strip, cells))}. "
            f"Nothing landed. Mend `columns` or `format.header.aliases` of datasets.{contract.dataset} in the source's "
            "YAML."
        )
    for heading in (cells[index].strip() for index in fields.values() if index is not None):
        if sum(cell.strip() == heading for cell in cells) > 1:
            reading.note(f"the heading '{heading}' stands more than once; the first is read")
    known = {index for index in fields.values() if index is not None} | {index for _, index in parts}
    added = [cell.strip() for index, cell in enumerate(cells) if index not in known and cell.strip()]
    if added:
        reading.note(f"columns that the contract does not have: {', '.join(added)}")
    return Header(tuple(cells), -1, 0, fields, parts)


def wanted_headings(request: FileRequest, contract: Contract) -> dict[str, list[str]]:
    """The headings under which each contract column may stand, the expected one first."""
    wanted = {}
    for column in contract.columns:
        mapped = request.columns.get(column.name)
        if mapped is not None and (mapped.constant is not None or mapped.field in (FILE, SHEET)):
            continue
        own = [mapped.field] if mapped is not None and mapped.field else [column.name]
        wanted[column.name] = own + request.format.header.aliases.get(column.name, [])
    return wanted


def stands(cells: Row, names: Iterable[str]) -> int | None:
    """Where the first of `names` stands that stands anywhere: as it is written before in other case or punctuation."""
    exact = {cell.strip(): index for index, cell in reversed(list(enumerate(cells)))}
    loose = {plain(cell): index for index, cell in reversed(list(enumerate(cells)))}
    return next(
        (found for name in names if (found := exact.get(name.strip(), loose.get(plain(name)))) is not None), None
    )


def _hits(row: Row, wanted: Mapping[str, Sequence[str]]) -> int:
    headings = {plain(cell) for cell in row}
    return sum(any(plain(name) in headings for name in names) for names in wanted.values())


def _best(rows: Sequence[Row], wanted: Mapping[str, Sequence[str]]) -> int | None:
    """The first of the rows that name the most columns; None where no row names any."""
    counts = [_hits(row, wanted) for row in rows]
    best = max(counts, default=0)
    return counts.index(best) if best else None


def _complete(request: FileRequest, row: Row, needed: Mapping[str, Sequence[str]]) -> bool:
    unpivot = request.format.unpivot
    made = {unpivot.name, unpivot.value} if unpivot is not None and _parts(request, row) else set()
    left_out = made | {request.format.reason_column}
    return all(stands(row, names) is not None for name, names in needed.items() if name not in left_out)


def _is_record(contract: Contract, header: Header, row: Row) -> bool:
    """Whether a row above the header is a row of data and no title: it has what the contract requires and more than
    half of the columns, and numbers and dates have digits."""
    cells = {
        name: row[index].strip() if index < len(row) else ""
        for name, index in header.fields.items()
        if index is not None
    }
    columns = [contract.column(name) for name in cells]
    return (
        sum(map(bool, cells.values())) > max(1, len(cells) / 2)
        and all(cells[column.name] for column in columns if column.required)
        and all(
            re.search(r"\d", cells[column.name])
            for column in columns
            if cells[column.name] and column.sql_type not in ("VARCHAR", "BOOLEAN")
        )
    )


def _parts(request: FileRequest, cells: Row) -> tuple[tuple[str, int], ...]:
    """Headings and positions of the columns to unpivot; none where the file has none."""
    unpivot = request.format.unpivot
    if unpivot is None:
        return ()
    return tuple(
        (cell.strip(), index)
        for index, cell in enumerate(cells)
        if cell.strip() and any(fnmatch.fnmatchcase(cell.strip(), pattern) for pattern in unpivot.columns)
    )


def _every(rows: Sequence[Row]) -> Header:
    """For an open contract: the first of the fullest rows is the header, and every cell of it a column."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    at = filled.index(max(filled, default=0)) if filled else 0
    cells = tuple(rows[at]) if rows else ()
    fields: dict[str, int | None] = {}
    for index, cell in enumerate(cells):
        if cell.strip():
            fields.setdefault(cell.strip(), index)
    return Header(cells, at, at + 1, fields, ())
