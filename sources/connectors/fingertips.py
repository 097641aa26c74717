"""OHID Fingertips: public health indicators as CSV, one indicator at a time.

There is no paging and nothing to sign in with. Headings differ from indicator to indicator and change with the areas
compared; finding columns is the readers' business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors import readers
from sources.connectors.http import Client, HttpConnection
from sources.connectors.readers import FileRequest, Notes, Reading
from sources.contract import Contract
from sources.errors import SourceError
from sources.periods import Quarter

_ENGLAND = 15
_PATH = "/api/all_data/csv/by_indicator_id"


class Connection(HttpConnection):
    """The service is one for all of England."""

    base_url: str = "https://fingertips.phe.org.uk"


class Request(FileRequest):
    """`indicators` are the service's numbers; `area_type` and `parent_area_type` its numbers of kinds of areas."""

    indicators: list[int] = pydantic.Field(min_length=1)
    area_type: int
    parent_area_type: int = _ENGLAND


def extract(
    connection: Connection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract with every value of every indicator. Raises SourceError while reading."""
    made = x.Extract(None, (), f"{connection.base_url}{_PATH}", request.format)
    made.batches = _batches(connection, request, contract, made)
    yield made


def reach(connection: Connection, request: Request) -> None:
    """Raise SourceError when the service does not know one of the kinds of areas."""
    with Client(connection) as client:
        known = {int(kind["Id"]) for kind in client.json("/api/area_types")}
    for key in ("area_type", "parent_area_type"):
        if known and getattr(request, key) not in known:
            raise SourceError(f"{connection.base_url}: has no kind of area {getattr(request, key)}. Mend `{key}`.")


def _batches(connection: Connection, request: Request, contract: Contract, made: x.Extract) -> Iterator[pa.RecordBatch]:
    with Client(connection) as client:
        batches = _read(client, request, contract, made)
        yield from client.unless_unchanged(made.version, x.reading(contract, request), batches)


def _read(client: Client, request: Request, contract: Contract, made: x.Extract) -> Iterator[pa.RecordBatch]:
    notes = Notes()
    for indicator in request.indicators:
        asked: dict[str, Any] = {
            "indicator_ids": indicator,
            "child_area_type_id": request.area_type,
            "parent_area_type_id": request.parent_area_type,
        }
        place = f"{made.origin}?indicator_ids={indicator}&child_area_type_id={request.area_type}"
        rows = 0
        with client.spooled(_PATH, asked) as file:
            if file.read(1):
                file.seek(0)
                for batch in readers.read(Reading(request, contract, place, notes), file):
                    rows += batch.num_rows
                    yield batch
        if not rows:
            raise SourceError(
                f"{place}: gives no value. Nothing landed. Check `indicators` and `area_type` in the source's YAML: "
                "not every indicator has values for every kind of area."
            )
    made.notes += notes.told()
