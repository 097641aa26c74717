"""Opendatasoft Explore v2.1: open-data portals. Reads through the export, because paging ends at 10,000 records.

An export can fail half-way inside an answer with status 200, so its rows are counted against `total_count`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
import pyarrow as pa

from sources import extract as x
from sources.connectors.http import Client, HttpConnection
from sources.contract import Contract
from sources.errors import SourceError
from sources.periods import Quarter

Connection = HttpConnection
_PAGE = 10_000
_ERROR_CODES = {"error_code", "errorcode"}  # what a failing export writes in a record's place


class Request(x.Request):
    """`dataset` is the portal's identifier; `where` an ODSQL filter."""

    dataset: str
    where: str | None = None


def extract(
    connection: HttpConnection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract with the whole dataset. Raises SourceError while reading."""
    origin = f"{connection.base_url}{_path(request)}/exports/jsonl"
    yield x.Extract(None, _batches(connection, request, contract, origin), origin, request.format)


def reach(connection: HttpConnection, request: Request) -> None:
    """Raise SourceError when the portal does not know the dataset."""
    with Client(connection) as client:
        _total(client, request)


def _path(request: Request) -> str:
    return f"/api/explore/v2.1/catalog/datasets/{request.dataset}"


def _filter(request: Request) -> dict[str, Any]:
    return {"where": request.where} if request.where else {}


def _total(client: Client, request: Request) -> int:
    body = client.json(f"{_path(request)}/records", {"limit": 1, **_filter(request)})
    if "total_count" not in body:
        raise SourceError(f"{_path(request)}/records: the answer has no total_count; is this Explore v2.1?")
    return int(body["total_count"])


def _batches(connection: HttpConnection, request: Request, contract: Contract, origin: str) -> Iterator[pa.RecordBatch]:
    with Client(connection) as client:
        total = _total(client, request)
        lines = client.get(f"{_path(request)}/exports/jsonl", {"limit": -1, **_filter(request)}).content.splitlines()
        records = []
        for number, line in enumerate(filter(None, lines), start=1):
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                record = None
            if not isinstance(record, dict) or _ERROR_CODES & record.keys():
                raise SourceError(
                    f"{origin}: the export broke off at record {number} of {total}: {line[:120]!r}. Try again later."
                )
            records.append(record)
        if len(records) != total:
            raise SourceError(
                f"{origin}: the export gave {len(records)} of {total} records. Nothing landed; try again."
            )
        pages = (records[start : start + _PAGE] for start in range(0, len(records), _PAGE))
        yield from x.record_batches(contract, request, pages, lambda: origin)
