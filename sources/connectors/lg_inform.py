"""LG Inform Plus, the Local Government Association's data service: measures of councils and their neighbours.

The service needs a subscription, and no answer of it was at hand: its shape here is an assumption, taken from how
others read it. One measure a call comes as a wide table, an area a row and a period a column; its header may come
again, which is no data. What the signature signs (the whole address before it) is assumed, too.
"""

from __future__ import annotations

import hmac
import io
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors.http import ApiKey, Client, HttpConnection
from sources.connectors.portals import Record, csv_rows, in_pages
from sources.contract import Contract
from sources.errors import SourceError
from sources.periods import Quarter

_PATH = "/data.csv"
_CODE = re.compile(r"[A-Z]\d{8}")


class Connection(HttpConnection):
    """The key is an `api_key` in the query, called ApplicationKey; with a `secret` every call is signed."""

    secret: pydantic.SecretStr | None = None

    @pydantic.model_validator(mode="after")
    def _both(self) -> Connection:
        if self.secret is not None and not (isinstance(self.auth, ApiKey) and self.auth.place == "query"):
            raise ValueError("secret: signs calls that carry a key: give auth {kind: api_key, name: …, in: query, …}.")
        return self


class Request(x.Request):
    """`metric_types` are numbers of measures, `areas` codes or the service's own groups; `params` go along as they are.

    Fields are `area`, `area label`, `area long label`, `period`, `period label`, `metric type` and `value`.
    """

    metric_types: list[int]
    areas: list[str]
    period: str = "latest:8"
    params: dict[str, str] = pydantic.Field(default_factory=dict)


def extract(
    connection: Connection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract with every value of every measure. Raises SourceError while reading."""
    origin = f"{connection.base_url}{_PATH}"
    notes: list[str] = []
    yield x.Extract(None, _batches(connection, request, contract, origin, notes), origin, request.format, notes)


def reach(connection: Connection, request: Request) -> None:
    """Raise SourceError when the service does not take the key, or does not know a measure or the areas."""
    with Client(connection) as client:
        for metric in request.metric_types:
            next(_values(client, connection, request, metric, f"{connection.base_url}{_PATH}", []), None)


def _batches(
    connection: Connection, request: Request, contract: Contract, origin: str, notes: list[str]
) -> Iterator[pa.RecordBatch]:
    with Client(connection) as client:
        values = (
            value
            for metric in request.metric_types
            for value in _values(client, connection, request, metric, origin, notes)
        )
        yield from x.record_batches(contract, request, in_pages(values), lambda: origin, notes)


def _values(
    client: Client, connection: Connection, request: Request, metric: int, origin: str, notes: list[str]
) -> Iterator[Record]:
    """One record for each area and period of a measure."""
    place = f"{origin} (metric type {metric})"
    content = client.content(_PATH, _signed(connection, _params(request, metric)))
    rows = csv_rows(io.BytesIO(content), place)
    header = [cell.strip() for cell in next(rows, [])]
    if "area" not in header or len(header) == sum(_is_area(name) for name in header):
        raise SourceError(
            f"{place}: the answer is no table of areas by periods. It begins: "
            f"{content[:80].decode('utf-8', 'replace')!r}. Check `metric_types`, `areas` and `period` in the source's "
            "YAML, and whether the subscription covers them."
        )
    labels, areas, is_first = header, set(), True
    for row in rows:
        cells = [cell.strip() for cell in row]
        if len(cells) != len(header):
            raise SourceError(
                f"{place}: a record has {len(cells)} cells where the header has {len(header)}. Nothing landed; try "
                "again."
            )
        if cells[header.index("area")] == "area":  # the header again: at once with labels, later for other periods
            labels, header = cells, header if is_first else cells
            continue
        is_first = False
        named = {name: cell for name, cell in zip(header, cells, strict=True) if _is_area(name)}
        areas.add(named["area"])
        for period, label, value in zip(header, labels, cells, strict=True):
            if not _is_area(period):
                yield {**named, "metric type": metric, "period": period, "period label": label, "value": value}
    if lacking := [area for area in request.areas if _CODE.fullmatch(area) and area not in areas]:
        notes.append(f"metric type {metric} has nothing of {', '.join(lacking)}")


def _is_area(name: str) -> bool:
    return name == "area" or name.startswith("area ")


def _params(request: Request, metric: int) -> dict[str, Any]:
    return {
        "metricType": metric,
        "area": ",".join(request.areas),
        "period": request.period,
        "rowGrouping": "area",
        "columnGrouping": "period",
        **request.params,
    }


def _signed(connection: Connection, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters, with the key and a signature where there is a secret."""
    if connection.secret is None or not isinstance(connection.auth, ApiKey):
        return params
    params = {**params, connection.auth.name: connection.auth.value.get_secret_value()}
    address = f"{connection.base_url}{_PATH}?{urlencode(params)}"
    digest = hmac.digest(connection.secret.get_secret_value().encode(), address.encode(), "sha1")
    return {**params, "Signature": b64encode(digest).decode()}
