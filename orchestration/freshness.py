"""Whether what a source must have given by now is there: fresh, awaited, late, or of an earlier day.

The contract says how long after a quarter's end its data may take (slaProperties.latency). A backfill made years later
is not late: what counts is that nothing is missing that the source owes today.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from orchestration import attempts, build
from orchestration.settings import Settings
from sources.contract import Contract
from sources.landing import ExtractInForce
from sources.periods import Quarter


@dataclass(frozen=True)
class Freshness:
    """Of one dataset and quarter. `due` is the last day on which it may arrive (None: the contract names none),
    `last_extract` the newest extract in force, `error` why the last attempt landed nothing."""

    due: date | None
    last_extract: datetime | None
    is_missing: bool
    error: str | None
    today: date

    @property
    def is_awaited(self) -> bool:
        """Not there, and not due yet."""
        return self.is_missing and self.due is not None and self.today <= self.due

    @property
    def in_time(self) -> bool:
        """Whether the source owes nothing today and could be read when it was last asked."""
        return self.error is None and (not self.is_missing or self.is_awaited)

    @property
    def state(self) -> str:
        """In words: `in force`, `not refreshed`, `awaited by 10 Oct 2026`, `late by 12 days`, `missing`."""
        if not self.is_missing:
            return "not refreshed" if self.error else "in force"
        if self.due is None:
            return "missing"
        if self.is_awaited:
            return f"awaited by {self.due:%d %b %Y}"
        days = (self.today - self.due).days
        return f"late by {days} day{'s' * (days != 1)}"


def freshness(
    settings: Settings, contract: Contract, extracts: list[ExtractInForce], quarter: Quarter, today: date
) -> Freshness:
    """How fresh a dataset is for `quarter`, given its extracts in force."""
    return Freshness(
        due=None if contract.latency_days is None else quarter.end + timedelta(days=contract.latency_days),
        last_extract=max((extract.extracted_at for extract in extracts), default=None),
        is_missing=build.is_missing(settings, contract, extracts, quarter, None),
        error=attempts.last_error(settings.data, contract, quarter),
        today=today,
    )
