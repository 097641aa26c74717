"""The savings tracker: a CSV file per month with every saving of that financial year's budget."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sources.sandbox import city
from sources.sandbox.city import MERGED, SERVICES, UNITS
from sources.sandbox.effects import SAVINGS_SLIP
from sources.sandbox.finance import FOLDER
from sources.sandbox.tables import british_dates, pounds, write_csv
from sources.sandbox.timeline import Floats, Ints, generator, months

_IDEAS = [
    "Contract renewed at a lower price",
    "Vacancies held",
    "Income from fees",
    "Buildings shared",
    "Digital service",
]
_HEADER = ["As at", "Saving", "Description", "Service code", "Plan", "Delivered", "Secured", "At risk"]
_USUAL_RISK = 0.12


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the files to `folder`. A budget has as many savings at every scale."""
    rng = generator(seed, "savings")
    for month in months():
        if month.number % 12 == 0:
            unit, planned, risk = _plan(rng, month.year, city.exists(month.first))
        elapsed = (month.number % 12 + 1) / 12
        at_risk = np.clip(risk * (1.15 - 0.3 * elapsed), 0, 0.9)
        delivered = (1 - at_risk) * np.clip(elapsed**1.2 + rng.normal(0, 0.02, len(unit)), 0, 1)
        parts = np.round(np.column_stack([delivered, at_risk]) * planned[:, None], 2)
        secured = planned - parts.sum(axis=1)
        if month.number % 3 == 0:
            secured[rng.integers(0, len(unit))] += 10_000  # see FAULTS
        amounts = [_money(column) for column in (planned, parts[:, 0], secured, parts[:, 1])]
        rows = zip(
            british_dates(np.full(len(unit), month.end - 1)),
            [f"S{month.first.year - (month.first.month < 4)}-{number + 1:02d}" for number in range(len(unit))],
            [f"{SERVICES[place].name}: {_IDEAS[number % len(_IDEAS)].lower()}" for number, place in enumerate(unit)],
            UNITS[unit].tolist(),
            *amounts,
            strict=True,
        )
        write_csv(folder / FOLDER / f"savings_{month.first:%Y-%m}.csv", _HEADER, rows, "cp1252")


def _plan(rng: np.random.Generator, year: int, exists: np.ndarray) -> tuple[Ints, Floats, Floats]:
    """The savings of one budget: unit, pounds planned, and the share of each that may not be made."""
    counts = 1 + rng.poisson(np.sqrt(city.per_service("fte") / 220))
    counts[MERGED] *= bool(exists[MERGED])
    unit = np.repeat(np.arange(len(SERVICES)), counts)
    planned = np.round(rng.lognormal(np.log(160_000), 0.8, len(unit)), -3) + 5_000
    slips = city.concerned(SAVINGS_SLIP)[unit] & (year + 2021 >= SAVINGS_SLIP.starts.year)
    return unit, planned, rng.beta(4, 4 * (1 / np.where(slips, SAVINGS_SLIP.size, _USUAL_RISK) - 1))


def _money(amounts: Floats) -> list[str]:
    return pounds(np.round(amounts * 100).astype(np.int64))
