"""Pictures of tables without papers: a history where rows have days, else the columns with gaps."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import duckdb
import pytest
from exports_fixture import FACTS

from exports import Preview, Publication, preview
from exports.publications import Column, Table

INSIDE = frozenset({"internal"})


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connected:
        connected.execute("create schema marts")
        yield connected


def drawn(connection: duckdb.DuckDBPyConnection, query: str) -> Preview:
    """A preview of a feed that holds what the query gives."""
    connection.execute(f"create table marts.feed_things as {query}")
    described = connection.execute("describe marts.feed_things").fetchall()
    columns = tuple(Column(name, kind.lower(), "", INSIDE) for name, kind, *_ in described)
    table = Table("marts", "feed_things", "", columns)
    publication = Publication(
        "feed_things", "Things", "", "", "", "", "feed", 1, ("internal",), ("parquet",), (), (table,)
    )
    return preview(connection, publication, FACTS)


def texts(preview: Preview) -> list[str]:
    assert preview.picture is not None and preview.media_type == "image/svg+xml"
    return [
        each.text or "" for each in ElementTree.fromstring(preview.picture).iter("{http://www.w3.org/2000/svg}text")
    ]


def bars(preview: Preview) -> list[tuple[int, int]]:
    """Left edge and height of each bar of a history."""
    assert preview.picture is not None
    found, x = [], 0
    for step, height, width in re.findall(r"h(-?\d+)v-(\d+)h(\d+)v\d+", preview.picture.decode()):
        x += int(step)
        found.append((x, int(height)))
        x += int(width)
    return found


def test_a_table_with_days_is_drawn_by_quarter_and_a_gap_stays_a_gap(connection: duckdb.DuckDBPyConnection) -> None:
    """Quarters 0, 1 and 3 have rows; the second has twice as many as the others."""
    shown = drawn(
        connection,
        "select cast(day as date) as day, 'x' as name from (values ('2025-04-01'), ('2025-07-09'), ('2025-09-30'), "
        "('2026-01-01'), (null)) as given(day)",
    )
    assert texts(shown) == ["Rows by quarter of day", "Apr 2025", "Jan 2026: 1"]
    assert bars(shown) == [(0, 45), (100, 90), (300, 45)]


def test_of_a_long_history_the_last_ten_years_are_drawn(connection: duckdb.DuckDBPyConnection) -> None:
    shown = drawn(connection, "select cast(day as date) as day from range(date '2001-01-01', date '2026-07-01', "
                  "interval 1 month) as given(day)")  # fmt: skip
    assert texts(shown)[1:] == ["Jul 2016", "Apr 2026: 3"]
    assert len(bars(shown)) == 40
    assert shown.picture is not None and len(shown.picture) < 800


def test_a_table_without_history_shows_its_gaps_the_widest_first(connection: duckdb.DuckDBPyConnection) -> None:
    shown = drawn(connection, "select 1 as whole, if(k = 0, 1, null) as quarter_full, if(k > 0, 1, null) as nearly, "
                  "null::varchar as \"a<b\", date '2026-07-01' as day from range(4) as given(k)")  # fmt: skip
    assert texts(shown) == [
        "Filled cells by column, 3 of 5 with gaps", "a<b", "quarter_full", "nearly", "whole", "day",
    ]  # fmt: skip


def test_a_table_without_gaps_is_drawn_and_one_without_rows_is_not(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert texts(drawn(connection, "select 1 as one")) == ["Filled cells by column, 0 of 1 with gaps", "one"]
    connection.execute("drop table marts.feed_things")
    empty = drawn(connection, "select 1 as one, current_date as day where false")
    assert (empty.picture, empty.columns, empty.rows) == (None, ["one", "day"], [])


def test_the_first_rows_are_those_of_the_files(connection: duckdb.DuckDBPyConnection) -> None:
    shown = drawn(connection, "select 9 - k as k from range(9) as given(k)")
    assert shown.rows == [(1,), (2,), (3,), (4,), (5,)]
