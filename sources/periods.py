"""The financial calendar: quarters, their months and working days. Nobody computes a quarter anywhere else.

A financial year runs from 1 April to 31 March; Q1 is April to June. Working days leave out weekends and
England's bank holidays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import holidays

_CODE = re.compile(r"^(\d{4})-(\d{2})-Q([1-4])$")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, order=True)
class Quarter:
    """One quarter of a financial year, ordered by time.

    `year` is the calendar year in which the financial year begins, `number` is 1 to 4.
    """

    year: int
    number: int

    @classmethod
    def parse(cls, code: str) -> Quarter:
        """The quarter written `2025-26-Q3`. Raises ValueError, saying what is wrong, for anything else."""
        match = _CODE.match(code.strip().upper())
        if not match:
            raise ValueError(f"'{code}' is not a period. Periods are written 2025-26-Q3.")
        year, following, number = int(match[1]), int(match[2]), int(match[3])
        if (year + 1) % 100 != following:
            raise ValueError(
                f"'{code}' is not a financial year: {year} is followed by {(year + 1) % 100:02d}. "
                f"Did you mean '{year}-{(year + 1) % 100:02d}-Q{number}'?"
            )
        return cls(year, number)

    @classmethod
    def containing(cls, day: date) -> Quarter:
        """The quarter in which `day` falls."""
        year = day.year if day.month >= 4 else day.year - 1
        return cls(year, (day.month - 4) % 12 // 3 + 1)

    @classmethod
    def last_complete(cls, today: date) -> Quarter:
        """The newest quarter that had ended before `today`."""
        return cls.containing(today).previous

    @property
    def code(self) -> str:
        """As people and commands write it: `2025-26-Q3`."""
        return f"{self.financial_year}-Q{self.number}"

    @property
    def financial_year(self) -> str:
        """The financial year as files name it: `2025-26`."""
        return f"{self.year}-{(self.year + 1) % 100:02d}"

    @property
    def label(self) -> str:
        """As readers see it: `Q3 2025/26 (Oct–Dec 2025)`."""
        year = self.financial_year.replace("-", "/")
        return f"Q{self.number} {year} ({_MONTHS[self.start.month - 1]}–{month_label(self.end)})"

    @property
    def start(self) -> date:
        """First day."""
        month = (3, 6, 9, 0)[self.number - 1] + 1
        return date(self.year + (self.number == 4), month, 1)

    @property
    def end(self) -> date:
        """Last day, inclusive."""
        return self.next.start - timedelta(days=1)

    @property
    def next(self) -> Quarter:
        """The quarter after this one."""
        return Quarter(self.year + (self.number == 4), self.number % 4 + 1)

    @property
    def previous(self) -> Quarter:
        """The quarter before this one."""
        return Quarter(self.year - (self.number == 1), (self.number - 2) % 4 + 1)

    @property
    def months(self) -> list[date]:
        """First days of its three months."""
        return [date(self.start.year, self.start.month + offset, 1) for offset in range(3)]

    def until(self, last: Quarter) -> list[Quarter]:
        """Every quarter from this one to `last`, both included; empty when `last` is earlier."""
        quarters, quarter = [], self
        while quarter <= last:
            quarters.append(quarter)
            quarter = quarter.next
        return quarters

    def __str__(self) -> str:
        return self.code


def month_label(day: date) -> str:
    """`Sep 2026`."""
    return f"{_MONTHS[day.month - 1]} {day.year}"


@lru_cache
def _bank_holidays(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("GB", subdiv="ENG", years=year))


def is_working_day(day: date) -> bool:
    """Whether `day` is neither a weekend nor a bank holiday in England."""
    return day.weekday() < 5 and day not in _bank_holidays(day.year)


def add_working_days(day: date, count: int) -> date:
    """The day that is `count` working days after `day`; `day` itself is never counted."""
    while count:
        day += timedelta(days=1)
        count -= is_working_day(day)
    return day


def period_rows(first: date, last: date) -> list[tuple[str, date, date, str, str, date, date | None]]:
    """Months, quarters, and financial, academic and calendar years that begin between `first` and `last`.

    Each row: period type, start, end (inclusive), code, label, start of its financial year, start of its quarter
    (None for years). `first` should be a 1 April.
    """
    rows: list[tuple[str, date, date, str, str, date, date | None]] = []
    for quarter in Quarter.containing(first).until(Quarter.containing(last)):
        year_start = date(quarter.year, 4, 1)
        for month in quarter.months:
            following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
            month_end = following - timedelta(days=1)
            rows.append(("month", month, month_end, f"{month:%Y-%m}", month_label(month), year_start, quarter.start))
        rows.append(("quarter", quarter.start, quarter.end, quarter.code, quarter.label, year_start, quarter.start))
        if quarter.number == 1:
            code = quarter.financial_year
            year_end = date(quarter.year + 1, 3, 31)
            rows.append(("financial_year", year_start, year_end, code, code.replace("-", "/"), year_start, None))
        if quarter.number == 2:
            code = quarter.financial_year  # school years are named as financial years are: by the years they span
            span = (date(quarter.year, 9, 1), date(quarter.year + 1, 8, 31))
            rows.append(("academic_year", *span, code, f"Academic year {code.replace('-', '/')}", year_start, None))
        if quarter.number == 4:
            january, december = quarter.start, date(quarter.start.year, 12, 31)
            code = str(january.year)
            rows.append(("calendar_year", january, december, code, code, year_start, None))
    return rows


def day_rows(first: date, last: date) -> list[tuple[date, bool, int, date, date]]:
    """Every day from `first` to `last`: day, is it a working day, number of working days up to and including it,
    first day of its month, first day of its quarter. Working days between two days are a difference of numbers.
    """
    rows, number, day = [], 0, first
    while day <= last:
        working = is_working_day(day)
        number += working
        rows.append((day, working, number, day.replace(day=1), Quarter.containing(day).start))
        day += timedelta(days=1)
    return rows
