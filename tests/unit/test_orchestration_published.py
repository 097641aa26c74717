"""What a build sees of earlier releases: which count, in which order, and feeds that lack a later column."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration import published
from sources.periods import Quarter

THIS = Quarter(2026, 2)
COLUMNS = (
    "'M' as measure_id, 'CITY' as unit_id, '' as area_id, 'quarter' as period_type, date '2026-04-01' as period_start, "
    "date '2026-06-30' as period_end, 'Q1' as period_label, 1 as decimal_places, false as is_provisional"
)


def publish(releases: Path, name: str, as_of: str, value: float, basis: str = ", 'in_period' as basis") -> None:
    """A release with one figure, that rests on extracts up to `as_of`."""
    feed = releases / name / published.FEED
    feed.parent.mkdir(parents=True)
    told = {"release": name, "as_of": f"{as_of}T09:00:00Z", "released_at": f"{as_of}T23:30:00-05:00"}
    (releases / name / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    duckdb.sql(f"copy (select {COLUMNS}, cast({value} as decimal(18, 4)) as value{basis}) to '{feed}'")


def seen(releases: Path, newest: datetime = datetime(2027, 1, 4, tzinfo=UTC)) -> list[tuple[str, float]]:
    """Releases and values in the order in which they count."""
    with duckdb.connect() as con:
        con.execute("create schema raw")
        published.prepare(con, releases, THIS, newest)
        return con.execute("select release, value::double from raw.vitals__published order by release_order").fetchall()


def test_nothing_has_been_published(tmp_path: Path) -> None:
    assert seen(tmp_path / "releases") == []


def test_releases_count_in_the_order_of_what_they_knew(tmp_path: Path) -> None:
    publish(tmp_path, "2026-27-Q2/r1", "2026-11-02", 2)
    publish(tmp_path, "2026-27-Q1/r1", "2026-08-02", 1)
    publish(tmp_path, "2026-27-Q2/r2", "2026-10-02", 3)  # made later, as of an earlier moment
    assert seen(tmp_path) == [("2026-27-Q1/r1", 1), ("2026-27-Q2/r2", 3), ("2026-27-Q2/r1", 2)]


def test_what_the_build_may_not_know_is_left_out(tmp_path: Path) -> None:
    publish(tmp_path, "2026-27-Q1/r1", "2026-08-02", 1)
    publish(tmp_path, "2026-27-Q1/r2", "2026-09-02", 2)
    publish(tmp_path, "2026-27-Q3/r1", "2026-08-02", 3)  # a later quarter
    publish(tmp_path, "2024-25-Q2/r1", "2026-08-02", 4)  # nine quarters back
    (tmp_path / "2026-27-Q1" / "r3").mkdir()
    (tmp_path / "2026-27-Q1" / "r3" / "manifest.json").write_text("{}", encoding="utf-8")  # not made here
    assert seen(tmp_path) == [("2026-27-Q1/r1", 1), ("2026-27-Q1/r2", 2)]
    assert seen(tmp_path, newest=datetime(2026, 9, 2, 9, tzinfo=UTC)) == [("2026-27-Q1/r1", 1)]


def test_a_release_does_not_find_itself(tmp_path: Path) -> None:
    publish(tmp_path, "2026-27-Q2/r1", "2026-11-02", 1)
    assert seen(tmp_path, newest=datetime(2026, 11, 2, 9, tzinfo=UTC)) == []


@pytest.mark.parametrize("folder", ["releases", "it's here"])
def test_a_feed_from_before_a_column_came_is_read(tmp_path: Path, folder: str) -> None:
    publish(tmp_path / "made", "2026-27-Q1/r1", "2026-08-02", 1, basis="")
    publish(tmp_path / "made", "2026-27-Q1/r2", "2026-09-02", 2)
    (tmp_path / "made").rename(tmp_path / folder)
    with duckdb.connect() as con:
        con.execute("create schema raw")
        published.prepare(con, tmp_path / folder, THIS, datetime(2027, 1, 4, tzinfo=UTC))
        rows = con.execute("select basis, published_on::varchar from raw.vitals__published order by release_order")
        assert rows.fetchall() == [("reported", "2026-08-03"), ("in_period", "2026-09-03")]
