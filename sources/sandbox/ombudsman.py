"""Decisions of the ombudsman about the council, as the customer system keeps them: one Parquet file, always whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.sandbox import city
from sources.sandbox.city import MERGED, MERGED_INTO
from sources.sandbox.effects import EDUCATION_PLANS
from sources.sandbox.timeline import END, generator, months

RECORDS = "ombudsman.parquet"
DECISIONS = ["Upheld", "Not upheld", "Closed after initial enquiries", "Referred back", "Invalid", "Advice given"]
REMEDIES = ["Apology", "Payment", "Service improvement", "Reconsider decision", "Already remedied", "No further remedy"]
_NONE = np.datetime64("NaT", "D")
_PER_YEAR = 62
_TEAMS = np.array(list(city.TEAMS))


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the decisions to `folder`. There are as many at every scale."""
    rng = generator(seed, "ombudsman")
    units, days = [], []
    share = city.per_service("complaints") * city.per_service("upheld") ** 2
    share /= share.sum()
    for month in months():
        counts = rng.poisson(share * _PER_YEAR / 12 * city.factor(EDUCATION_PLANS, month.first))
        if not city.exists(month.first)[MERGED]:
            counts[MERGED_INTO] += counts[MERGED]
            counts[MERGED] = 0
        units.append(np.repeat(np.arange(len(share)), counts))
        days.append(np.sort(rng.choice(month.working_days, int(counts.sum()))))
    unit, decided = np.concatenate(units), np.concatenate(days)
    n = len(unit)
    detailed = rng.random(n) < 0.42
    upheld = detailed & (rng.random(n) < np.clip(city.per_service("upheld")[unit] + 0.28, 0, 0.95))
    decision = np.where(detailed, np.where(upheld, 0, 1), rng.choice([2, 3, 4, 5], n, p=[0.52, 0.3, 0.11, 0.07]))
    remedy = rng.choice(len(REMEDIES), n, p=[0.24, 0.38, 0.16, 0.08, 0.1, 0.04])
    pays = upheld & (remedy == 1)
    pounds = np.round(rng.lognormal(6.0, 0.8, n) / 50) * 50 + 50
    owed = upheld & (remedy <= 3)
    due = np.where(owed, decided + rng.choice([28, 42, 84], n), _NONE)
    done = np.where(rng.random(n) < 0.9, due - rng.integers(1, 20, n), due + rng.integers(3, 60, n))
    known = rng.random(n) < 0.8
    table = {
        "reference": pa.array(
            [f"{day.item():%y} {place:03d} {(place * 37) % 1000:03d}" for place, day in enumerate(decided)]
        ),
        "our_reference": pa.array([f"C{number:06d}" for number in rng.integers(1, 20_000, n)], mask=~known),
        "decided": pa.array(decided),
        "team": pa.array(_TEAMS[unit * 3]),
        "decision": pa.array(np.array(DECISIONS)[decision]),
        "detailed": pa.array(detailed),
        "remedy": pa.array(np.array(REMEDIES)[remedy], mask=~upheld),
        "payment": pa.array([f"{value:.2f}" for value in pounds], mask=~pays),
        "remedy_due": pa.array(due),
        "remedied": pa.array(np.where(done <= END, done, _NONE)),
    }
    pq.write_table(pa.table(table), folder / RECORDS)
