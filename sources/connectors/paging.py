"""How the next page of an API is found, and when there is none. Asking and reading records is the connectors' business.

Every kind ends where the source says so, and refuses to go round in circles or to stop short of a total it was told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from urllib.parse import urljoin

import pydantic

from sources.connectors.http import Answer
from sources.errors import SourceError, listed, nearest

Records = list[dict[str, Any]]
# Asks for a page: by an absolute address, or by what is added to the parameters (or the body) of the first call.
Ask = Callable[[str | dict[str, Any]], tuple[Answer, Any]]


@dataclass
class Turn:
    """What is known after a page: its answer, what has come so far, and what the source said of the whole."""

    where: str
    notes: list[str]
    answer: Answer
    body: Any
    page: Records
    rows: int
    pages: int
    longest: int
    told: list[int] = field(default_factory=list)

    @property
    def is_short(self) -> bool:
        """Whether this page cannot have a successor: it is empty, or shorter than one before. (Not: shorter than was
        asked for. Many servers give fewer than that and say nothing.)"""
        return len(self.page) < self.longest or not self.page

    def total(self, path: str) -> int:
        """The number at `path` of the answer. Raises SourceError when it falls: rows have moved over a page's edge."""
        found = at_path(self.body, path, self.where, "paging")
        try:
            total = int(found)
        except (TypeError, ValueError):
            raise SourceError(
                f"{self.where}: '{path}' holds {found!r}, no number. Mend `paging` in the source's YAML."
            ) from None
        if self.told and total < self.told[-1]:
            raise SourceError(
                f"{self.where}: '{path}' fell from {self.told[-1]:,} to {total:,} while it was read, so records may "
                "have been missed. Run again."
            )
        self.told.append(total)
        return total

    def gave_less(self, path: str) -> SourceError:
        """The error for a source that ends before its own total."""
        return SourceError(
            f"{self.where}: '{path}' says {self.told[-1]:,}, but after {self.pages:,} pages with {self.rows:,} records "
            "nothing more comes. Nothing landed; run again, or ask the system's owner."
        )


class NoPaging(pydantic.BaseModel):
    """One answer holds everything."""

    model_config = pydantic.ConfigDict(extra="forbid")
    kind: Literal["none"] = "none"

    def start(self) -> dict[str, Any]:
        """What is asked for first."""
        return {}

    def following(self, turn: Turn) -> str | dict[str, Any] | None:
        """What is asked for after this page; None at the end."""
        return None


class LinkHeader(NoPaging):
    """RFC 8288: the answer's header `Link` names the address of the next page, `rel="next"`."""

    kind: Literal["link_header"]  # type: ignore[assignment]

    def following(self, turn: Turn) -> str | dict[str, Any] | None:
        """The address of the next page; None at the end."""
        for target, parameters in _LINK.findall(turn.answer.headers.get("Link", "")):
            relations = re.search(r';\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))', parameters, re.IGNORECASE)
            if relations and "next" in (relations[1] or relations[2]).lower().split():
                return urljoin(turn.answer.url, target)
        return None


_LINK = re.compile(r'<([^>]*)>((?:\s*;\s*[^\s=;,]+\s*(?:=\s*(?:"[^"]*"|[^\s";,]*))?)*)')


class JsonLink(NoPaging):
    """The answer's field `next` (by dots) is the address of the next page."""

    kind: Literal["json_link"]  # type: ignore[assignment]
    next: str = "next"

    def following(self, turn: Turn) -> str | dict[str, Any] | None:
        """The address of the next page; None at the end."""
        found = _next(turn, self.next)
        return urljoin(turn.answer.url, str(found)) if found else None


class Cursor(NoPaging):
    """The answer's field `next` (by dots) goes into the parameter `parameter`."""

    kind: Literal["cursor"]  # type: ignore[assignment]
    next: str = "next_cursor"
    parameter: str = "cursor"

    def following(self, turn: Turn) -> str | dict[str, Any] | None:
        """The parameter with the cursor; None at the end."""
        found = _next(turn, self.next)
        return {self.parameter: found} if found else None


class Offset(NoPaging):
    """`parameter` counts records, `size_parameter` asks for `size` at a time; `total` is where the answer has it."""

    kind: Literal["offset"]  # type: ignore[assignment]
    parameter: str = "offset"
    size_parameter: str = "limit"
    size: pydantic.PositiveInt = 1000
    total: str | None = None

    def start(self) -> dict[str, Any]:
        """The first `size` records."""
        return {self.parameter: 0, self.size_parameter: self.size}

    def following(self, turn: Turn) -> str | dict[str, Any] | None:
        """The records after those that came, however many were asked for; None at the end."""
        further = {self.parameter: turn.rows, self.size_parameter: self.size}
        if self.total is None:
            return None if turn.is_short else further
        total = turn.total(self.total)
        if not turn.page and turn.rows < total:
            raise turn.gave_less(self.total)
        if turn.pages > 1 and turn.rows > total:
            raise SourceError(
                f"{turn.where}: '{self.total}' says {total:,}, but {turn.rows:,} records have come: it may count one "
                "page only. Mend `paging.total` in the source's YAML."
            )
        # A first page that is full and all there is: or was it the page that was counted? One more look tells.
        is_unsure = turn.pages == 1 and len(turn.page) == self.size
        return further if turn.rows < total or is_unsure else None


class Page(NoPaging):
    """`parameter` counts pages from `first`; `size_parameter` asks for `size` records, where one may choose; `pages` is
    where the answer has the number of pages."""

    kind: Literal["page"]  # type: ignore[assignment]
    parameter: str = "page"
    first: int = 1
    size_parameter: str | None = None
    size: pydantic.PositiveInt | None = None
    pages: str | None = None

    @pydantic.model_validator(mode="after")
    def _both(self) -> Page:
        if (self.size is None) != (self.size_parameter is None):
            raise ValueError("size and size_parameter go together: give both or neither.")
        return self

    def start(self) -> dict[str, Any]:
        """The first page."""
        return self._numbered(self.first)

    def following(self, turn: Turn) -> str | dict[str, Any] | None:
        """The page with the next number; None at the end."""
        further = self._numbered(self.first + turn.pages)
        if self.pages is None:
            return None if turn.is_short else further
        total = turn.total(self.pages)
        if not turn.page and turn.pages < total:
            raise turn.gave_less(self.pages)
        return further if turn.pages < total else None

    def _numbered(self, number: int) -> dict[str, Any]:
        size = {self.size_parameter: self.size} if self.size_parameter else {}
        return {self.parameter: number, **size}


Paging = Annotated[
    NoPaging | LinkHeader | JsonLink | Offset | Page | Cursor,
    pydantic.Field(discriminator="kind"),
]


def pages(
    paging: NoPaging, ask: Ask, records: Callable[[Any], Records], where: str, notes: list[str]
) -> Iterator[Records]:
    """Every page's records. `where` is the address for messages; what is odd but no error goes to `notes`.

    Raises SourceError for a page or an address that comes twice, and for a source that ends before its own total.
    """
    asked: set[str] = set()
    told: list[int] = []
    rows = count = longest = 0
    before: Records = []
    with ThreadPoolExecutor(1) as ahead:  # the server makes the next page while this one is worked on
        coming: Future[tuple[Answer, Any]] | None = ahead.submit(ask, paging.start())
        while coming is not None:
            answer, body = coming.result()
            page = records(body)
            if page and page == before:
                raise SourceError(f"{where}: paging does not advance: page {count + 1:,} repeats the one before.")
            rows, count, longest, before = rows + len(page), count + 1, max(longest, len(page)), page
            following = paging.following(Turn(where, notes, answer, body, page, rows, count, longest, told))
            coming = None
            if following is not None:
                if str(following) in asked:
                    raise SourceError(f"{where}: paging does not advance: {_named(following)} came twice.")
                asked.add(str(following))
                coming = ahead.submit(ask, following)
            yield page
    if told and told[-1] > told[0]:
        notes.append(f"the source grew from {told[0]:,} to {told[-1]:,} while it was read")


def at_path(body: Any, path: str, where: str, key: str) -> Any:
    """What stands at `path` (by dots) of an answer; `key` is the one to mend in the YAML. Raises SourceError."""
    found = body
    for part in filter(None, path.split(".")):
        if not isinstance(found, dict) or part not in found:
            has = found if isinstance(found, dict) else []
            raise SourceError(
                f"{where}: the answer has no '{path}'.{nearest(part, has)} It has: {listed(has)}. "
                f"Mend `{key}` in the source's YAML."
            )
        found = found[part]
    return found


def _next(turn: Turn, path: str) -> Any:
    """The field that leads on. Where even the first answer lacks it, the name may be wrong, or there is one page."""
    if not isinstance(turn.body, dict):
        raise SourceError(
            f"{turn.where}: the answer is a plain list, so it holds no '{path}' to page by. "
            "Mend `paging` in the source's YAML."
        )
    found: Any = turn.body
    for part in path.split("."):
        if not isinstance(found, dict) or part not in found:
            if turn.pages == 1:
                has = found if isinstance(found, dict) else {}
                if nearest(part, has):
                    at_path(turn.body, path, turn.where, "paging.next")
                turn.notes.append(f"no '{path}' in the answer: read as its only page")
            return None
        found = found[part]
    return found


def _named(following: str | dict[str, Any]) -> str:
    if isinstance(following, str):
        return f"the address '{following.partition('?')[0]}…'"
    return " and ".join(f"{key} '{value}'" for key, value in following.items())
