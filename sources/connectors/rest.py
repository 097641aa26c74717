"""JSON over HTTP: any API that gives lists of records, page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors.http import Client, HttpConnection
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest
from sources.periods import Quarter

Connection = HttpConnection
_PAGINGS = ("none", "cursor")


class Paging(pydantic.BaseModel):
    """How the next page is found. `cursor`: the answer's field `next` goes into the parameter `parameter`."""

    model_config = pydantic.ConfigDict(extra="forbid")
    kind: str = "none"
    next: str = "next_cursor"
    parameter: str = "cursor"

    @pydantic.field_validator("kind")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in _PAGINGS:
            hint = nearest(value, _PAGINGS)
            raise ValueError(f"'{value}' is not a kind of paging.{hint} Kinds: {', '.join(_PAGINGS)}.")
        return value


class Call(pydantic.BaseModel):
    """`{period.start}` (inclusive) and `{period.end}` (exclusive) in a parameter stand for the quarter's bounds."""

    model_config = pydantic.ConfigDict(extra="forbid")
    method: Literal["get"] = "get"
    path: str
    params: dict[str, Any] = {}


class Request(x.Request):
    """`records` is the path of the list in the answer, by dots; empty when the answer is the list."""

    request: Call
    records: str = ""
    paging: Paging = Paging()


def extract(
    connection: HttpConnection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract a quarter where a parameter names the period, else one for all. Raises SourceError while reading."""
    by_period = any("{period." in str(value) for value in request.request.params.values())
    address = f"{connection.base_url}{request.request.path}"
    slots: list[Quarter | None] = [*quarters] if by_period else [None]
    for quarter in slots:
        shown = {key: _filled(value, quarter) for key, value in request.request.params.items()}
        query = "&".join(
            f"{key}={value}" for key, value in shown.items() if "{period." in str(request.request.params[key])
        )
        origin = f"{address}?{query}" if query else address
        yield x.Extract(quarter, _batches(connection, request, contract, quarter, origin), origin, request.format)


def reach(connection: HttpConnection, request: Request) -> None:
    """Raise SourceError when the API does not answer the first page of the oldest imaginable quarter."""
    with Client(connection) as client:
        client.json(request.request.path, _params(request, Quarter(1970, 1)))


def _batches(
    connection: HttpConnection, request: Request, contract: Contract, quarter: Quarter | None, origin: str
) -> Iterator[pa.RecordBatch]:
    with Client(connection) as client:
        yield from x.record_batches(contract, request, _pages(client, request, quarter), lambda: origin)


def _pages(client: Client, request: Request, quarter: Quarter | None) -> Iterator[list[dict[str, Any]]]:
    params = _params(request, quarter)
    seen: set[str] = set()
    while True:
        body = client.json(request.request.path, params)
        yield _records(body, request)
        if request.paging.kind == "none":
            return
        if not isinstance(body, dict):
            raise SourceError(
                f"{request.request.path}: the answer is a plain list, so it holds no '{request.paging.next}' to page "
                "by. Mend `paging` in the source's YAML."
            )
        cursor = body.get(request.paging.next)
        if not cursor:
            return
        if str(cursor) in seen:
            raise SourceError(f"{request.request.path}: paging does not advance: cursor '{cursor}' came twice.")
        seen.add(str(cursor))
        params = {**params, request.paging.parameter: cursor}


def _records(body: Any, request: Request) -> list[dict[str, Any]]:
    found = body
    for part in filter(None, request.records.split(".")):
        if not isinstance(found, dict) or part not in found:
            raise SourceError(
                f"{request.request.path}: the answer has no '{request.records}'. It has: "
                f"{listed(found if isinstance(found, dict) else [])}. Mend `records` in the source's YAML."
            )
        found = found[part]
    if not isinstance(found, list):
        raise SourceError(f"{request.request.path}: '{request.records or 'the answer'}' is not a list of records.")
    return found


def _params(request: Request, quarter: Quarter | None) -> dict[str, Any]:
    return {key: _filled(value, quarter) for key, value in request.request.params.items()}


def _filled(value: Any, quarter: Quarter | None) -> Any:
    if quarter is None or not isinstance(value, str):
        return value
    return value.replace("{period.start}", quarter.start.isoformat()).replace(
        "{period.end}", quarter.next.start.isoformat()
    )
