"""What a publication looks like at a glance, for those who run the pipeline: a small picture, and its first rows.
Belongs here: pictures and rows of what is published inside. Not here: papers as such (papers), where it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any

import duckdb

from exports.facts import ReleaseFacts
from exports.formats import Selection
from exports.publications import Publication

ROWS = 5
WIDTH, HEIGHT = 400, 90  # px of the drawing, and of its highest bar
HEAD = 20  # px for the title
FEWEST_BARS, MOST_BARS = 3, 40  # quarters: fewer are no history, of more the last ten years tell enough
MOST_LISTED, LINE, NAMES = 8, 14, 170  # columns, and px for each and for its name


@dataclass(frozen=True)
class Preview:
    """A picture with its media type (none where there is nothing to draw), and the first rows as published.

    Drawings are short enough to stand in the text of whoever shows them: some hundred characters.
    """

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
    if day:
        found = connection.execute(
            "select date_diff('quarter', start, max(start) over ()) as ago, start, rows from (select "
            f"date_trunc('quarter', \"{day}\") as start, count(*) as rows from {relation} where start is not null "
            f"group by all) qualify ago < {MOST_BARS} order by start"
        ).fetchall()
        if len(found) >= FEWEST_BARS:
            return _history(f"Rows by quarter of {day}", found)
    names = [column.name for column in selection.columns]
    counts = ", ".join(f'count("{name}") / count(*)' for name in names)
    shares = connection.execute(f"select {counts} from {relation}").fetchone()
    assert shares is not None
    return _filled(sorted(zip(shares, range(len(names)), names, strict=True)))


def _history(title: str, bars: Sequence[tuple[int, date, int]]) -> str:
    """A bar for each quarter, so many quarters ago; one without rows leaves its place empty."""
    oldest = bars[0][0]
    step = WIDTH // (oldest + 1)
    most = max(rows for _, _, rows in bars)
    path, reached = f"M0,{HEAD + HEIGHT}", 0
    for ago, _, rows in bars:
        height = max(1, round(HEIGHT * rows / most))
        path += f"h{(oldest - ago) * step - reached}v-{height}h{step - 1}v{height}"
        reached = (oldest - ago + 1) * step - 1
    under, (_, first, _), (_, last, rows) = HEAD + HEIGHT + 14, bars[0], bars[-1]
    ends = (
        f"<text y='{under}'>{first:%b %Y}</text>"
        f"<text x='{reached}' y='{under}' text-anchor='end'>{last:%b %Y}: {rows:,}</text>"
    )
    return _svg(title, under + 4, f"<path d='{path}'/>{ends}")


def _filled(shares: Sequence[tuple[float, int, str]]) -> str:
    """A bar for each of the columns, those with the most empty cells, as far as there is room."""
    path, names = "", ""
    for line, (share, _, name) in enumerate(shares[:MOST_LISTED]):
        y, width = HEAD + line * LINE, max(1, round((WIDTH - NAMES) * share))
        path += f"M{NAMES},{y}h{width}v9h-{width}z"
        names += f"<text y='{y + 9}'>{escape(name)}</text>"
    gaps = sum(share < 1 for share, *_ in shares)
    title = f"Filled cells by column, {gaps} of {len(shares)} with gaps"
    return _svg(title, HEAD + min(len(shares), MOST_LISTED) * LINE, f"<path d='{path}'/>{names}")


def _svg(title: str, height: int, drawn: str) -> str:
    """Without a ground of its own, in tones that stand out from white and from black."""
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' fill='#7c8896' "
        f"font-family='sans-serif' font-size='11'><text y='11'>{escape(title)}</text>{drawn}</svg>"
    )
