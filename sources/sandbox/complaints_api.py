"""The customer system's REST API: OAuth2 client credentials, a cursor, and now and then 'too many requests'.

`GET /api/cases?updated_from=&updated_before=&cursor=&limit=` gives each complaint and stage that changed in the time
asked for (from inclusive, before exclusive) as it stood at the end of that time; `GET /api/requests` does the same for
requests for services. `GET /api/ombudsman` gives all decisions of the ombudsman at once.
"""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sources.sandbox import complaints, ombudsman, service_requests
from sources.sandbox.web import Request, Response, serving

DEFAULT_LIMIT, MAXIMUM_LIMIT = 100, 1000


_Row = dict[str, Any]


class Versions:
    """A table of versions, in the order in which they were saved: rows with the same `key` are versions of one record,
    `shown` makes of a row what the API tells."""

    def __init__(self, table: pa.Table, key: list[str], shown: Callable[[_Row], _Row]) -> None:
        self.key, self.shown, self.table = key, shown, table
        self._updated = table["updated_at"].to_numpy()
        self.changed_between = lru_cache(maxsize=8)(self._changed_between)

    def _changed_between(self, begin: datetime, end: datetime) -> np.ndarray:
        """Rows of the versions that stood at `end`, of the records that changed since `begin`; in order of change.

        Two versions saved in the same second both stand: that is how the system's duplicates come about.
        """
        bounds = np.searchsorted(self._updated, np.array([begin, end], dtype=self._updated.dtype))
        window = self.table.slice(bounds[0], max(bounds[1] - bounds[0], 0)).select([*self.key, "updated_at"])
        newest = window.group_by(self.key).aggregate([("updated_at", "max")])
        numbered = window.append_column("row", pa.array(np.arange(bounds[0], bounds[0] + len(window))))
        standing = numbered.join(newest, self.key, join_type="inner")
        standing = standing.filter(pc.equal(standing["updated_at"], standing["updated_at_max"]))
        return np.sort(standing["row"].to_numpy())


class ComplaintsApi:
    """The API over the tables that `complaints`, `service_requests` and `ombudsman` write.

    `token_seconds` is how long a token is good for. Every `throttle_every`th request for records is refused with 429
    and `Retry-After: 1`, at most `throttle_times` times.
    """

    def __init__(
        self,
        records: dict[str, Versions],
        decisions: pa.Table,
        token_seconds: float = 300.0,
        throttle_every: int = 40,
        throttle_times: int = 2,
    ) -> None:
        self.client_id = "council-vitals"
        self.client_secret = secrets.token_urlsafe(24)
        self._records = records
        self._decisions = decisions
        self._token_seconds = token_seconds
        self._throttle_every = throttle_every
        self._throttles_left = throttle_times
        self._asked = 0
        self._tokens: dict[str, float] = {}
        self._lock = threading.Lock()

    @classmethod
    def load(cls, data: Path, **settings: Any) -> ComplaintsApi:
        """The API over the records in the folder `data`."""
        records = {
            "/api/cases": Versions(pq.read_table(data / complaints.RECORDS), ["case_id", "stage"], _case),
            "/api/requests": Versions(pq.read_table(data / service_requests.RECORDS), ["request_ref"], _request),
        }
        return cls(records, pq.read_table(data / ombudsman.RECORDS), **settings)

    def serve(self) -> AbstractContextManager[str]:
        """Run it; the context gives its address."""
        return serving(self.answer)

    def answer(self, request: Request) -> Response:
        """Route one request."""
        if (request.method, request.path) == ("POST", "/oauth/token"):
            return self._token(request)
        if request.method == "GET" and request.path in self._records:
            return self._refusal(request) or _page(self._records[request.path], request)
        if (request.method, request.path) == ("GET", "/api/ombudsman"):
            return self._refusal(request) or Response(200, {"decisions": self._decisions.to_pylist()})
        return Response(404, {"error": "not_found", "message": f"No {request.method} {request.path} here."})

    def _token(self, request: Request) -> Response:
        if request.form.get("grant_type") != "client_credentials":
            return Response(400, {"error": "unsupported_grant_type"})
        client = (request.form.get("client_id", ""), request.form.get("client_secret", ""))
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(encoded).decode().partition(":")
            except ValueError:
                name, secret = "", ""
            client = (name, secret)
        if client[0] != self.client_id or not secrets.compare_digest(client[1].encode(), self.client_secret.encode()):
            return Response(401, {"error": "invalid_client"}, {"WWW-Authenticate": "Basic"})
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = time.monotonic() + self._token_seconds
        body = {"access_token": token, "token_type": "Bearer", "expires_in": int(self._token_seconds)}
        return Response(200, body, {"Cache-Control": "no-store"})

    def _refusal(self, request: Request) -> Response | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        with self._lock:
            if scheme.lower() != "bearer" or self._tokens.get(token, 0) <= time.monotonic():
                headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
                return Response(401, {"error": "invalid_token"}, headers)
            self._asked += 1
            if self._throttles_left and self._asked % self._throttle_every == 0:
                self._throttles_left -= 1
                return Response(429, {"error": "too_many_requests"}, {"Retry-After": "1"})
        return None


def _page(versions: Versions, request: Request) -> Response:
    try:
        begin, end, offset = _read_cursor(request.query["cursor"]) if "cursor" in request.query else _window(request)
        limit = int(request.query.get("limit", DEFAULT_LIMIT))
        rows = versions.changed_between(_moment(begin), _moment(end))
    except ValueError as error:
        return Response(400, {"error": "bad_request", "message": str(error)})
    limit = min(max(limit, 1), MAXIMUM_LIMIT)
    page = versions.table.take(pa.array(rows[offset : offset + limit]))
    more = offset + limit < len(rows)
    cursor = _write_cursor(begin, end, offset + limit) if more else None
    return Response(200, {"items": [versions.shown(row) for row in page.to_pylist()], "next_cursor": cursor})


def _window(request: Request) -> tuple[str, str, int]:
    try:
        return request.query["updated_from"], request.query["updated_before"], 0
    except KeyError as missing:
        raise ValueError(f"The parameter {missing} is required.") from None


def _moment(text: str) -> datetime:
    """A date or a time of ISO 8601, without its zone (the system knows only its own). Raises ValueError."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _write_cursor(begin: str, end: str, offset: int) -> str:
    return base64.urlsafe_b64encode(f"{begin}|{end}|{offset}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[str, str, int]:
    try:
        begin, end, offset = base64.urlsafe_b64decode(cursor).decode().split("|")
        return begin, end, int(offset)
    except ValueError:
        raise ValueError("The cursor is not one of this system's.") from None


def _case(row: _Row) -> _Row:
    return {
        "case_id": row["case_id"],
        "stage": row["stage"],
        "dates": {step: row[step] for step in ("received", "acknowledged", "answered")},
        "team": {"code": row["team"]},
        "uprn": row["uprn"],
        "outcome": row["outcome"],
        "root_cause": row["root_cause"],
        "extension_days": row["extension_days"],
        "updated_at": row["updated_at"],
    }


def _request(row: _Row) -> _Row:
    return {
        "ref": row["request_ref"],
        "dates": {step: row[step] for step in ("received", "completed")},
        "team": {"code": row["team"]},
        "category": row["category"],
        "channel": row["channel"],
        "demand": row["demand"],
        "place": {"ward": row["ward"], "uprn": row["uprn"], "address": row["address"]},
        "updated_at": row["updated_at"],
    }
