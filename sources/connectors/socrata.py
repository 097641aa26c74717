"""Socrata portals (SODA 2): a dataset's rows in a fixed order, page by page, and counted at the end.

An answer is a bare list without a total, every value text and nulls left out. Asking is `rest`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors import placeholders, rest
from sources.connectors.http import Client, HttpConnection
from sources.connectors.paging import Offset
from sources.contract import Contract
from sources.errors import SourceError
from sources.periods import Quarter

Connection = HttpConnection


class Request(x.Request):
    """`dataset` is the portal's id (`6zsd-86xi`); `where` a filter in SoQL, in which `{period.start}` and the other
    placeholders of `rest` stand for the quarter; `select` what is given for each row. `size` rows come at a time."""

    dataset: str = pydantic.Field(pattern=r"^[\w-]+$")
    where: str | None = None
    select: str | None = None
    size: pydantic.PositiveInt = 10_000

    @pydantic.field_validator("where")
    @classmethod
    def _filled(cls, value: str | None) -> str | None:
        placeholders.check(value, others=True)
        return value


def extract(
    connection: HttpConnection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract a quarter where the filter names the period, else one for all. Raises SourceError while reading."""
    asked = _asked(request)
    for made in rest.extract(connection, asked, contract, quarters, since):
        calls = rest.calls_for(asked.request, made.quarter, made.since)
        made.batches = _counted(connection, calls, made, made.batches)
        yield made


def reach(connection: HttpConnection, request: Request) -> None:
    """Raise SourceError when the portal does not know the dataset, or refuses the filter."""
    rest.reach(connection, _asked(request.model_copy(update={"size": 1})))


def _asked(request: Request) -> rest.Request:
    """The dataset as `rest` asks for it."""
    filters = {"$where": request.where, "$select": request.select}
    return rest.Request(
        request=rest.Call(
            path=f"/resource/{request.dataset}.json",
            # Without an order rows may stand on two pages, or on none.
            params={"$order": ":id", **{key: value for key, value in filters.items() if value}},
        ),
        paging=Offset(kind="offset", parameter="$offset", size_parameter="$limit", size=request.size),
        columns=request.columns,
        format=request.format,
        absent=request.absent,
    )


def _counted(
    connection: HttpConnection, calls: list[rest.Call], made: x.Extract, batches: Iterable[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """The rows, and an error where the portal has others than came: pages end at a short one, whatever its reason."""
    came = 0
    for batch in batches:
        came += batch.num_rows
        yield batch
    if made.version.is_unchanged:
        return
    with Client(connection) as client:
        counts = [
            client.json(call.path, {**call.params, "$order": None, "$select": "count(*) as rows"}) for call in calls
        ]
    try:
        counted = sum(int(body[0]["rows"]) for body in counts)
    except (LookupError, TypeError, ValueError):
        raise SourceError(f"{made.origin}: does not count its rows. Is this a Socrata portal (SODA 2)?") from None
    if counted != came:
        raise SourceError(f"{made.origin}: gave {came:,} of {counted:,} rows. Nothing landed; run again.")
