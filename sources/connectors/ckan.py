"""CKAN portals: a resource of the datastore, page by page, counted against the total that the portal states.

A portal gives as many records at a time as it likes, whatever is asked for, and says nothing about it. Resources that
are only files are for the connector `files`. DKAN speaks the same language under another path.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors.http import Client, HttpConnection
from sources.connectors.portals import Record, platform, to_total
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest
from sources.periods import Quarter

Connection = HttpConnection
_MOST = 32_000  # CKAN's own maximum; a portal may have a lower one


class Request(x.Request):
    """`resource` is the id of a resource, or, with `package`, its name there: ids change when a file is replaced.

    `filters` are field → value, or a list of values. `action` and `sort` are for portals that are no CKAN but like it.
    """

    resource: str
    package: str | None = None
    filters: dict[str, Any] = pydantic.Field(default_factory=dict)
    action: str = "/api/3/action/datastore_search"
    sort: str = "_id"


def extract(
    connection: HttpConnection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract with every record that passes the filters. Raises SourceError while reading."""
    place = f"{request.package}/{request.resource}" if request.package else request.resource
    origin = f"{connection.base_url}{request.action}: {place}"
    notes: list[str] = []
    yield x.Extract(None, _batches(connection, request, contract, origin, notes), origin, request.format, notes)


def reach(connection: HttpConnection, request: Request) -> None:
    """Raise SourceError when the portal does not know the resource, or holds no table of it."""
    with Client(connection, _error_in) as client, platform(f"{connection.base_url}{request.action}"):
        _search(client, request, _resource(client, request), 0, limit=1)


def _batches(
    connection: HttpConnection, request: Request, contract: Contract, origin: str, notes: list[str]
) -> Iterator[pa.RecordBatch]:
    with Client(connection, _error_in) as client, platform(origin):
        resource = _resource(client, request)
        pages = to_total(lambda offset: _search(client, request, resource, offset), origin)
        yield from x.record_batches(contract, request, pages, lambda: origin, notes)


def _resource(client: Client, request: Request) -> str:
    """The id of the resource, looked up by its name where a package is given."""
    if request.package is None:
        return request.resource
    found = client.json("/api/3/action/package_show", {"id": request.package})
    resources = _result(found, request).get("resources") or []
    named = [each for each in resources if request.resource in (each.get("id"), each.get("name"))]
    names = [str(each.get("name")) for each in resources]
    if len(named) != 1:
        raise SourceError(
            f"package '{request.package}': {len(named)} of its resources are called '{request.resource}'."
            f"{nearest(request.resource, names)} It has: {listed(names)}. Mend `resource` in the source's YAML"
            f"{', with the id of one of them' if named else ''}."
        )
    if named[0].get("datastore_active") is False:
        raise SourceError(
            f"package '{request.package}': '{request.resource}' is a file ({named[0].get('format') or 'of some kind'}) "
            f"and no table of the datastore. Read it with the connector 'files' from {named[0].get('url')}."
        )
    return str(named[0]["id"])


def _search(
    client: Client, request: Request, resource: str, offset: int, limit: int = _MOST
) -> tuple[list[Record], int]:
    asked = {"resource_id": resource, "offset": offset, "limit": limit, "sort": request.sort}
    if request.filters:
        asked["filters"] = json.dumps(request.filters)
    result = _result(client.json(request.action, asked), request)
    if not isinstance(result.get("records"), list) or "total" not in result:
        raise SourceError(
            f"{request.action}: the answer has no records with their total. It has: {listed(result)}. Is this CKAN's "
            "datastore? Mend `action` in the source's YAML."
        )
    return result["records"], int(result["total"])


def _result(body: Any, request: Request) -> Record:
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(result, dict):
        raise SourceError(
            f"{request.action}: the answer has no 'result'. Is this a CKAN portal? Check connection.base_url."
        )
    return result


def _error_in(body: Any) -> str | None:
    """CKAN's failures; they come with a status of their own, or with 200."""
    if not isinstance(body, dict) or body.get("success") is not False:
        return None
    error = body.get("error")
    if not isinstance(error, dict):
        return str(error or "no reason given")
    further = {key: value for key, value in error.items() if key not in ("message", "__type")}
    told = [error.get("message"), *(f"{key}: {_plain(value)}" for key, value in further.items())]
    return "; ".join(str(part) for part in told if part) or str(error.get("__type"))


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
