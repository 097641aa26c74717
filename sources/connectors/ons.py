"""The Office for National Statistics' API (beta): a few observations at once, or a whole file by a filter.

Observations take one wildcard and end at 10,000. Beyond that a filter is posted, its output waited for, and the CSV
fetched from wherever it lies, and held against the size that was promised.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import quote

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors.http import Client, HttpConnection
from sources.connectors.portals import Record, csv_records, in_pages, platform
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest
from sources.periods import Quarter

Connection = HttpConnection
_MOST_SECONDS = 600  # for a filter's output; large ones take minutes
_LONGEST_PAUSE = 15.0
_VERSION = re.compile(r"/editions/([^/]+)/versions?/(\d+)$")


class Request(x.Request):
    """`dataset`, and its newest version unless `edition` and `version` are given. Either `observations`, a value for
    each dimension and `*` for one of them, or `filter`, the options of some dimensions (the others come whole).

    A census dataset's filter also wants its `population_type`, and which dimension is the `area_type`.
    """

    dataset: str
    edition: str | None = None
    version: int | None = None
    observations: dict[str, str] | None = None
    filter: dict[str, list[str]] | None = None
    population_type: str | None = None
    area_type: str | None = None

    @pydantic.model_validator(mode="after")
    def _one(self) -> Request:
        if (self.observations is None) == (self.filter is None):
            raise ValueError("give either observations or filter.")
        if self.observations is not None and list(self.observations.values()).count("*") != 1:
            raise ValueError("observations: exactly one dimension is '*'. For more give filter instead.")
        if self.version is not None and self.edition is None:
            raise ValueError("version: needs its edition (or leave both out for the newest).")
        return self


def extract(
    connection: HttpConnection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract with every observation asked for. Raises SourceError while reading."""
    origin = f"{connection.base_url}/datasets/{request.dataset}"
    notes: list[str] = []
    yield x.Extract(None, _batches(connection, request, contract, origin, notes), origin, request.format, notes)


def reach(connection: HttpConnection, request: Request) -> None:
    """Raise SourceError when the API does not know the dataset, its version or a dimension."""
    with Client(connection) as client, platform(f"{connection.base_url}/datasets/{request.dataset}"):
        _version(client, request, [])


def _batches(
    connection: HttpConnection, request: Request, contract: Contract, origin: str, notes: list[str]
) -> Iterator[pa.RecordBatch]:
    with Client(connection) as client, platform(origin):
        edition, version = _version(client, request, notes)
        if request.observations is not None:
            pages: Iterator[list[Record]] = iter([_observations(client, request, edition, version, origin)])
        else:
            pages = _filtered(client, request, edition, version, origin)
        yield from x.record_batches(contract, request, pages, lambda: origin, notes)


def _path(request: Request, edition: str, version: int) -> str:
    return f"/datasets/{request.dataset}/editions/{quote(edition, safe='')}/versions/{version}"


def _version(client: Client, request: Request, notes: list[str]) -> tuple[str, int]:
    """Edition and version to read, which have every dimension that is named."""
    edition, version = request.edition, request.version
    if edition is None or version is None:
        of = f"/datasets/{request.dataset}" + (f"/editions/{quote(edition, safe='')}" if edition else "")
        told = client.json(of)
        href = ((told.get("links") or {}).get("latest_version") or {}).get("href") or ""
        found = _VERSION.search(href)
        if found is None:
            raise SourceError(f"{of}: names no latest version. Give edition and version in the source's YAML.")
        edition, version = found[1], int(found[2])
        notes.append(f"edition {edition}, version {version}, the newest")
    told = client.json(_path(request, edition, version))
    known = [str(each.get("name")) for each in told.get("dimensions") or []]
    for name in request.observations or request.filter or {}:
        # Census datasets take areas of any kind, whatever dimensions they list.
        if known and name not in known and name != request.area_type:
            raise SourceError(
                f"{_path(request, edition, version)}: has no dimension '{name}'.{nearest(name, known)} It has: "
                f"{listed(known)}. Mend `{'observations' if request.observations else 'filter'}` in the source's YAML."
            )
    return edition, version


def _observations(client: Client, request: Request, edition: str, version: int, origin: str) -> list[Record]:
    body = client.json(f"{_path(request, edition, version)}/observations", request.observations)
    found = body.get("observations") if isinstance(body, dict) else None
    if not isinstance(found, list) or "total_observations" not in body:
        raise SourceError(f"{origin}: the answer has no observations with their total. Check connection.base_url.")
    if len(found) != int(body["total_observations"]):
        raise SourceError(
            f"{origin}: gave {len(found):,} of {int(body['total_observations']):,} observations (it gives "
            f"{body.get('limit')} at most). Nothing landed. Give `filter` instead of `observations`."
        )
    fixed = {name: (each or {}).get("option") for name, each in (body.get("dimensions") or {}).items()}
    return [
        {
            **each,
            "dimensions": {name.lower(): told for name, told in {**fixed, **(each.get("dimensions") or {})}.items()},
            "unit_of_measure": body.get("unit_of_measure"),
        }
        for each in found
    ]


def _filtered(client: Client, request: Request, edition: str, version: int, origin: str) -> Iterator[list[Record]]:
    csv = _output(client, _posted(client, request, edition, version, origin), origin)
    file = client.spooled(csv["href"], elsewhere=True)
    with contextlib.closing(file):
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if csv.get("size") and int(csv["size"]) != size:
            raise SourceError(
                f"{origin}: the file has {size:,} bytes where {int(csv['size']):,} were promised. Nothing landed; "
                "try again."
            )
        yield from in_pages(csv_records(file, origin))


def _posted(client: Client, request: Request, edition: str, version: int, origin: str) -> str:
    """The id of the output that a filter, once posted, is going to have."""
    dimensions = [
        {"name": name}
        | ({"options": options} if options else {})
        | ({"is_area_type": True} if name == request.area_type else {})
        for name, options in (request.filter or {}).items()
    ]
    body: Record = {
        "dataset": {"id": request.dataset, "edition": edition, "version": version},
        "dimensions": dimensions,
    }
    if request.population_type:
        body["population_type"] = request.population_type
    made = client.json("/filters", {"submitted": "true"}, method="POST", json_body=body)
    output = ((made.get("links") or {}).get("filter_output") or {}).get("id") or made.get("filter_output_id")
    if not output:  # the census's filters are submitted by themselves
        made = client.json(f"/filters/{made.get('filter_id')}/submit", method="POST", json_body={})
        output = made.get("filter_output_id")
    if not output:
        raise SourceError(f"{origin}: the filter was taken, but no output of it is named. Ask ONS, or try again.")
    return str(output)


def _output(client: Client, output: str, origin: str) -> Record:
    """The CSV's address and size, once it is made."""
    pause, deadline = 0.5, time.monotonic() + _MOST_SECONDS
    while True:
        told = client.json(f"/filter-outputs/{output}")
        csv = (told.get("downloads") or {}).get("csv") or {}
        if csv.get("skipped"):
            raise SourceError(f"{origin}: ONS makes no CSV of this filter. Narrow `filter` in the source's YAML.")
        if csv.get("href") and told.get("state", "completed") == "completed":
            return csv
        if time.monotonic() > deadline:
            raise SourceError(
                f"{origin}: the filter's output was not made in {_MOST_SECONDS // 60} minutes. Narrow `filter` in the "
                "source's YAML, or try again."
            )
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
