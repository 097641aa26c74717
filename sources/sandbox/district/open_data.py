"""Open data about the fictional district and its neighbours, as CSV files somebody has downloaded into a folder.

Every area is fictional: codes begin with X, which no real one does. Figures have the shape of the real ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sources.sandbox import timeline
from sources.sandbox.district.world import (
    AREA_CODE,
    FIRST_UPRN,
    HOUSEHOLDS,
    LSOAS_PER_WARD,
    WARD_SINCE,
    WARDS,
    WARDS_BEFORE,
    WARDS_MERGED,
    lsoa_of_addresses,
    ward_of,
    written_addresses,
)
from sources.sandbox.tables import write_csv

FOLDER = "open_data"
_NAMES = [
    "Bremesgrave",
    "Arrowvale",
    "Cotsmoor",
    "East Lenham",
    "Harborough Fen",
    "Malverley",
    "North Teme",
    "Stratbrook",
    "Tewkesham",
    "Wyre Heath",
    "Yarrowdale",
]
_CODES = [AREA_CODE] + [f"X07{number:06d}" for number in range(2, len(_NAMES) + 1)]
_YEARS = range(2015, 2026)
_FOUNDED = np.datetime64("2015-05-01")
# Indicator, kind of value, years until it is published, whether by financial year, first value of the district,
# change a year, spread over areas, and how far the district lies from its neighbours.
_INDICATORS = [
    ("Household waste sent for reuse, recycling or composting", "Percentage", 1, True, 45.0, -0.3, 4.0, -2.0),
    ("Fly-tipping incidents reported", "Per 1,000 residents", 1, True, 9.0, 0.5, 2.5, 1.5),
    ("Ratio of median house price to median earnings", "Ratio", 1, False, 7.6, 0.12, 1.0, 0.8),
    ("New affordable homes completed", "Per 1,000 homes", 1, True, 2.2, 0.12, 0.7, 0.3),
    ("Households in fuel poverty", "Percentage", 2, False, 12.4, 0.1, 1.5, -0.5),
    ("People on Universal Credit", "Percentage", 1, False, 3.1, 0.75, 1.0, -0.6),
    ("Business births", "Per 1,000 residents", 1, False, 5.4, 0.02, 0.6, 0.4),
    ("Residents aged 16 to 64 in work", "Percentage", 1, False, 77.5, 0.15, 2.0, 1.5),
    ("Major planning applications decided in time", "Percentage", 1, True, 86.0, 0.4, 5.0, -3.0),
    ("Physically active adults", "Percentage", 1, False, 66.0, 0.3, 2.5, 1.0),
    ("Adults who walk or cycle five times a week", "Percentage", 2, False, 33.0, -0.4, 3.0, -1.0),
    ("Adults who took part in the arts", "Percentage", 1, False, 88.0, 0.2, 2.0, 0.5),
]
_VINTAGES = [("2024-12-23", 2023), ("2025-12-22", 2024), ("2026-06-30", 2025)]  # and the year that is 100


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write one file per dataset to `folder`. Open data are the same at every scale."""
    rng = timeline.generator(seed, "district open data")
    _write_people(rng, folder / FOLDER)
    _write_indicators(rng, folder / FOLDER)
    _write_areas(rng, folder / FOLDER)
    _write_deflators(folder / FOLDER)


def _write_people(rng: np.random.Generator, folder: Path) -> None:
    size = np.array([98.4, *rng.uniform(70, 140, len(_NAMES) - 1)]) * 1000
    tonnes = np.array([6.3, *rng.uniform(5.2, 8.4, len(_NAMES) - 1)])
    population, emissions = [], []
    for year in _YEARS:
        size = size * (1 + rng.normal(0.0065, 0.001, len(size)))
        tonnes = tonnes * (1 - rng.normal(0.036, 0.012, len(tonnes)))
        for code, name, people, each in zip(_CODES, _NAMES, size.tolist(), tonnes.tolist(), strict=True):
            population.append([code, name, year, f"{people:.0f}"])
            if year <= 2024:
                emissions.append([code, name, year, f"{people * each / 1000:.4f}", f"{people:.0f}"])
    write_csv(folder / "population.csv", ["Area", "Name", "Mid-year", "Residents"], population)
    write_csv(folder / "emissions.csv", ["Area", "Name", "Year", "kt CO2e in scope", "Residents"], emissions)
    neighbours = [["Similar districts", code, name] for code, name in zip(_CODES[1:], _NAMES[1:], strict=True)]
    write_csv(folder / "similar_districts.csv", ["Set", "Area", "Name"], neighbours)


def _write_indicators(rng: np.random.Generator, folder: Path) -> None:
    """One file for financial and one for calendar years, a column to a year: what is not out yet is `..`."""
    files: dict[bool, list[list[str]]] = {True: [], False: []}
    for indicator, kind, lag, by_financial_year, first, change, spread, apart in _INDICATORS:
        level = first + np.array([0.0, *rng.normal(-apart, spread, len(_NAMES) - 1)])
        for place, (code, name) in enumerate(zip(_CODES, _NAMES, strict=True)):
            drift = change * rng.normal(1, 0.3)
            course = level[place] + drift * np.arange(len(_YEARS)) + rng.normal(0, spread * 0.12, len(_YEARS))
            values = [
                f"{value:.1f}" if year + lag <= 2025 else ".." for year, value in zip(_YEARS, course, strict=True)
            ]
            files[by_financial_year].append([code, name, indicator, kind, *values])
    financial = [f"{year}/{(year + 1) % 100:02d}" for year in _YEARS]
    for by_financial_year, years in ((True, financial), (False, [str(year) for year in _YEARS])):
        name = f"indicators_by_{'financial' if by_financial_year else 'calendar'}_year.csv"
        write_csv(folder / name, ["Area", "Name", "Indicator", "Kind", *years], files[by_financial_year])


def _write_areas(rng: np.random.Generator, folder: Path) -> None:
    end = WARDS_MERGED - 1
    wards = [[code, name, _FOUNDED, "", ""] for code, name, *_ in WARDS]
    wards += [[code, name, _FOUNDED, end, ""] for code, name, *_ in WARDS_BEFORE]
    wards.append([*WARD_SINCE[:2], WARDS_MERGED, "", " ".join(code for code, *_ in WARDS_BEFORE)])
    write_csv(folder / "wards.csv", ["Code", "Name", "From", "To", "Made from"], wards)
    count = (len(WARDS) + len(WARDS_BEFORE)) * LSOAS_PER_WARD
    ranks = rng.choice(np.arange(3000, 32000), count, replace=False)
    lsoas = [f"X01{number:06d}" for number in range(1, count + 1)]
    rows = [
        [code, f"Bremesgrave {place + 1:03d}", rank, rank * 10 // 33755 + 1, 2025]
        for place, (code, rank) in enumerate(zip(lsoas, ranks.tolist(), strict=True))
    ]
    write_csv(folder / "lsoas.csv", ["Code", "Name", "IMD rank", "IMD decile", "Index"], rows)
    codes = [ward[0] for ward in [*WARDS, *WARDS_BEFORE, WARD_SINCE]]
    address = np.arange(HOUSEHOLDS)
    before = ward_of(address, np.full(HOUSEHOLDS, _FOUNDED))
    since = ward_of(address, np.full(HOUSEHOLDS, WARDS_MERGED))
    part = lsoa_of_addresses()
    written = written_addresses()
    texts = zip(written.line.tolist(), written.postcode.tolist(), strict=True)
    lines = []
    for place, old, new, lsoa_place, text in zip(
        address.tolist(), before.tolist(), since.tolist(), part.tolist(), texts, strict=True
    ):
        lsoa, number = lsoas[lsoa_place], FIRST_UPRN + place
        lines.append([number, _FOUNDED, "" if old == new else end, lsoa, codes[old], *text])
        if old != new:
            lines.append([number, WARDS_MERGED, "", lsoa, codes[new], *text])
    write_csv(folder / "addresses.csv", ["UPRN", "From", "To", "LSOA", "Ward", "Address", "Postcode"], lines)


def _write_deflators(folder: Path) -> None:
    growth = {2020: 5.6, 2021: -0.7, 2022: 6.8, 2023: 6.1, 2024: 3.9, 2025: 3.0, 2026: 2.3}
    rows = []
    for vintage, base in _VINTAGES:
        index = {2019: 100.0}
        for year, rate in growth.items():
            index[year] = index[year - 1] * (1 + rate / 100)
        rows += [
            [vintage, f"{year}-{(year + 1) % 100:02d}", f"{value / index[base] * 100:.4f}", "Y" if year > base else "N"]
            for year, value in index.items()
        ]
    write_csv(folder / "gdp_deflators.csv", ["Published", "Financial year", "Index", "Forecast"], rows)
