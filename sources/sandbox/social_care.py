"""The case system of adult social care: an SQLite database with requests as they stand now, and packages of care."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from sources.sandbox.effects import CARE_PRICES
from sources.sandbox.tables import insert
from sources.sandbox.timeline import BEGIN, END, during_work, generator, months, quarter_numbers

DATABASE = "social_care.sqlite"
_SCHEMA = """
create table contact (contact_ref text, received date, age_band text, source text, team text, closed date,
    sequel text, changed_at timestamp);
create table service_line (package_ref text, line_start date, line_end date, team text, age_band text,
    element text, weekly_rate real);
"""
_INDEX = "create index contact_changed_at on contact (changed_at);"
_NONE = np.datetime64("NaT", "D")
_REQUESTS_PER_MONTH = 430
_PACKAGES = 3200
_SOURCES = np.array(["Community", "Hospital", "Transition", "Self-funder"])
_SEQUELS = np.array(["Long term", "Short term", "Low level", "Signposted", "Nothing"])
# Element of care, team, age band, share of packages, pounds a week in 2021, months that it usually lasts.
_ELEMENTS = [
    ("RES", "ASC-OLD", "65+", 0.17, 790, 24),
    ("NUR", "ASC-OLD", "65+", 0.10, 960, 17),
    ("HOM", "ASC-LOC", "65+", 0.29, 310, 20),
    ("HOM", "ASC-LOC", "18-64", 0.07, 290, 34),
    ("SUP", "ASC-LDA", "18-64", 0.12, 1020, 70),
    ("RES", "ASC-LDA", "18-64", 0.05, 1640, 80),
    ("DIR", "ASC-LDA", "18-64", 0.08, 380, 60),
    ("SUP", "ASC-MEN", "18-64", 0.05, 690, 40),
    ("DAY", "ASC-LOC", "65+", 0.07, 120, 22),
]


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the database to `folder`."""
    with sqlite3.connect(folder / DATABASE) as database:
        database.executescript(_SCHEMA)
        insert(database, "contact", _contacts(generator(seed, "care requests"), scale))
        insert(database, "service_line", _lines(generator(seed, "care packages"), scale))
        database.executescript(_INDEX)
    database.close()


def _contacts(rng: np.random.Generator, scale: float) -> list[np.ndarray]:
    days = []
    for month in months():
        winter = 1 + 0.08 * np.cos(2 * np.pi * (month.first.month - 1) / 12)
        count = rng.poisson(_REQUESTS_PER_MONTH * scale * winter * (1 + 0.0025 * month.number))
        days.append(np.sort(rng.choice(month.working_days, count)))
    received = np.concatenate(days)
    n = len(received)
    old = rng.random(n) < 0.68
    source = np.where(
        old, rng.choice([0, 1, 3], n, p=[0.72, 0.25, 0.03]), rng.choice([0, 1, 2], n, p=[0.84, 0.1, 0.06])
    )
    sequel = rng.choice(len(_SEQUELS), n, p=[0.09, 0.19, 0.16, 0.33, 0.23])
    sequel = np.where((source == 1) & (rng.random(n) < 0.5), 1, sequel)
    closed = received + np.ceil(rng.gamma(1.6, 13, n)).astype(np.int64)
    closed = np.where(closed <= END, closed, _NONE)
    team = np.where(source == 1, "ASC-HOS", np.where(old, "ASC-LOC", rng.choice(["ASC-LDA", "ASC-MEN"], n)))
    changed = during_work(np.where(np.isnat(closed), received, closed), rng)
    quarters = quarter_numbers(changed)
    for quarter in np.unique(quarters):
        spoilt = rng.choice(np.flatnonzero((quarters == quarter) & ~np.isnat(closed)))
        closed[spoilt] = received[spoilt] - 3
    sequels = _SEQUELS[sequel].astype(object)
    sequels[np.isnat(closed)] = None
    refs = np.array([f"CN{number:06d}" for number in range(1, n + 1)])
    return [refs, received, np.where(old, "65+", "18-64"), _SOURCES[source], team, closed, sequels, changed]


def _lines(rng: np.random.Generator, scale: float) -> list[np.ndarray]:
    """Lines of all packages: a package begins a new one each April, when its rate rises."""
    shares = np.array([row[3] for row in _ELEMENTS])
    lasting = np.array([row[5] for row in _ELEMENTS], dtype=float)
    # As many begin in a month as are needed for the number of packages to grow slowly.
    standing = np.repeat(np.arange(len(_ELEMENTS)), np.round(_PACKAGES * scale * shares).astype(int))
    kinds, starts = [standing], [BEGIN - 1 - rng.integers(0, 700, len(standing))]
    for month in months():
        counts = rng.poisson(_PACKAGES * scale * shares / lasting * (1.06 + 0.001 * month.number))
        begun = np.repeat(np.arange(len(_ELEMENTS)), counts)
        kinds.append(begun)
        starts.append(rng.choice(np.arange(month.begin, month.end), len(begun)))
    kind, start = np.concatenate(kinds), np.concatenate(starts)
    n = len(kind)
    # What stood at the beginning goes on as long as something new would: such stays have no memory.
    days = np.ceil(rng.exponential(lasting[kind] * 30.4)).astype(np.int64)
    end = np.maximum(start, BEGIN) + days
    rate = np.array([row[4] for row in _ELEMENTS], dtype=float)[kind] * rng.lognormal(0, 0.22, n)
    package, first, last, weekly = [], [], [], []
    for year in range(2021, 2027):
        begin, until = np.datetime64(f"{year}-04-01"), np.datetime64(f"{year + 1}-03-31")
        rows = np.flatnonzero((start <= min(until, END)) & (end >= begin))
        closes = np.where(end[rows] > until, until, end[rows])
        package.append(rows)
        first.append(np.where((year > 2021) & (start[rows] < begin), begin, start[rows]))
        last.append(np.where(closes <= END, closes, _NONE))
        weekly.append(rate[rows])
        rate = rate * (CARE_PRICES.size if year + 1 == CARE_PRICES.starts.year else 1.045)
    rows = np.concatenate(package)
    return [
        np.array([f"P{number:06d}" for number in range(1, n + 1)])[rows],
        np.concatenate(first),
        np.concatenate(last),
        *(np.array([row[place] for row in _ELEMENTS])[kind[rows]] for place in (1, 2, 0)),
        np.round(np.concatenate(weekly), 2),
    ]
