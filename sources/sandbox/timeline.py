"""The time that the sandbox systems cover, and the ways in which days, months and random numbers are counted in it.

Nothing here knows a council, a file format or a protocol.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sources.periods import Quarter, is_working_day

FIRST = Quarter(2021, 1)
LAST = Quarter(2026, 2)
QUARTERS = FIRST.until(LAST)

Days = npt.NDArray[np.datetime64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def generator(seed: int, system: str) -> np.random.Generator:
    """Random numbers of one system, so that a change to one leaves the others as they were."""
    return np.random.default_rng([seed, *system.encode()])


def day(value: date) -> np.datetime64:
    """`value` as numpy counts days."""
    return np.datetime64(value, "D")


BEGIN = day(FIRST.start)
END = day(LAST.end)


@cache
def bank_holidays() -> Days:
    """England's bank holidays in and around the time simulated, as days."""
    days = np.arange(BEGIN - 800, END + 400)
    weekdays = days[np.is_busday(days)]
    return weekdays[[not is_working_day(value) for value in weekdays.tolist()]]


def add_working_days(days: Days, count: Ints) -> Days:
    """The days `count` working days after `days` (first moved on to a working day where they are none)."""
    return np.busday_offset(days, count, roll="backward", holidays=bank_holidays())


@dataclass(frozen=True)
class Month:
    """One month: its first day, the same and the first day after it as numpy counts, and its place (0 is the first)."""

    first: date
    begin: np.datetime64
    end: np.datetime64
    number: int

    @property
    def year(self) -> int:
        """Place of its financial year; 0 is the first one simulated."""
        return Quarter.containing(self.first).year - FIRST.year

    @property
    def working_days(self) -> Days:
        """Its working days."""
        days = np.arange(self.begin, self.end)
        return days[np.is_busday(days, holidays=bank_holidays())]


def months(before: int = 0) -> list[Month]:
    """All months simulated, after `before` earlier ones: what began in those may end in the time simulated."""
    begins = np.arange(np.datetime64(FIRST.start, "M") - before, np.datetime64(LAST.end, "M") + 2)
    days = begins.astype("datetime64[D]")
    return [
        Month(begin.astype(date), begin, end, number)
        for number, (begin, end) in enumerate(pairwise(days), start=-before)
    ]


def during_work(days: Days, rng: np.random.Generator) -> npt.NDArray[np.datetime64]:
    """A second between eight and six o'clock on each of `days`."""
    return days.astype("datetime64[s]") + rng.integers(8 * 3600, 18 * 3600, len(days)).astype("timedelta64[s]")


def quarter_numbers(days: Days) -> Ints:
    """Running number of the quarter of each day (calendar quarters and financial ones have the same bounds)."""
    return (days.astype("datetime64[M]").astype(np.int64)) // 3
