"""Opendatasoft Explore v2.1: open-data portals. Reads through the export, because paging ends at 10,000 records.

An export can fail half-way inside an answer with status 200, so its rows are counted against `total_count`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from sources import extract as x
from sources.connectors.http import Client, HttpConnection
from sources.connectors.portals import Record, in_pages, platform
from sources.contract import Contract
from sources.errors import SourceError
from sources.periods import Quarter

Connection = HttpConnection
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
    notes: list[str] = []
    yield x.Extract(None, _batches(connection, request, contract, origin, notes), origin, request.format, notes)


def reach(connection: HttpConnection, request: Request) -> None:
    """Raise SourceError when the portal does not know the dataset."""
    with Client(connection, _error_in) as client, platform(f"{connection.base_url}{_path(request)}"):
        _total(client, request)


def _path(request: Request) -> str:
    return f"/api/explore/v2.1/catalog/datasets/{request.dataset}"


def _filter(request: Request) -> dict[str, Any]:
    return {"where": request.where} if request.where else {}


def _total(client: Client, request: Request) -> int:
    body = client.json(f"{_path(request)}/records", {"limit": 1, **_filter(request)})
    if isinstance(body, dict) and "total_count" in body:
        return int(body["total_count"])
    older = next((version for key, version in _OLDER.items() if isinstance(body, dict) and key in body), None)
    raise SourceError(
        f"{_path(request)}/records: "
        + (f"answers as Explore {older} does" if older else "the answer has no total_count")
        + "; this connector reads v2.1. Check connection.base_url, or ask the portal's owner."
    )


_OLDER = {"nhits": "v1.0", "records": "v2.0"}  # a key that only their envelopes have


def _batches(
    connection: HttpConnection, request: Request, contract: Contract, origin: str, notes: list[str]
) -> Iterator[pa.RecordBatch]:
    with Client(connection, _error_in) as client, platform(origin):
        total = _total(client, request)
        with contextlib.closing(
            client.spooled(f"{_path(request)}/exports/jsonl", {"limit": -1, **_filter(request)})
        ) as lines:
            pages = in_pages(_records(lines, total, origin))
            yield from x.record_batches(contract, request, pages, lambda: origin, notes)


def _records(lines: Iterable[bytes], total: int, origin: str) -> Iterator[Record]:
    number = 0
    for line in lines:
        if not line.strip():
            continue
        number += 1
        try:
            record = json.loads(line, parse_float=Decimal)
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict) or _ERROR_CODES & record.keys():
            raise SourceError(
                f"{origin}: the export broke off at record {number:,} of {total:,}: {line[:120]!r}. Try again later."
            )
        yield record
    if number != total:
        raise SourceError(f"{origin}: the export gave {number:,} of {total:,} records. Nothing landed; try again.")


def _error_in(body: Any) -> str | None:
    """Refusals; a spent quota has a shape of its own."""
    if not isinstance(body, dict) or not _ERROR_CODES & body.keys():
        return None
    if "call_limit" in body:
        return (
            f"{body.get('error')} {body['call_limit']} calls a {body.get('limit_time_unit', 'while')} are allowed, the "
            f"next from {body.get('reset_time')}; a key (connection.auth) may allow more"
        )
    return f"{body.get('message') or body.get('error')} ({body.get('error_code') or body.get('errorcode')})"
