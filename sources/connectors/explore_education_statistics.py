"""The Department for Education's Explore Education Statistics (public API, version 1): a data set's rows by query.

The API knows everything by short ids of its own; the YAML names labels, and the data set's description joins the two.
Values are texts, and may be symbols (`c`, `z`, `x`, `low`): `format.symbols` says what they mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors.http import Client, HttpConnection
from sources.connectors.portals import Record, check_fields, fields, platform, to_total
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest
from sources.periods import Quarter

Connection = HttpConnection
_LARGEST_PAGE = 10_000
_PLACES = ("timePeriod.period", "timePeriod.code", "timePeriod.label", "geographicLevel")
_OF_PLACES = ("code", "label", "id", "oldCode", "urn", "laEstab", "ukprn")


class Request(x.Request):
    """`data_set` is the API's id, `version` such as `2.0` or `2.*` (the newest where not given).

    `filters` are a filter's label → the label of an option, or a list of them. `criteria` go to the API as they are.
    """

    data_set: str
    version: str | None = None
    filters: dict[str, list[str]] = pydantic.Field(default_factory=dict)
    criteria: dict[str, Any] | None = None

    @pydantic.field_validator("filters", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: each if isinstance(each, list) else [each] for name, each in value.items()}


def extract(
    connection: HttpConnection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract with every row that passes the filters, all of one version. Raises SourceError while reading."""
    origin = f"{connection.base_url}{_path(request)}"
    notes: list[str] = []
    yield x.Extract(None, _batches(connection, request, contract, origin, notes), origin, request.format, notes)


def reach(connection: HttpConnection, request: Request) -> None:
    """Raise SourceError when the API does not know the data set, its version, a filter or an option."""
    with Client(connection, _error_in) as client, platform(f"{connection.base_url}{_path(request)}"):
        _criteria(request, _meta(client, request, _version(client, request, [])))


def _path(request: Request) -> str:
    return f"/v1/data-sets/{request.data_set}"


def _batches(
    connection: HttpConnection, request: Request, contract: Contract, origin: str, notes: list[str]
) -> Iterator[pa.RecordBatch]:
    with Client(connection, _error_in) as client, platform(origin):
        version = _version(client, request, notes)
        meta = _meta(client, request, version)
        query = _query(request, contract, meta, origin)
        labels = _Labels(meta)
        size = _LARGEST_PAGE

        def fetch(offset: int) -> tuple[list[Record], int]:
            nonlocal size
            body = client.json(
                f"{_path(request)}/query",
                {"dataSetVersion": version},
                method="POST",
                json_body={**query, "page": offset // size + 1, "pageSize": size},
            )
            paging = body.get("paging") if isinstance(body, dict) else None
            if not isinstance(paging, dict) or not isinstance(body.get("results"), list):
                raise SourceError(f"{origin}: the answer has no results with their paging. Check connection.base_url.")
            size = int(paging["pageSize"])  # what it made of the size that was asked for
            for warning in body.get("warnings") or []:
                note = f"the API warns: {warning.get('message')} ({warning.get('code')})"
                notes.extend([note] if note not in notes else [])
            return [labels.record(result) for result in body["results"]], int(paging["totalResults"])

        yield from x.record_batches(contract, request, to_total(fetch, origin), lambda: origin, notes)


def _version(client: Client, request: Request, notes: list[str]) -> str:
    """The version that this extract is read from: a data set may be published anew between two pages."""
    if request.version is None:
        told = client.json(_path(request)).get("latestVersion") or {}
        if not told.get("version"):
            raise SourceError(f"{_path(request)}: the data set has no published version. Check `data_set`.")
        notes.append(f"version {told['version']}, the newest")
        return str(told["version"])
    told = client.json(f"{_path(request)}/versions/{request.version}")
    status = told.get("status")
    notes.append(f"version {told.get('version')}{f' ({status.lower()})' if status != 'Published' else ''}")
    return str(told.get("version"))


def _meta(client: Client, request: Request, version: str) -> Record:
    meta = client.json(f"{_path(request)}/meta", {"dataSetVersion": version})
    if not isinstance(meta, dict) or not {"filters", "indicators", "locations", "timePeriods"} <= meta.keys():
        raise SourceError(f"{_path(request)}/meta: does not describe a data set. Check connection.base_url.")
    return meta


def _query(request: Request, contract: Contract, meta: Record, origin: str) -> Record:
    """What is asked for, but for the page: the indicators that the columns name, in an order that never changes."""
    mapped = set(fields(contract, request).values())
    offered = [name for each in [*meta["indicators"], *meta["filters"]] for name in (each["label"], each["column"])]
    levels = [group["level"]["code"] for group in meta["locations"]]
    places = [f"{level}.{part}" for level in ["location", *levels] for part in _OF_PLACES]
    check_fields(contract, request, [*offered, *_PLACES, *places], origin)
    indicators = [
        each["id"] for each in meta["indicators"] if contract.is_open or {each["label"], each["column"]} & mapped
    ]
    if not indicators:
        raise SourceError(
            f"{origin}: no column names an indicator. The data set has: "
            f"{listed(each['label'] for each in meta['indicators'])}. Mend `columns` in the source's YAML."
        )
    order = [
        "timePeriod",
        "geographicLevel",
        *(f"location|{level}" for level in levels),
        *(f"filter|{each['id']}" for each in meta["filters"]),
    ]
    criteria = _criteria(request, meta)
    return {
        "indicators": indicators,
        "sorts": [{"field": field, "direction": "Asc"} for field in order],
        **({"criteria": {"and": criteria} if len(criteria) > 1 else criteria[0]} if criteria else {}),
    }


def _criteria(request: Request, meta: Record) -> list[Record]:
    """The request's own criteria and one for each filter, its options by their ids."""
    criteria = [request.criteria] if request.criteria else []
    for name, wanted in request.filters.items():
        found = _named(name, meta["filters"], "filter")
        options = [_named(option, found["options"], f"option of '{name}'")["id"] for option in wanted]
        criteria.append({"filters": {"in": options}})
    return criteria


def _named(name: str, among: Sequence[Record], kind: str) -> Record:
    for each in among:
        if name in (each["label"], each.get("column"), each["id"]):
            return each
    labels = [each["label"] for each in among]
    raise SourceError(
        f"'{name}' is no {kind}.{nearest(name, labels)} There are: {listed(labels)}. Mend `filters` in the source's "
        "YAML."
    )


class _Labels:
    """A data set's ids and what they stand for."""

    def __init__(self, meta: Record) -> None:
        self._names = {each["id"]: (each["label"], each["column"]) for each in [*meta["filters"], *meta["indicators"]]}
        self._options = {option["id"]: option["label"] for each in meta["filters"] for option in each["options"]}
        self._places = {option["id"]: option for group in meta["locations"] for option in group["options"]}
        self._periods = {(each["code"], each["period"]): each["label"] for each in meta["timePeriods"]}

    def record(self, result: Record) -> Record:
        """A result by labels (and by the names of the columns in the data set's own file)."""
        period, level = result["timePeriod"], result["geographicLevel"]
        filters = {key: self._options.get(option, option) for key, option in result["filters"].items()}
        places = {code: self._places.get(place, {"id": place}) for code, place in result["locations"].items()}
        values = {**filters, **result["values"]}
        return {
            **{name: value for key, value in values.items() for name in self._names.get(key, (key,))},
            "timePeriod": {**period, "label": self._periods.get((period["code"], period["period"]))},
            "geographicLevel": level,
            "location": places.get(level),
            **places,
        }


def _error_in(body: Any) -> str | None:
    """Refusals come as RFC 7807 with a list of what is wrong where."""
    if not isinstance(body, dict) or "title" not in body or "results" in body or "id" in body:
        return None
    wrong = [f"{each.get('path') or 'the request'}: {each.get('message')}" for each in body.get("errors") or []]
    return " ".join([str(body["title"]), "; ".join(wrong) or str(body.get("detail") or "")]).strip()
