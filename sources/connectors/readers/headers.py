"""Where a table's header stands, and which column of the contract each heading means."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

from sources.connectors.readers.base import FILE, FileRequest, Reading
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest

ROWS = 50  # how far down a header is looked for


def melted(request: FileRequest, header: Sequence[str]) -> dict[str, int]:
    """Labels and positions of the columns to unpivot; empty where the file has none."""
    unpivot = request.format.unpivot
    if unpivot is None:
        return {}
    return {name: index for index, name in enumerate(header) if fnmatch.fnmatch(name, unpivot.columns)}


def plain(name: str) -> str:
    """A heading without case, blanks and punctuation: 'Risk ID ' and 'risk_id' are the same column."""
    return re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")


def find(reading: Reading, rows: Sequence[Sequence[str]]) -> tuple[int, dict[str, int | None]]:
    """Index of the header row, and where each contract column stands in it (None: not in this file, and that is
    allowed). Raises SourceError naming every missing column with the nearest heading."""
    request, contract, place = reading.request, reading.contract, reading.place
    if contract.is_open:
        return _every(rows)
    wanted = _wanted(request, contract)
    best, best_hits = 0, -1
    for index, row in enumerate(rows):
        headings = {plain(cell) for cell in row}
        hits = sum(any(plain(name) in headings for name in names) for names in wanted.values())
        if hits > best_hits:
            best, best_hits = index, hits
        if hits == len(wanted):
            break
    heading = list(rows[best]) if rows else []
    if best_hits <= 0:
        raise SourceError(
            f"{place}: no row among the first {len(rows)} has the headings of {contract.name}. The first row is: "
            f"{listed(heading[:8])}. Nothing landed. Check the file, or `columns` in the source's YAML."
        )
    positions = {plain(cell): index for index, cell in reversed(list(enumerate(heading)))}
    fields: dict[str, int | None] = {}
    missing = []
    parts = melted(request, heading)
    for name, names in wanted.items():
        fields[name] = next((positions[plain(each)] for each in names if plain(each) in positions), None)
        unpivot = request.format.unpivot
        filled = bool(parts) and unpivot is not None and name in (unpivot.name, unpivot.value)
        if fields[name] is None and name not in request.absent and not filled:
            missing.append(f"'{names[0]}' for {contract.name}.{name}.{nearest(names[0], heading)}")
    if missing:
        raise SourceError(
            f"{place}: missing columns: {'; '.join(missing)} The header row {best + 1} has: {listed(heading)}. Nothing "
            f"landed. Mend `columns` or `format.header.aliases` of datasets.{contract.dataset} in the source's YAML."
        )
    known = {index for index in fields.values() if index is not None} | set(parts.values())
    added = [cell for index, cell in enumerate(heading) if index not in known and cell.strip()]
    if added:
        reading.notes.append(f"{reading.name}: columns that the contract does not have: {', '.join(added)}")
    return best, fields


def _every(rows: Sequence[Sequence[str]]) -> tuple[int, dict[str, int | None]]:
    """For an open contract: the first of the fullest rows is taken for the header, and every cell of it for a column."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    at = filled.index(max(filled))
    fields: dict[str, int | None] = {}
    for index, cell in enumerate(rows[at]):
        if cell.strip():
            fields.setdefault(cell.strip(), index)
    return at, fields


def _wanted(request: FileRequest, contract: Contract) -> dict[str, list[str]]:
    """The headings under which each contract column may stand, the expected one first."""
    wanted = {}
    for column in contract.columns:
        mapped = request.columns.get(column.name)
        if mapped is not None and (mapped.constant is not None or mapped.field == FILE):
            continue
        own = [mapped.field] if mapped is not None and mapped.field else [column.name]
        wanted[column.name] = own + request.format.header.aliases.get(column.name, [])
    return wanted
