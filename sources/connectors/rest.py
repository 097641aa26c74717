"""JSON over HTTP: any API that gives lists of records, page by page. How pages are found stands in `paging`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from typing import Any, Literal
from urllib.parse import urlencode

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors import placeholders
from sources.connectors.http import Answer, Client, HttpConnection
from sources.connectors.paging import NoPaging, Paging, Records, at_path, pages
from sources.contract import Contract
from sources.errors import SourceError
from sources.periods import Quarter

Connection = HttpConnection
_EXAMPLE = Quarter(1970, 1)  # a quarter to ask for where only the answer's being there matters


class Call(pydantic.BaseModel):
    """What is asked. In `path`, `params` and `body`, at any depth, stand for the quarter: `{period.start}` (inclusive),
    `{period.end}` (exclusive), `{period.last_day}`, each also as `{period.start:%d/%m/%Y}`; `{quarter}` and
    `{financial_year}`; and `{period:%Y-%m}` each of its months, one call a month."""

    model_config = pydantic.ConfigDict(extra="forbid")
    method: Literal["get", "post"] = "get"
    path: str
    params: dict[str, Any] = {}
    body: Any = None
    headers: dict[str, str] = {}

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Call:
        if self.body is not None and self.method == "get":
            raise ValueError("a body needs `method: post`.")
        placeholders.check(self.asked, others=True)
        return self

    @property
    def asked(self) -> dict[str, Any]:
        """What the period may go into, by key."""
        return {"path": self.path, "params": self.params, "body": self.body}


class Request(x.Request):
    """`records` is the path of the list in the answer, by dots; empty when the answer is the list."""

    request: Call
    records: str = ""
    paging: Paging = NoPaging()


def extract(
    connection: HttpConnection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract a quarter where the call names the period, else one for all. Raises SourceError while reading."""
    call = request.request
    by_period = any(placeholders.found(call.asked))
    slots: list[Quarter | None] = [*quarters] if by_period else [None]
    for quarter in slots:
        mark = since.get(quarter) if quarter else None
        calls = calls_for(call, quarter, mark)
        address = f"{connection.base_url}{calls[0].path}"
        told = {key: value for key, value in calls[0].params.items() if any(placeholders.found(call.params[key]))}
        origin = f"{address}?{urlencode(told, safe=':/')}" if told else address
        made = x.Extract(quarter, (), origin, request.format, since=mark)
        made.batches = _batches(connection, request, contract, calls, made)
        yield made


def reach(connection: HttpConnection, request: Request) -> None:
    """Raise SourceError when the API does not answer the first page of the oldest imaginable quarter."""
    with Client(connection) as client:
        _ask(client, calls_for(request.request, _EXAMPLE, None)[0], request.paging.start())


def _batches(
    connection: HttpConnection, request: Request, contract: Contract, calls: list[Call], made: x.Extract
) -> Iterator[pa.RecordBatch]:
    with Client(connection) as client:
        records = (
            page
            for call in calls
            for page in _pages(client, request, call, f"{connection.base_url}{call.path}", made.notes)
        )
        batches = x.record_batches(contract, request, records, lambda: made.origin, made.notes)
        yield from client.unless_unchanged(made.version, x.reading(contract, request, calls), batches)


def _pages(client: Client, request: Request, call: Call, where: str, notes: list[str]) -> Iterator[Records]:
    def records(body: Any) -> Records:
        found = at_path(body, request.records, where, "records")
        if not isinstance(found, list):
            raise SourceError(f"{where}: '{request.records or 'the answer'}' is not a list of records.")
        return found

    yield from pages(request.paging, lambda further: _ask(client, call, further), records, where, notes)


def _ask(client: Client, call: Call, further: str | dict[str, Any]) -> tuple[Answer, Any]:
    """A page: by its address, or by parameters added to the call's own, in the body where it has one."""
    path, params, body = call.path, call.params, call.body
    if isinstance(further, str):
        path, params = further, {}
    elif isinstance(body, dict):
        body = {**body, **further}
    else:
        params = {**params, **further}
    method: Literal["GET", "POST"] = "POST" if call.method == "post" else "GET"
    answer = client.get(path, params, method=method, json_body=body, headers=call.headers)
    return answer, client.parsed(answer)


def calls_for(call: Call, quarter: Quarter | None, since: datetime | None) -> list[Call]:
    """The calls that make up one extract: one, or one a month where a month is named."""
    if quarter is None:
        return [call]
    start: date = max(since, datetime.combine(quarter.start, time())) if since else quarter.start
    months: list[date] = [month for month in quarter.months if (month.year, month.month) >= (start.year, start.month)]
    return [
        call.model_copy(update=placeholders.filled(call.asked, quarter, month, start))
        for month in (months if placeholders.is_monthly(call.asked) else [start])
    ]
