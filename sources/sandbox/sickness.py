"""Sickness in the fictional city: spells that staff fall ill for, and the versions that the HR system keeps of them.

How the database stores them is `hr`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sources.sandbox import city, timeline
from sources.sandbox.effects import CARE_SICKNESS, CARE_SWINGS
from sources.sandbox.timeline import BEGIN, END, Days, Flags, Floats, Ints

# Reason: code, share of spells, typical calendar days (median and spread of a lognormal), how much more in winter.
_REASONS = [
    ("S13", 0.56, 3.2, 0.65, 0.55),
    ("S11", 0.14, 6.5, 0.95, 0.0),
    ("S10", 0.09, 15.0, 1.0, 0.05),
    ("S26", 0.06, 16.0, 0.75, 0.0),
    ("S98", 0.15, 3.5, 0.8, 0.1),
]
_STRESS = 2
_DAYS_PER_SPELL = 5.35  # working days, of the reasons above taken together; observed
_PANDEMIC_WAVES = {"2021-07": 1.3, "2021-12": 1.7, "2022-01": 1.6, "2022-03": 1.45, "2022-07": 1.35}
REASON_CODES = [row[0] for row in _REASONS]
_NONE = np.datetime64("NaT", "D")


@dataclass
class Staff:
    """Everyone ever employed, one row each: unit and post as positions in their tables, `leave` NaT while employed."""

    unit: Ints
    post: Ints
    fte: Floats
    start: Days
    leave: Days
    reason: npt.NDArray[np.str_]


@dataclass
class Spells:
    """Spells of sickness, one row each: who and why as positions in their tables, first and last day."""

    who: Ints
    reason: Ints
    start: Days
    end: Days


@dataclass
class Versions:
    """What the HR system saved, one row per saving: position of the spell, its days as then known, FTE and moment."""

    spell: Ints
    first_day: Days
    last_day: Days
    fte: Floats
    changed: npt.NDArray[np.datetime64]


_Rows = TypeVar("_Rows", Spells, Versions)


def _take(rows: _Rows, which: npt.NDArray[Any]) -> _Rows:
    return type(rows)(**{field.name: getattr(rows, field.name)[which] for field in fields(rows)})


def sickness_history(rng: np.random.Generator, seed: int, staff: Staff) -> tuple[Spells, Versions]:
    """All spells of `staff` that touch the time simulated, and their versions in the order of saving."""
    spells = _spells(rng, seed, staff)
    versions = _with_faults(rng, _versions(rng, spells, staff.fte))
    return spells, _take(versions, np.argsort(versions.changed, kind="stable"))


def _spells(rng: np.random.Generator, seed: int, staff: Staff) -> Spells:
    who, reason, start = _onsets(rng, seed, staff)
    medians = np.array([row[2] for row in _REASONS])[reason]
    spreads = np.array([row[3] for row in _REASONS])[reason]
    days = np.clip(np.round(rng.lognormal(np.log(medians), spreads)), 1, 364).astype(np.int64)
    leave = np.where(np.isnat(staff.leave[who]), np.datetime64("2100-01-01"), staff.leave[who])
    spells = Spells(who, reason, start, np.minimum(start + days - 1, leave))
    employed = (start >= staff.start[who]) & (start <= leave)
    return _take(spells, employed & _first_of_overlapping(who, start, spells.end))


def _versions(rng: np.random.Generator, spells: Spells, fte: Floats) -> Versions:
    """A spell of over a week is saved when it opens; each when it closes; a few once more when mended months later."""
    n = len(spells.who)
    lasting = (spells.end - spells.start).astype(np.int64) + 1
    opened_on = spells.start + rng.integers(1, 4, n)
    wrong = (rng.random(n) < 0.015) & (lasting > 3)
    recorded_end: Days = np.where(wrong, spells.end + rng.integers(2, 12, n), spells.end)
    closed_on: Days = recorded_end + rng.integers(1, 6, n)
    late = rng.random(n) < 0.02  # reported to HR weeks afterwards, often in the next quarter
    closed_on[late] += rng.integers(25, 90, int(late.sum()))
    mended_on: Days = closed_on + rng.integers(40, 160, n)
    opens = np.flatnonzero((lasting > 7) & (opened_on < closed_on) & _in_time_simulated(opened_on))
    closes = np.flatnonzero(_in_time_simulated(closed_on))
    mends = np.flatnonzero(wrong & _in_time_simulated(mended_on))
    spell = np.concatenate([opens, closes, mends])
    last_day = np.concatenate([np.full(len(opens), _NONE), recorded_end[closes], spells.end[mends]])
    saved = np.concatenate([opened_on[opens], closed_on[closes], mended_on[mends]])
    return Versions(spell, spells.start[spell], last_day, fte[spells.who[spell]], timeline.during_work(saved, rng))


def _in_time_simulated(days: Days) -> Flags:
    return (days >= BEGIN) & (days <= END)


def _onsets(rng: np.random.Generator, seed: int, staff: Staff) -> tuple[Ints, Ints, Days]:
    """Who falls ill, why and on which working day; employment and overlaps are checked by the caller."""
    base = city.per_service("sickness") / _DAYS_PER_SPELL / 12
    shares = np.array([row[1] for row in _REASONS])
    winter = np.array([row[4] for row in _REASONS])
    frailty = rng.gamma(1.6, 1 / 1.6, len(staff.unit))
    whos: list[Ints] = []
    reasons: list[Ints] = []
    starts: list[Days] = []
    for month in timeline.months(before=12):
        employed = np.flatnonzero((staff.start < month.end) & (np.isnat(staff.leave) | (staff.leave >= month.begin)))
        season = 1 + winter * np.cos(2 * np.pi * (month.first.month - 1) / 12)
        season[0] *= _PANDEMIC_WAVES.get(f"{month.first:%Y-%m}", 1.0)
        season[_STRESS] *= 1 + 0.0015 * month.number
        worse = city.factor(CARE_SICKNESS, month.first)
        swing = city.swing(CARE_SWINGS, seed, month.first)
        rate = np.outer(base, shares * season) * (worse * swing)[:, None]
        rate[worse > 1, _STRESS] *= 1.3
        counts = rng.poisson(rate[staff.unit[employed]] * frailty[employed, None])
        rows, columns = np.nonzero(counts)
        times = counts[rows, columns]
        who, why = np.repeat(employed[rows], times), np.repeat(columns, times)
        starts.append(rng.choice(np.arange(month.begin, month.end), len(who)))
        whos.append(who)
        reasons.append(why)
    start = np.busday_offset(np.concatenate(starts), 0, roll="forward", holidays=timeline.bank_holidays())
    who, reason = np.concatenate(whos), np.concatenate(reasons)
    kept = start <= END
    return who[kept], reason[kept], start[kept]


def _first_of_overlapping(who: Ints, start: Days, end: Days) -> Flags:
    """True for spells that begin after everything earlier of the same person has ended."""
    order = np.lexsort((start, who))
    far = 100_000
    begins = who[order] * far + start[order].astype(np.int64)
    ends = np.maximum.accumulate(who[order] * far + end[order].astype(np.int64))
    kept = np.empty(len(who), dtype=bool)
    kept[order] = np.r_[True, begins[1:] > ends[:-1]]
    return kept


def _with_faults(rng: np.random.Generator, versions: Versions) -> Versions:
    """Two negative FTEs, one spell that ends before it begins and one saved twice, in every quarter."""
    quarters = timeline.quarter_numbers(versions.changed)
    # Only spells with a single version: no earlier one is left standing as an absence without end.
    sound = (np.bincount(versions.spell)[versions.spell] == 1) & ~np.isnat(versions.last_day)
    again: list[int] = []
    for quarter in np.unique(quarters):
        chosen = rng.choice(np.flatnonzero(sound & (quarters == quarter)), 4, replace=False)
        versions.fte[chosen[:2]] *= -1
        versions.last_day[chosen[2]] = versions.first_day[chosen[2]] - 3
        again.append(int(chosen[3]))
    return _take(versions, np.r_[np.arange(len(quarters)), again])
