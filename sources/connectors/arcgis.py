"""ArcGIS FeatureServer and MapServer layers: attributes of every feature, whatever the server does to its pages.

Pages follow `exceededTransferLimit`, never the number of rows. The features are then counted against what the server
says that it has, and what is missing is asked for by object id: some servers cut pages short without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors.http import Client, HttpConnection
from sources.connectors.portals import Record, check_fields, fields, platform
from sources.contract import Contract
from sources.errors import SourceError, listed
from sources.periods import Quarter

Connection = HttpConnection
_OBJECT_ID = "esriFieldTypeOID"
_LARGEST_PAGE = 10_000
_IDS_AT_ONCE = 100  # as many as fit an address
_PAGES_WITHOUT_NEWS = 3  # then the server is not paging
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONDON = ZoneInfo("Europe/London")
_REMEDIES = {
    400: "Check `where`, `layer` and `columns` in the source's YAML",
    403: "The credentials lack the right to read this layer",
    404: "Check `layer` in the source's YAML",
    498: "The token is not valid or has expired: put a new one into the variable of connection.auth",
    499: 'The layer wants a token: add connection.auth {kind: api_key, name: token, in: query, value: "${…}"}',
}


class Request(x.Request):
    """`layer` is the path below base_url, ending in FeatureServer or MapServer and a number; `where` an SQL filter.

    `geometry.x` and `geometry.y` as fields are a point's longitude and latitude.
    """

    layer: str
    where: str = "1=1"
    answer: Literal["json", "geojson"] = "json"

    @pydantic.field_validator("layer")
    @classmethod
    def _numbered(cls, value: str) -> str:
        service, _, number = value.strip("/").rpartition("/")
        if not number.isdigit() or not service.endswith(("FeatureServer", "MapServer")):
            raise ValueError(f"'{value}' is no layer. Write <service>/FeatureServer/<number>.")
        return value.strip("/")


def extract(
    connection: HttpConnection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract with every feature that passes the filter. Raises SourceError while reading."""
    origin = f"{connection.base_url}/{request.layer}"
    notes: list[str] = []
    yield x.Extract(None, _batches(connection, request, contract, origin, notes), origin, request.format, notes)


def reach(connection: HttpConnection, request: Request) -> None:
    """Raise SourceError when the layer is not there, or the filter or the credentials are refused."""
    with Client(connection, _error_in) as client, platform(f"{connection.base_url}/{request.layer}"):
        _layer(client, request)
        _query(client, request, returnCountOnly="true", f="json")


@dataclass(frozen=True)
class _Layer:
    """What a layer says of itself. `object_id` is None where it has no such field, `page` 0 where it cannot page."""

    fields: Mapping[str, str]
    object_id: str | None
    page: int


def _batches(
    connection: HttpConnection, request: Request, contract: Contract, origin: str, notes: list[str]
) -> Iterator[pa.RecordBatch]:
    with Client(connection, _error_in) as client, platform(origin):
        layer = _layer(client, request)
        wanted = _wanted(contract, request, layer, origin)
        pages = (
            [_record(feature, layer) for feature in page] for page in _features(client, request, layer, wanted, origin)
        )
        yield from x.record_batches(contract, request, pages, lambda: origin, notes)


def _layer(client: Client, request: Request) -> _Layer:
    told = client.json(f"/{request.layer}", {"f": "json"})
    if not isinstance(told, dict) or not told.get("fields"):
        kind = told.get("type") if isinstance(told, dict) else None
        raise SourceError(
            f"{request.layer}: is no layer with fields{f' but a {kind}' if kind else ''}. Open base_url in a browser "
            "and put the number of a layer into `layer`."
        )
    types = {field["name"]: field["type"] for field in told["fields"]}
    object_id = told.get("objectIdField") or next((name for name, kind in types.items() if kind == _OBJECT_ID), None)
    pages = (told.get("advancedQueryCapabilities") or {}).get("supportsPagination") or told.get("supportsPagination")
    # Without an object id pages have no order, and two may hold the same feature.
    size = min(int(told.get("maxRecordCount") or 1000), _LARGEST_PAGE) if pages and object_id else 0
    return _Layer(types, object_id, size)


def _wanted(contract: Contract, request: Request, layer: _Layer, origin: str) -> dict[str, str]:
    """Parameters that ask for the columns of the contract and no more: a layer may hold names and addresses."""
    mapped = fields(contract, request)
    points = [field for field in mapped.values() if field.startswith("geometry.")]
    check_fields(contract, request, [*layer.fields, *points], origin)
    there = [field for field in dict.fromkeys(mapped.values()) if field in layer.fields]
    if layer.object_id and layer.object_id not in there:
        there.append(layer.object_id)
    return {
        "outFields": ",".join(there) if mapped else "*",
        "returnGeometry": "true" if points else "false",
        **({"outSR": "4326"} if points else {}),
    }


def _features(
    client: Client, request: Request, layer: _Layer, wanted: Mapping[str, str], origin: str
) -> Iterator[list[Record]]:
    """Every feature once, page by page; SourceError when that cannot be had or cannot be known."""
    count = _query(client, request, returnCountOnly="true", f="json").get("count")  # some servers do not know the word
    seen: set[int] = set()
    came, longest, offset, without_news = 0, 0, 0, 0
    while without_news < _PAGES_WITHOUT_NEWS:
        body = _query(client, request, **wanted, **_page(layer, offset))
        features = _listed(body, origin)
        fresh = _fresh(features, layer, seen, origin)
        yield fresh
        came, longest = came + len(fresh), max(longest, len(features))
        if not _exceeded(body) or not layer.page:
            break
        # A page may be short because the server caps it, or empty because it filters late: go on by what has come,
        # else by what was asked for. What then comes twice is left out by its object id.
        offset += len(fresh) or layer.page
        without_news = 0 if fresh else without_news + 1
    if came == count:
        return
    ids = _ids(client, request) if layer.object_id else None
    if ids is None:
        raise SourceError(
            f"{origin}: gave {came:,} features of {'an unknown number' if count is None else f'{count:,}'}, and its "
            "object ids are not to be had to ask for the rest. Nothing landed. Narrow `where` in the source's YAML, or "
            "ask the layer's owner for a file."
        )
    missing = [each for each in ids if each not in seen]
    size = min(longest or _IDS_AT_ONCE, _IDS_AT_ONCE)
    for start in range(0, len(missing), size):
        chunk = ",".join(map(str, missing[start : start + size]))
        fresh = _fresh(_listed(_query(client, request, **wanted, objectIds=chunk), origin), layer, seen, origin)
        yield fresh
        came += len(fresh)
    if came != (len(ids) if count is None else count):
        raise SourceError(
            f"{origin}: gave {came:,} features of {len(ids) if count is None else count:,}; perhaps it changed "
            "meanwhile. Nothing landed; try again."
        )


def _page(layer: _Layer, offset: int) -> dict[str, Any]:
    if not layer.page:
        return {}
    return {"orderByFields": layer.object_id, "resultOffset": offset, "resultRecordCount": layer.page}


def _query(client: Client, request: Request, **parameters: Any) -> Record:
    asked = {"f": request.answer, "where": request.where} | parameters
    body = client.json(f"/{request.layer}/query", asked)
    return body if isinstance(body, dict) else {}


def _listed(body: Record, origin: str) -> list[Record]:
    features = body.get("features")
    if not isinstance(features, list):
        raise SourceError(f"{origin}: the answer holds no features. It has: {listed(body)}. Check `layer`.")
    return features


def _exceeded(body: Record) -> bool:
    return bool(body.get("exceededTransferLimit") or (body.get("properties") or {}).get("exceededTransferLimit"))


def _fresh(features: list[Record], layer: _Layer, seen: set[int], origin: str) -> list[Record]:
    """The features that have not come before; all of them where the layer has no object ids."""
    if layer.object_id is None:
        return features
    fresh = []
    for feature in features:
        told = _attributes(feature).get(layer.object_id, feature.get("id"))
        try:
            number = int(told)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise SourceError(
                f"{origin}: a feature has no object id ({layer.object_id}: {told!r}), so pages cannot be told apart. "
                "Nothing landed; ask the layer's owner for a file."
            ) from None
        if number not in seen:
            seen.add(number)
            fresh.append(feature)
    return fresh


def _ids(client: Client, request: Request) -> list[int] | None:
    """Every object id, or None where the server answers something else (a page of features, mostly)."""
    body = _query(client, request, returnIdsOnly="true", f="json")
    if "objectIds" not in body:
        return None
    return [int(each) for each in body["objectIds"] or []]  # null stands for none; some write 6.4E7


def _attributes(feature: Record) -> Record:
    return feature.get("attributes") or feature.get("properties") or {}


def _record(feature: Record, layer: _Layer) -> Record:
    record = {name: _value(value, layer.fields.get(name)) for name, value in _attributes(feature).items()}
    geometry = feature.get("geometry") or {}
    if geometry.get("type") == "Point":
        geometry = dict(zip(("x", "y"), geometry["coordinates"], strict=False))
    return record | {"geometry": geometry}


def _value(value: Any, kind: str | None) -> Any:
    if kind == "esriFieldTypeDate" and isinstance(value, (int, Decimal)):
        # Milliseconds since 1970 in UTC, but written down in Britain: midnight in July is 23:00 the day before.
        try:
            return (_EPOCH + timedelta(milliseconds=int(value))).astimezone(_LONDON).isoformat()
        except OverflowError:
            return value
    return value


def _error_in(body: Any) -> str | None:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return str(error) if error else None
    told = dict.fromkeys(
        str(part).rstrip(".") for part in [error.get("message"), *(error.get("details") or [])] if part
    )
    remedy = _REMEDIES.get(error.get("code", 0), "Ask the layer's owner")
    return f"{'. '.join(told) or 'no reason given'} (code {error.get('code')}). {remedy}"
