"""The waste return: one CSV file with the tonnages of every quarter, a line for each stream and what became of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sources.sandbox.effects import FOOD_WASTE_WEEKLY
from sources.sandbox.tables import british_dates, write_csv
from sources.sandbox.timeline import QUARTERS, day, generator

FOLDER = "waste"
_HEADER = ["Quarter beginning", "Stream", "Treatment", "Tonnes", "From households", "Dwellings"]
_DWELLINGS, _NEW_DWELLINGS = 204_300, 540  # in April 2021, and more in each quarter
# Stream, treatment, tonnes a quarter, change a year, share more in spring and summer.
_STREAMS = [
    ("Dry recycling", "Recycled", 8_650, -0.012, 0.0),
    ("Food waste", "Composted", 2_450, 0.01, 0.0),
    ("Garden waste", "Composted", 2_300, 0.0, 0.55),
    ("Reuse shop", "Reused", 240, 0.05, 0.1),
    ("Recycling centres", "Recycled", 2_600, 0.005, 0.18),
    ("Recycling centres", "Energy recovery", 1_700, 0.0, 0.15),
    ("Residual", "Energy recovery", 16_300, -0.008, 0.01),
    ("Residual", "Landfill", 1_500, -0.09, 0.0),
    ("Bulky waste", "Energy recovery", 610, 0.01, 0.05),
    ("Street sweepings", "Recycled", 640, 0.0, -0.2),
]


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the file to `folder`. A city has the same few streams at every scale."""
    rng = generator(seed, "waste")
    rows: list[list[object]] = []
    for number, quarter in enumerate(QUARTERS):
        summer = 1 if quarter.number in (1, 2) else -1
        food = FOOD_WASTE_WEEKLY.size if quarter.start >= FOOD_WASTE_WEEKLY.starts else 1.0
        (begins,) = british_dates(np.array([day(quarter.start)]))
        for stream, treatment, tonnes, growth, season in _STREAMS:
            amount = tonnes * (1 + growth) ** (number / 4) * (1 + season * summer) * rng.normal(1, 0.018)
            if stream == "Food waste":
                amount *= food
            elif stream == "Residual" and treatment == "Energy recovery":
                amount -= 2_450 * (food - 1)  # what goes into the food bin no longer goes into the other
            dwellings = _DWELLINGS + _NEW_DWELLINGS * number
            households = "N" if stream == "Street sweepings" else "Y"
            rows.append([begins, stream, treatment, f"{amount:,.3f}", households, f"{dwellings:,}"])
    write_csv(folder / FOLDER / "waste_returns.csv", _HEADER, rows)
