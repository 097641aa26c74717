"""Partitions and the period of a run: quarters of the financial year, told to every asset by the run's tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import dagster as dg

from orchestration.settings import Settings
from sources.periods import Quarter

START_TAG = "dagster/asset_partition_range_start"
END_TAG = "dagster/asset_partition_range_end"
PARTITION_TAG = "dagster/partition"
FROM_TAG = "vitals/from"
AS_OF_TAG = "vitals/as_of"
ACCEPT_TAG = "vitals/accept"  # JSON: dataset → who accepts its volume, and why
AGAIN_TAG = "vitals/again"


def quarterly(settings: Settings) -> dg.TimeWindowPartitionsDefinition:
    """Partitions of the council's history; a key is a quarter's first day. The current quarter can be read, too."""
    end = settings.council.calendar.last_period
    return dg.TimeWindowPartitionsDefinition(
        cron_schedule="0 0 1 1,4,7,10 *",
        start=settings.council.first_quarter.start.isoformat(),
        end=Quarter.parse(end).next.start.isoformat() if end else None,
        fmt="%Y-%m-%d",
        timezone="Europe/London",
    )


def run_tags(
    first: Quarter,
    last: Quarter,
    as_of: datetime | None = None,
    accept: Mapping[str, str] | None = None,
    again: bool = False,
) -> dict[str, str]:
    """Tags that make one run cover `first` to `last`, and publish `last`. `accept` and `again` as in
    `assets.land_dataset`, `accept` by dataset (`complaints/cases`).

    The run is of one partition, the last: with Dagster's own range tags every asset of the job, partitioned or not,
    gets an event per quarter before the first step (2,288 events and 22 seconds for 22 quarters).
    """
    tags = {PARTITION_TAG: last.start.isoformat(), FROM_TAG: first.start.isoformat()}
    tags |= {AS_OF_TAG: as_of.isoformat()} if as_of else {}
    tags |= {ACCEPT_TAG: json.dumps(dict(accept))} if accept else {}
    return tags | ({AGAIN_TAG: "true"} if again else {})


def quarters(settings: Settings, tags: Mapping[str, str]) -> list[Quarter]:
    """The quarters that a run covers; without partition tags every quarter up to the last complete one."""
    first = tags.get(START_TAG) or tags.get(FROM_TAG) or tags.get(PARTITION_TAG)
    last = tags.get(END_TAG) or tags.get(PARTITION_TAG)
    if first and last:
        return _quarter(first).until(_quarter(last))
    return settings.council.first_quarter.until(settings.council.last_complete_quarter(datetime.now(UTC).date()))


def as_of(tags: Mapping[str, str]) -> datetime | None:
    """The cut-off of a run, if it has one."""
    return datetime.fromisoformat(tags[AS_OF_TAG]) if AS_OF_TAG in tags else None


def accepted(tags: Mapping[str, str]) -> dict[str, str]:
    """Datasets whose volume somebody has accepted for this run, with who and why."""
    told: dict[str, str] = json.loads(tags.get(ACCEPT_TAG, "{}"))
    return told


def again(tags: Mapping[str, str]) -> bool:
    """Whether quarters are asked for that nothing can be added to any more."""
    return tags.get(AGAIN_TAG) == "true"


def _quarter(key: str) -> Quarter:
    return Quarter.containing(datetime.fromisoformat(key).date() + timedelta(days=1))
