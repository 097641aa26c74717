"""What services keep in files of their own: homelessness, household waste, and the collection of local taxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sources.sandbox import timeline
from sources.sandbox.district.world import HOUSEHOLDS, NONE, SHELTER_COSTS
from sources.sandbox.tables import british_dates, write_csv
from sources.sandbox.timeline import QUARTERS, Days

FOLDER = "returns"
_DUTIES = 26  # accepted a month, before homes became scarce
_ENDS = ["Home found", "Still homeless", "56 days over", "Lost contact", "Withdrawn", "Offer refused"]
_PLACES = ["B&B", "Nightly let", "Hostel", "Leased"]
# Stream, what becomes of it, tonnes a quarter (April to June first), change a year, whether from households.
_STREAMS = [
    ("Blue bin", "Recycled", [1950, 1900, 2050, 2000], 1.004, "Y"),
    ("Garden", "Composted", [1900, 1750, 700, 350], 1.01, "Y"),
    ("Reuse", "Reused", [40, 42, 38, 36], 1.02, "Y"),
    ("Grey bin", "Energy from waste", [4150, 4100, 4250, 4300], 0.992, "Y"),
    ("Bulky", "Landfill", [95, 90, 80, 75], 0.99, "Y"),
    ("Sweepings", "Recycled", [180, 190, 240, 170], 1.0, "N"),
]
_COUNCIL_TAX, _BUSINESS_RATES = 78.5e6, 31.0e6  # debit of the first year, pounds
# Share of the year's debit that comes in each month, April first: ten instalments, few people pay in twelve.
_INSTALMENTS = np.array([10.4, 9.6, 9.5, 9.5, 9.5, 9.5, 9.5, 9.5, 9.4, 8.9, 2.3, 0.9]) / 100


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write all files to `folder`. Waste and taxes are of the whole district at every scale."""
    rng = timeline.generator(seed, "district returns")
    _write_homelessness(rng, folder / FOLDER, scale)
    _write_waste(rng, folder / FOLDER)
    _write_taxes(rng, folder / FOLDER)


def _write_homelessness(rng: np.random.Generator, folder: Path, scale: float) -> None:
    accepted: list[Days] = []
    for month in timeline.months(before=6):
        scarce = 1.3 if month.first >= SHELTER_COSTS.starts else 1.0
        accepted.append(np.sort(rng.choice(month.working_days, rng.poisson(_DUTIES * scarce * scale))))
    begun = np.concatenate(accepted)
    n = len(begun)
    duty = rng.choice(["Prevention", "Relief", "Main"], n, p=[0.5, 0.4, 0.1])
    ended = begun + 14 + np.minimum(rng.gamma(2.2, 26, n), 400).astype(int)
    end = np.where(rng.random(n) < np.where(duty == "Prevention", 0.58, 0.42), 0, rng.integers(1, len(_ENDS), n))
    children = np.where(rng.random(n) < 0.4, 1 + rng.poisson(0.8, n), 0)
    header = ["Case", "Duty", "Accepted", "Children", "Ended", "How it ended", "Changed"]
    for quarter in QUARTERS:
        first, last = timeline.day(quarter.start), timeline.day(quarter.end)
        ends, begins = (ended >= first) & (ended <= last), (begun >= first) & (begun <= last)
        rows = np.flatnonzero(ends | begins)
        done = ends[rows]
        columns = [
            [f"HP{row:05d}" for row in rows.tolist()],
            duty[rows].tolist(),
            british_dates(begun[rows]),
            np.where(children[rows] > 0, "Y", "N").tolist(),
            british_dates(np.where(done, ended[rows], NONE)),
            np.where(done, np.array(_ENDS)[end[rows]], "").tolist(),
            british_dates(np.where(done, ended[rows], begun[rows])),
        ]
        write_csv(folder / f"homelessness_{quarter.code}.csv", header, zip(*columns, strict=True))
    placed = begun + rng.integers(0, 20, n)
    leaves = np.maximum(ended, placed) + rng.integers(0, 60, n)
    homeless = (duty != "Prevention") & (rng.random(n) < 0.45)
    kind = rng.choice(len(_PLACES), n, p=[0.3, 0.25, 0.2, 0.25])
    away = rng.random(n) < 0.2
    header = ["Counted on", "Household", "Placed in", "Since", "Children", "Outside the district"]
    for quarter in QUARTERS:
        day = timeline.day(quarter.end)
        rows = np.flatnonzero(homeless & (placed <= day) & (leaves > day))
        columns = [
            [f"{quarter.end:%d/%m/%Y}"] * len(rows),
            [f"HP{row:05d}" for row in rows.tolist()],
            np.array(_PLACES)[kind[rows]].tolist(),
            british_dates(placed[rows]),
            children[rows].tolist(),
            np.where(away[rows], "Yes", "No").tolist(),
        ]
        write_csv(folder / f"placements_{quarter.code}.csv", header, zip(*columns, strict=True))


def _write_waste(rng: np.random.Generator, folder: Path) -> None:
    rows = []
    for quarter in QUARTERS:
        years = quarter.year - QUARTERS[0].year
        for stream, treatment, tonnes, change, household in _STREAMS:
            amount = tonnes[quarter.number - 1] * change**years * rng.normal(1, 0.015)
            homes = HOUSEHOLDS + 310 * years
            rows.append([f"{quarter.start:%d/%m/%Y}", stream, treatment, f"{amount:,.2f}", household, f"{homes:,}"])
    header = ["Quarter from", "Stream", "Went to", "Tonnes", "Household", "Dwellings"]
    write_csv(folder / "household_waste.csv", header, rows)


def _write_taxes(rng: np.random.Generator, folder: Path) -> None:
    rows = []
    for tax, debit, share, growth in (("CTAX", _COUNCIL_TAX, 0.981, 1.045), ("NNDR", _BUSINESS_RATES, 0.985, 1.02)):
        for month in timeline.months():
            year = debit * growth**month.year
            # The year's debit is raised in April; later months bring new homes, appeals and discounts.
            raised = year if month.number % 12 == 0 else rng.normal(0, year * 0.0004)
            received = year * share * _INSTALMENTS[month.number % 12] * rng.normal(1, 0.004)
            arrears = year * 0.0011 * rng.normal(1, 0.15)
            prepaid = year * (0.012 if month.first.month == 3 else 0.0002) * rng.normal(1, 0.1)
            amounts = [f"£{amount:,.2f}" if amount >= 0 else f"£{-amount:,.2f}-" for amount in (raised, received)]
            last = f"{(month.end - 1).item():%d/%m/%Y}"
            rows.append([last, tax, *amounts, f"£{arrears:,.2f}", f"£{prepaid:,.2f}"])
    header = ["Month end", "Tax", "Debit raised", "Received for the year", "Received for earlier years", "Paid ahead"]
    write_csv(folder / "tax_collection.csv", header, rows)
