"""What the connectors of open-data platforms share: pages counted against the total, and CSV as records.

How a platform is asked, and how it says that something is wrong, is each connector's own.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any

from sources import extract as x
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest

Record = dict[str, Any]


def fields(contract: Contract, request: x.Request) -> dict[str, str]:
    """Contract column → the source's field, without those that come from no field. Empty for an open contract."""
    found = {}
    for column in contract.columns:
        origin = request.columns.get(column.name)
        if column.name not in request.absent and not (origin and origin.constant is not None):
            found[column.name] = (origin.field if origin else None) or column.name
    return found


def check_fields(contract: Contract, request: x.Request, offered: Iterable[str], where: str) -> None:
    """Raise SourceError when a field that the contract requires is not among those that the source offers."""
    offered = list(offered)
    for column, field in fields(contract, request).items():
        if field not in offered and contract.column(column).required:
            raise SourceError(
                f"{where}: there is no field '{field}' for {contract.name}.{column}.{nearest(field, offered)} There "
                f"are: {listed(offered)}. Nothing landed. Mend `columns.{column}` in the source's YAML."
            )


def to_total(fetch: Callable[[int], tuple[list[Record], int]], where: str) -> Iterator[list[Record]]:
    """Pages of records until as many have come as the server says that there are.

    `fetch(offset)` gives the records from `offset` on, as many as the server cares to give, and the total. Raises
    SourceError when a page is empty too early, comes a second time, or the total changes on the way.
    """
    came, total, former = 0, None, None
    while total is None or came < total:
        records, stated = fetch(came)
        if total is not None and stated != total:
            raise SourceError(
                f"{where}: had {total:,} records and has {stated:,} now: it is being published anew. Nothing landed; "
                "try again."
            )
        total = stated
        if records and records == former:
            raise SourceError(f"{where}: paging does not advance: the page at {came:,} came twice. Nothing landed.")
        came += len(records)
        if came > total or (came < total and not records):
            raise SourceError(f"{where}: gave {came:,} of {total:,} records. Nothing landed; try again.")
        yield records
        former = records


@contextlib.contextmanager
def platform(where: str) -> Iterator[None]:
    """An answer without the parts that the platform's answers have becomes a SourceError, wherever it is noticed."""
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(
            f"{where}: the answer is not shaped as this platform's answers are ({type(error).__name__}: {error}). "
            "Nothing landed. Check connection.base_url; if it is right, the platform has changed."
        ) from error


def csv_rows(file: IO[bytes], where: str) -> Iterator[list[str]]:
    """Rows of a CSV answer in UTF-8, blank lines left out. Raises SourceError where it is no such thing."""
    try:
        yield from filter(None, csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{where}: the answer cannot be read as CSV: {error}. Nothing landed; try again.") from None


def csv_records(file: IO[bytes], where: str) -> Iterator[Record]:
    """Records of a CSV answer by its header. Raises SourceError for a torn one: an answer was cut short."""
    rows = csv_rows(file, where)
    header = next(rows, [])
    for row in rows:
        if len(row) != len(header):
            raise SourceError(
                f"{where}: a record has {len(row)} cells where the header has {len(header)}: {','.join(row)[:80]!r}. "
                "Nothing landed; try again."
            )
        yield dict(zip(header, row, strict=True))


def in_pages(records: Iterable[Record], size: int = 10_000) -> Iterator[list[Record]]:
    """The records in lists of `size`, so that no more than that is held at once."""
    rest = iter(records)
    while page := list(itertools.islice(rest, size)):
        yield page
