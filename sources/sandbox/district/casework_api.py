"""The casework system's REST API: a key in a header, numbered pages, British dates, and fields in nests of their own.

`GET /casework/v2/{complaints,requests}?modifiedFrom=&modifiedBefore=&page=&pageSize=` gives what was modified in the
time asked for, days written dd/mm/yyyy; `/casework/v2/ombudsman` the same, all of it where no time is given.
"""

from __future__ import annotations

import secrets
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.sandbox.district.casework import COMPLAINTS, DECISIONS, REQUESTS
from sources.sandbox.web import Request, Response, serving

ROOT = "/casework/v2/"
DEFAULT_SIZE, MAXIMUM_SIZE = 50, 500


class CaseworkApi:
    """The API over the tables that `casework` writes."""

    def __init__(self, tables: dict[str, pa.Table]) -> None:
        self.key = secrets.token_urlsafe(24)
        self._tables = tables

    @classmethod
    def load(cls, data: Path) -> CaseworkApi:
        """The API over the records in the folder `data`."""
        files = {"complaints": COMPLAINTS, "requests": REQUESTS, "ombudsman": DECISIONS}
        return cls({name: pq.read_table(data / file) for name, file in files.items()})

    def serve(self) -> AbstractContextManager[str]:
        """Run it; the context gives its address."""
        return serving(self.answer)

    def answer(self, request: Request) -> Response:
        """Route one request."""
        if not secrets.compare_digest(request.headers.get("x-casework-key", "").encode(), self.key.encode()):
            return Response(401, {"fault": {"code": "KEY", "text": "The key is missing or unknown."}})
        kind = request.path.removeprefix(ROOT)
        if request.method != "GET" or kind not in self._tables:
            return Response(404, {"fault": {"code": "PATH", "text": f"No {request.method} {request.path} here."}})
        try:
            return self._page(kind, request)
        except ValueError as error:
            return Response(400, {"fault": {"code": "QUERY", "text": str(error)}})

    def _page(self, kind: str, request: Request) -> Response:
        table = self._tables[kind]
        bounds = [
            _day(request.query[name]) if name in request.query else None for name in ("modifiedFrom", "modifiedBefore")
        ]
        modified = table["modified"].to_numpy()
        begin, end = (
            default if bound is None else int(np.searchsorted(modified, np.datetime64(bound)))
            for bound, default in zip(bounds, (0, len(table)), strict=True)
        )
        size = min(max(int(request.query.get("pageSize", DEFAULT_SIZE)), 1), MAXIMUM_SIZE)
        page = max(int(request.query.get("page", 1)), 1)
        count = max(end - begin, 0)
        rows = table.slice(begin + (page - 1) * size, max(min(size, count - (page - 1) * size), 0)).to_pylist()
        pages = {"page": page, "pageCount": max(-(-count // size), 1), "recordCount": count}
        return Response(200, {"response": {"paging": pages, "record": [_SHAPES[kind](row) for row in rows]}})


def _day(text: str) -> np.datetime64:
    return np.datetime64(datetime.strptime(text, "%d/%m/%Y"), "us")


def _shown(value: date | None) -> str | None:
    return None if value is None else f"{value:%d/%m/%Y}"


def _complaint(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "reference": row["reference"],
        "stage": {1: "First answer", 2: "Review"}[row["stage"]],
        "service": {"team": row["team"]},
        "timeline": {step: _shown(row[step]) for step in ("received", "acknowledged", "answered")},
        "extraDays": row["extension"],
        "decision": None if row["outcome"] is None else {"finding": row["outcome"]},
        "address": {"uprn": row["uprn"]},
        "lastModified": f"{row['modified']:%d/%m/%Y %H:%M:%S}",
    }


def _request(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "reference": row["reference"],
        "service": {"team": row["team"], "type": row["category"]},
        "source": row["channel"],
        "demandType": row["demand"],
        "timeline": {step: _shown(row[step]) for step in ("received", "completed")},
        "address": {"uprn": row["uprn"], "ward": row["ward"], "written": row["address"]},
        "lastModified": f"{row['modified']:%d/%m/%Y %H:%M:%S}",
    }


def _decision(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "ombudsmanReference": row["reference"],
        "reference": row["complaint"],
        "service": {"team": row["team"]},
        "decision": {"date": _shown(row["decided"]), "finding": row["decision"], "investigated": row["detailed"]},
        "remedy": {
            "kind": row["remedy"],
            "amount": row["amount"],
            "due": _shown(row["due"]),
            "done": _shown(row["remedied"]),
        },
    }


_SHAPES = {"complaints": _complaint, "requests": _request, "ombudsman": _decision}
