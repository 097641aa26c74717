"""GDP deflators as a treasury publishes them twice a year: a CSV file of each publication, with notes above the table.

The figures are made up; they have the shape of the real ones.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from sources.periods import Quarter
from sources.sandbox.tables import csv_bytes
from sources.sandbox.timeline import generator

FOLDER = "deflators"
_PUBLISHED = [date(year, *day) for year in range(2021, 2027) for day in ((3, 12), (11, 20))][:-1]
_FIRST, _AHEAD = 2010, 4  # first year of the series, and how many years are forecast
# Growth of prices in percent by financial year, from 2011/12 on.
_GROWTH = [1.6, 2.0, 1.9, 1.3, 0.8, 2.2, 1.7, 2.0, 2.4, 5.6, 0.6, 6.8, 5.9, 4.1, 2.9, 2.3, 2.0, 1.9, 1.9, 1.9, 1.9]


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the files to `folder`. Deflators are the same at every scale."""
    rng = generator(seed, "deflators")
    (folder / FOLDER).mkdir(parents=True)
    for published in _PUBLISHED:
        base = published.year - (2 if published.month < 4 else 1)  # the last whole financial year is 100
        years = np.arange(_FIRST, base + _AHEAD + 1)
        growth = np.array(_GROWTH[: len(years) - 1]) + rng.normal(0, 0.05, len(years) - 1)
        index = np.cumprod(np.r_[1.0, 1 + growth / 100])
        index = index / index[base - _FIRST] * 100
        rows = [
            [f"{published:%d/%m/%Y}", Quarter(int(year), 1).financial_year, f"{value:.3f}", "Y" if year > base else "N"]
            for year, value in zip(years, index, strict=True)
        ]
        title = f"GDP deflators at market prices,,,\r\nPublished {published:%d %B %Y}; {base} is 100,,,\r\n,,,\r\n"
        content = title.encode() + csv_bytes(["Published", "Financial year", "GDP deflator", "Forecast"], rows)
        (folder / FOLDER / f"gdp_deflators_{published:%Y-%m}.csv").write_bytes(content)
