"""What earlier releases published: their figures beside the build's own, so that a changed one is seen.

Releases of the two years up to the quarter that is built count, and none that rests on later extracts than the build
may know: a release that is built again finds what it found the first time. A release of the same figures adds nothing,
so that a second run, which already finds the first one's release, says the same as the first.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from sources.conform import quoted
from sources.periods import Quarter

QUARTERS = 8  # how far back a published figure is still compared
FEED = "feeds/feed_measure_values.parquet"
# A feed of an earlier version may lack a column that came later: this empty table has them all.
NOTHING = """
    select null::varchar as measure_id, null::varchar as unit_id, null::varchar as area_id, null::varchar as basis,
        null::varchar as period_type, null::date as period_start, null::date as period_end,
        null::varchar as period_label, null::decimal(18, 4) as value, null::integer as decimal_places,
        null::boolean as is_provisional, null::varchar as release, null::date as published_on,
        null::integer as release_order
    where false"""


def prepare(con: duckdb.DuckDBPyConnection, releases: Path, quarter: Quarter, as_of: datetime | None) -> None:
    """Make the view `raw.vitals__published`: every figure of the earlier releases, read where it lies."""
    feeds = [
        f"select *, {quoted(release)} as release, date '{day}' as published_on, {order} as release_order "
        f"from read_parquet({quoted(str(feed))})"
        for order, (release, day, feed) in enumerate(_earlier(releases, quarter, as_of), start=1)
    ]
    con.execute(
        "create view raw.vitals__published as select measure_id, unit_id, area_id, coalesce(basis, 'reported') as "
        "basis, period_type, period_start, period_end, period_label, value, decimal_places, is_provisional, release, "
        f"published_on, release_order from ({' union all by name '.join([NOTHING, *feeds])})"
    )


def _earlier(releases: Path, quarter: Quarter, as_of: datetime | None) -> list[tuple[str, date, Path]]:
    """Name, day and feed of each release that counts, in the order in which what they tell became known."""
    first = quarter
    for _ in range(QUARTERS - 1):
        first = first.previous
    found = []
    for period in first.until(quarter):
        for manifest in (releases / period.code).glob("r*/manifest.json"):
            try:
                told = json.loads(manifest.read_text(encoding="utf-8"))
                known, number = datetime.fromisoformat(told["as_of"]), int(manifest.parent.name[1:])
                day = datetime.fromisoformat(told["released_at"]).astimezone(UTC).date()
            except (ValueError, KeyError):
                continue  # not made here; exports leaves it alone, too
            feed = manifest.parent / FEED
            if feed.exists() and (as_of is None or known <= as_of):
                found.append((known, period, number, (told["release"], day, feed)))
    return [entry for *_, entry in sorted(found, key=lambda each: each[:3])]
