"""What earlier releases published: their figures beside the build's own, so that a changed one is seen.

Releases of the two years up to the quarter that is built count, and of them those that were made before the newest
extract of the build was read. So neither a second run, which finds nothing new, nor a release that is built again finds
itself or what came after it: they find what was found the first time, and say the same.
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


def prepare(con: duckdb.DuckDBPyConnection, releases: Path, quarter: Quarter, newest: datetime | None) -> None:
    """Make the view `raw.vitals__published`: every figure of the earlier releases, read where it lies. `newest` is when
    the newest extract of this build was read; None when there is none."""
    feeds = [
        f"select *, {quoted(release)} as release, date '{day}' as published_on, {order} as release_order "
        f"from read_parquet({quoted(str(feed))})"
        for order, (release, day, feed) in enumerate(_earlier(releases, quarter, newest), start=1)
    ]
    con.execute(
        "create view raw.vitals__published as select measure_id, unit_id, area_id, coalesce(basis, 'reported') as "
        "basis, period_type, period_start, period_end, period_label, value, decimal_places, is_provisional, release, "
        f"published_on, release_order from ({' union all by name '.join([NOTHING, *feeds])})"
    )


def _earlier(releases: Path, quarter: Quarter, newest: datetime | None) -> list[tuple[str, date, Path]]:
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
                made = datetime.fromisoformat(told["released_at"])
            except (ValueError, KeyError):
                continue  # not made here; exports leaves it alone, too
            feed = manifest.parent / FEED
            if feed.exists() and newest is not None and made < newest:
                found.append((known, period, number, (told["release"], made.astimezone(UTC).date(), feed)))
    return [entry for *_, entry in sorted(found, key=lambda each: each[:3])]
