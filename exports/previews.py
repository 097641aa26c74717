"""What a publication looks like at a glance, for those who run the pipeline: a small picture, and its first rows.
Belongs here: pictures and rows of what is published inside. Not here: papers as such (papers), where it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import duckdb

from exports import charts
from exports.facts import ReleaseFacts
from exports.formats import Selection
from exports.publications import Publication

ROWS = 5
WIDTH = 400
BAR_AREA = 96  # px of height for the bars of a history
LINE = 15  # px for a bar of a list
FEWEST_BARS = 3  # fewer are no history
MOST_BARS = 40  # more quarters than this are shown as years
MOST_LISTED = 12
STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#4a5563}.title{fill:#14202e;font-weight:600}"
    ".bar{fill:#5f7f95}.rest{fill:#e9eef1}"
)


@dataclass(frozen=True)
class Preview:
    """A picture with its media type (none where there is nothing to draw), and the first rows as published."""

    picture: bytes | None
    media_type: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def preview(connection: duckdb.DuckDBPyConnection, publication: Publication, facts: ReleaseFacts) -> Preview:
    """A publication's first table at a glance, from the curated database.

    The picture is the first page of its first paper where it has papers, else rows by quarter where its rows have a
    day, else how much of each column is filled.
    """
    table = publication.tables[0]
    selection = Selection(table, table.columns_for("internal"), publication.order_by)
    result = connection.execute(f"{selection.query} limit {ROWS}")
    names = [column[0] for column in result.description]
    rows = result.fetchall()
    picture, media_type = None, "image/svg+xml"
    if "pdf" in publication.formats:
        from exports.papers import draw_cover

        picture, media_type = draw_cover(connection, publication, selection, facts), "image/png"
    elif rows:
        picture = _drawing(connection, selection).encode()
    return Preview(picture, media_type, names, rows)


def _drawing(connection: duckdb.DuckDBPyConnection, selection: Selection) -> str:
    relation = selection.table.relation
    day = next((column.name for column in selection.columns if column.type.lower() == "date"), None)
    for part in ("quarter", "year") if day else ():
        found = connection.execute(
            f"select date_trunc('{part}', \"{day}\") as start, count(*) from {relation} where start is not null "
            "group by all order by start"
        ).fetchall()
        if len(found) < FEWEST_BARS:
            break
        if part == "year" or len(found) <= MOST_BARS:
            return _history(f"Rows by {part} of {day}", [(f"{start:%b %Y}", count) for start, count in found])
    names = [column.name for column in selection.columns]
    counts = ", ".join(f'count("{name}")' for name in names)
    row = connection.execute(f"select count(*), {counts} from {relation}").fetchone()
    assert row is not None
    return _list("Filled cells by column", row[0], list(zip(names, row[1:], strict=True)))


def _history(title: str, bars: Sequence[tuple[str, int]]) -> str:
    top, bottom = 26, 18
    step = WIDTH / max(len(bars), 1)
    most = max((count for _, count in bars), default=1)
    drawn = []
    for at, (name, count) in enumerate(bars):
        height = BAR_AREA * count / most
        drawn.append(
            f'<rect class="bar" x="{charts.px(at * step + step * 0.1)}" y="{charts.px(top + BAR_AREA - height)}" '
            f'width="{charts.px(step * 0.8)}" height="{charts.px(height)}"><title>{name}: {count:,}</title></rect>'
        )
    under = top + BAR_AREA + 13
    if bars:
        drawn.append(f'<text x="0" y="{under}">{bars[0][0]}</text>')
        drawn.append(f'<text x="{WIDTH}" y="{under}" text-anchor="end">{bars[-1][0]}: {bars[-1][1]:,}</text>')
    return _svg(title, top + BAR_AREA + bottom, drawn)


def _list(title: str, rows: int, columns: Sequence[tuple[str, int]]) -> str:
    drawn, left = [], 170
    y = 24
    for name, filled in columns[:MOST_LISTED]:
        width = (WIDTH - left) * filled / rows
        drawn.append(
            f'<text x="0" y="{y + 10}">{escape(name)}</text>'
            f'<rect class="rest" x="{left}" y="{y + 2}" width="{WIDTH - left}" height="{LINE - 5}"/>'
            f'<rect class="bar" x="{left}" y="{y + 2}" width="{charts.px(width)}" height="{LINE - 5}"/>'
        )
        y += LINE
    if len(columns) > MOST_LISTED:
        drawn.append(f'<text x="0" y="{y + 11}">and {len(columns) - MOST_LISTED} more</text>')
        y += LINE
    return _svg(title, y + 6, drawn)


def _svg(title: str, height: int, drawn: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + 16}" height="{height + 12}" '
        f'viewBox="-8 -6 {WIDTH + 16} {height + 12}"><style>{STYLE}</style>'
        f'<rect x="-8" y="-6" width="{WIDTH + 16}" height="{height + 12}" fill="#fff"/>'
        f'<text class="title" x="0" y="12">{escape(title)}</text>{"".join(drawn)}</svg>'
    )
