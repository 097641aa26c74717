"""Nomis, the ONS's labour market and population statistics: a query's CSV, page by page, counted against its total.

Without a key an answer ends at 25,000 rows, with status 200 and without a word; so the total, which every row repeats,
is always asked for. A query that Nomis does not understand is answered with nothing, with status 200, too.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors.http import Client, HttpConnection
from sources.connectors.portals import Record, check_fields, csv_records, fields, platform, to_total
from sources.contract import Contract
from sources.errors import SourceError
from sources.periods import Quarter

Connection = HttpConnection
_AREA, _AREA_CODE = "GEOGRAPHY", "GEOGRAPHY_CODE"


class Request(x.Request):
    """`dataset` is Nomis's id (`NM_2002_1`); `params` the dimensions, each a value or a list of values."""

    dataset: str
    params: dict[str, str | int | list[str | int]] = pydantic.Field(default_factory=dict)

    @pydantic.field_validator("params")
    @classmethod
    def _ours(cls, value: dict[str, Any]) -> dict[str, Any]:
        if taken := {"select", "recordoffset", "recordlimit", "uid"} & {name.lower() for name in value}:
            raise ValueError(
                f"'{min(taken)}' is set by the connector: columns follow from `columns`, a key (uid) stands in "
                "connection.auth."
            )
        return value


def extract(
    connection: HttpConnection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract with every row of the query. Raises SourceError while reading."""
    origin = f"{connection.base_url}{_path(request)}"
    notes: list[str] = []
    yield x.Extract(None, _batches(connection, request, contract, origin, notes), origin, request.format, notes)


def reach(connection: HttpConnection, request: Request) -> None:
    """Raise SourceError when Nomis does not know the dataset, or finds nothing for the query."""
    origin = f"{connection.base_url}{_path(request)}"
    with Client(connection) as client, platform(origin):
        _page(client, request, {"recordlimit": 1}, 0, origin)


def _path(request: Request) -> str:
    return f"/{request.dataset}.data.csv"


def _batches(
    connection: HttpConnection, request: Request, contract: Contract, origin: str, notes: list[str]
) -> Iterator[pa.RecordBatch]:
    ids: defaultdict[str, set[str]] = defaultdict(set)

    def fetch(offset: int) -> tuple[list[Record], int]:
        records, total = _page(client, request, wanted, offset, origin)
        for record in records:
            ids[record.get(_AREA_CODE, "")].add(record.get(_AREA, ""))
        return records, total

    with Client(connection) as client, platform(origin):
        (example, *_), _ = _page(client, request, {"recordlimit": 1}, 0, origin)
        wanted = _select(request, contract, list(example), origin)
        yield from x.record_batches(contract, request, to_total(fetch, origin), lambda: origin, notes)
    if twice := {code: areas for code, areas in ids.items() if len(areas) > 1}:
        code, areas = min(twice.items())
        notes.append(
            f"{len(twice):,} of {len(ids):,} area codes have more than one id ({code}: {', '.join(sorted(areas))}), so "
            f"their figures come more than once. Ask for one type of area in params.geography, or keep {_AREA} as a key"
        )


def _select(request: Request, contract: Contract, offered: list[str], origin: str) -> dict[str, str]:
    """The columns to ask for: those of the contract, and those that tell whether all has come and what comes twice."""
    if contract.is_open:
        return {}
    check_fields(contract, request, offered, origin)
    wanted = {*fields(contract, request).values(), _AREA, _AREA_CODE, "RECORD_OFFSET", "RECORD_COUNT"}
    return {"select": ",".join(name for name in offered if name in wanted)}


def _page(
    client: Client, request: Request, asked: Mapping[str, Any], offset: int, origin: str
) -> tuple[list[Record], int]:
    """The rows from `offset` on, and how many there are in all."""
    dimensions = {
        name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in request.params.items()
    }
    content = client.content(_path(request), {**dimensions, **asked, "recordoffset": offset})
    records = list(csv_records(io.BytesIO(content), origin))
    if not records and offset:
        raise SourceError(f"{origin}: gave {offset:,} rows and then none. Nothing landed; try again.")
    if not records:
        raise SourceError(
            f"{origin}: answered with no rows, as it does to a query that it does not understand. Check `dataset` and "
            "`params` in the source's YAML (Nomis has area ids of its own; names of dimensions differ by dataset)."
        )
    if not {"RECORD_OFFSET", "RECORD_COUNT"} <= records[0].keys():
        raise SourceError(
            f"{origin}: the answer does not say how many rows there are. It begins: "
            f"{content[:80].decode('utf-8', 'replace')!r}. Check `dataset` and `params` in the source's YAML."
        )
    if int(records[0]["RECORD_OFFSET"]) != offset:
        raise SourceError(
            f"{origin}: rows from {offset:,} on were asked for, and rows from {records[0]['RECORD_OFFSET']} on came. "
            "Nothing landed; try again."
        )
    return records, int(records[0]["RECORD_COUNT"])
