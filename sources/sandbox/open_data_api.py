"""A catalogue that answers as Opendatasoft's Explore API v2.1 does, limits and errors included.

Only what a client of whole tables needs: dataset description, `/records` and `/exports/{csv,json,jsonl}` with
`limit`, `offset` and `order_by`. `select` and `where` are refused, not ignored.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from sources.sandbox.web import Request, Response, serving

ROOT = "/api/explore/v2.1/catalog/datasets"
MAXIMUM_LIMIT, WINDOW = 100, 10_000
_TYPES = {"int64": "int", "double": "double"}


class OpenDataApi:
    """The API over tables by dataset id."""

    def __init__(self, tables: Mapping[str, pa.Table]) -> None:
        self._tables = tables

    @classmethod
    def load(cls, folder: Path) -> OpenDataApi:
        """The API over each Parquet file in `folder`."""
        return cls({path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))})

    def serve(self) -> AbstractContextManager[str]:
        """Run it; the context gives its address."""
        return serving(self.answer)

    def answer(self, request: Request) -> Response:
        """Route one request."""
        if request.method != "GET" or not request.path.startswith(ROOT + "/"):
            return _error(404, "NotFound", f"No {request.method} {request.path} here.")
        dataset, _, method = request.path.removeprefix(ROOT + "/").partition("/")
        if dataset not in self._tables:
            return _error(404, "UnknownDatasetError", f"Dataset {dataset} does not exist.")
        table = self._tables[dataset]
        if refused := {"select", "where", "group_by", "refine", "exclude"} & request.query.keys():
            return _error(400, "ODSQLError", f"This catalogue does not know: {', '.join(sorted(refused))}.")
        try:
            if method == "":
                return Response(200, _description(dataset, table))
            if method == "records":
                return _records(_ordered(table, request), request)
            if method.startswith("exports/"):
                return _export(_ordered(table, request), method.removeprefix("exports/"), request)
        except ValueError as error:
            return _error(400, "InvalidRESTParameterError", str(error))
        return _error(404, "NotFound", f"No {request.path} here.")


def _error(status: int, code: str, message: str) -> Response:
    return Response(status, {"error_code": code, "message": message})


def _description(dataset: str, table: pa.Table) -> dict[str, Any]:
    fields = [{"name": f.name, "label": f.name, "type": _TYPES.get(str(f.type), "text")} for f in table.schema]
    default = {"title": dataset.replace("-", " ").capitalize(), "records_count": len(table), "publisher": "Fictional"}
    return {"dataset_id": dataset, "has_records": True, "fields": fields, "metas": {"default": default}}


def _number(request: Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    try:
        return int(text)
    except ValueError:
        raise ValueError(
            f"Invalid value for {name} API parameter: {text} was found but an integer is expected."
        ) from None


def _ordered(table: pa.Table, request: Request) -> pa.Table:
    keys = []
    for part in filter(None, request.query.get("order_by", "").split(",")):
        name, _, direction = part.strip().partition(" ")
        if name not in table.column_names or direction.lower() not in ("", "asc", "desc"):
            raise ValueError(f"Invalid order_by: {part.strip()}.")
        keys.append((name, "descending" if direction.lower() == "desc" else "ascending"))
    return table.sort_by(keys) if keys else table


def _records(table: pa.Table, request: Request) -> Response:
    limit, offset = _number(request, "limit", 10), _number(request, "offset", 0)
    if not -1 <= limit <= MAXIMUM_LIMIT:
        raise ValueError(
            f"Invalid value for limit API parameter: {limit} was found but -1 <= limit <= 100 is expected."
        )
    if offset < 0 or offset + max(limit, 0) >= WINDOW:
        raise ValueError(f"Invalid value for offset API parameter: offset + limit must be less than {WINDOW}.")
    page = table.slice(offset, MAXIMUM_LIMIT if limit == -1 else limit)
    return Response(200, {"total_count": len(table), "results": page.to_pylist()})


def _export(table: pa.Table, kind: str, request: Request) -> Response:
    limit = _number(request, "limit", -1)
    rows = table.slice(0, len(table) if limit == -1 else limit).to_pylist()
    if kind == "json":
        return Response(200, rows)
    if kind == "jsonl":
        lines = b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows)
        return Response(200, lines, content_type="application/jsonl; charset=utf-8")
    if kind == "csv":
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=request.query.get("delimiter", ";"))
        writer.writerow(table.column_names)
        writer.writerows(row.values() for row in rows)
        bom = request.query.get("with_bom", "true").lower() == "true"
        content = text.getvalue().encode("utf-8-sig" if bom else "utf-8")
        return Response(200, content, content_type="text/csv; charset=utf-8")
    raise ValueError(f"Unknown export format: {kind}.")
