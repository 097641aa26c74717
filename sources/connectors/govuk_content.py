"""Files attached to pages of gov.uk, found through the Content API: their addresses change with every edition.

What a file holds is the readers' business.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa
import pydantic

from sources import extract as x
from sources.connectors import archives, placeholders, readers, rest
from sources.connectors.http import Client, HttpConnection
from sources.connectors.readers import FileRequest, Notes, Reading
from sources.contract import Contract
from sources.errors import SourceError, listed, nearest
from sources.periods import Quarter

_READ = (".csv", ".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".zip", ".gz")


class Connection(HttpConnection):
    """The site; attachments may lie on another server, which never sees credentials."""

    base_url: str = "https://www.gov.uk"


class Request(FileRequest):
    """`page` is the page's path; `attachment` the title or file name of one of its attachments, as a pattern. In both
    the placeholders of `rest` may stand for the quarter (`{financial_year}`, `{period:%B %Y}`)."""

    page: str = pydantic.Field(pattern="^/")
    attachment: str = "*"

    @pydantic.field_validator("page", "attachment")
    @classmethod
    def _filled(cls, value: str) -> str:
        placeholders.check(value)
        return value


def extract(
    connection: Connection,
    request: Request,
    contract: Contract,
    quarters: list[Quarter],
    since: Mapping[Quarter, datetime] = {},
) -> Iterator[x.Extract]:
    """One extract a quarter where page or attachment name the period, else one for all. Raises SourceError while
    reading."""
    asked = _asked(request)
    slots: list[Quarter | None] = [*quarters] if any(placeholders.found(asked.asked)) else [None]
    for quarter in slots:
        calls = rest.calls_for(asked, quarter, None)
        made = x.Extract(quarter, (), f"{connection.base_url}{calls[0].params['page']}", request.format)
        made.batches = _batches(connection, request, contract, calls, made)
        yield made


def reach(connection: Connection, request: Request) -> None:
    """Raise SourceError when the page, or the attachment on it, is not there."""
    asked = _asked(request)
    if any(placeholders.found(asked.asked)):
        return  # which editions are out is not known beforehand
    with Client(connection) as client:
        _attachment(client, connection, asked)


def _asked(request: Request) -> rest.Call:
    return rest.Call(
        path=f"/api/content{request.page}", params={"page": request.page, "attachment": request.attachment}
    )


def _batches(
    connection: Connection, request: Request, contract: Contract, calls: list[rest.Call], made: x.Extract
) -> Iterator[pa.RecordBatch]:
    with Client(connection) as client:
        found = [_attachment(client, connection, call) for call in calls]
        # A file that is replaced gets another address.
        files = [[item["url"], page["updated_at"]] for page, item in found]
        version = json.dumps({"reading": x.reading(contract, request), "files": files})
        made.version.read = version
        if made.version.landed == version:
            made.version.is_unchanged = True
            return
        notes = Notes()
        for page, item in found:
            made.notes.append(
                f"{item['filename']}: '{item['title']}' of the edition of {str(page.get('public_updated_at'))[:10]}"
            )
            if page.get("withdrawn_notice"):
                made.notes.append(f"{page['base_path']}: has been withdrawn; look for what replaces it")
            with (
                client.spooled(item["url"], elsewhere=True) as file,
                archives.unpacked(item["url"], file, request.format.member) as (place, content),
            ):
                yield from readers.read(Reading(request, contract, place, notes), content)
        made.notes += notes.told()


def _attachment(client: Client, connection: Connection, call: rest.Call) -> tuple[dict[str, Any], dict[str, Any]]:
    """The page as the Content API gives it, and the one attachment that matches."""
    where, pattern = f"{connection.base_url}{call.params['page']}", call.params["attachment"]
    page = _page(client, call.path, where)
    attachments = [
        {"title": "", **item, "filename": item.get("filename") or str(item["url"]).rpartition("/")[2]}
        for item in (page.get("details") or {}).get("attachments") or []
        if item.get("url") and item.get("attachment_type", "file") == "file"
    ]
    names = [name for item in attachments for name in (item["title"], item["filename"]) if name]
    found = [
        item
        for item in attachments
        if any(fnmatch.fnmatch(name.lower(), pattern.lower()) for name in (item["title"], item["filename"]))
    ]
    if len(found) != 1:
        has = [f"{item['title']} ({item['filename']})" for item in attachments]
        further = [link.get("base_path") for link in (page.get("links") or {}).get("documents") or []]
        hint = "" if found else nearest(pattern, names)
        raise SourceError(
            f"{where}: {len(found)} attachments match '{pattern}', one is needed.{hint} It has: {listed(has)}. Mend "
            "`attachment` in the source's YAML."
            + (f" It is a collection; its pages are: {listed(further[:6])}." if further and not has else "")
        )
    (item,) = found
    if not item["filename"].lower().endswith(_READ):
        raise SourceError(f"{where}: '{item['filename']}' is not read. Files that are: {', '.join(_READ)}.")
    return page, item


def _page(client: Client, path: str, where: str) -> dict[str, Any]:
    for _ in range(4):
        page = client.json(path)
        if not isinstance(page, dict) or "document_type" not in page:
            raise SourceError(f"{where}: the answer is no page of the Content API. Check connection.base_url.")
        if page["document_type"] == "gone":
            details = page.get("details") or {}
            told = re.sub("<[^>]*>", "", str(details.get("explanation") or "")).strip()
            instead = details.get("alternative_path")
            raise SourceError(
                f"{where}: has been withdrawn{f' ({told})' if told else ''}. "
                + (f"Read '{instead}' instead." if instead else "Look for what replaces it.")
            )
        if page["document_type"] != "redirect":
            return {"base_path": path, "updated_at": None, **page}
        path = f"/api/content{(page.get('redirects') or [{}])[0].get('destination', '')}"
    raise SourceError(f"{where}: is redirected again and again. Mend `page` in the source's YAML.")
