"""The revenues system: an SQLite database with debit and cash of council tax and business rates, month by month."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sources.sandbox.effects import COUNCIL_TAX_SUPPORT
from sources.sandbox.timeline import generator, months

DATABASE = "revenues.sqlite"
_SCHEMA = """
create table monthly_collection (tax_code text, month_end date, net_debit real, cash_current_year real,
    cash_arrears real, cash_next_year real);
"""
# Share of what is collected that comes each month.
_INSTALMENTS = [0.098, 0.096, 0.096, 0.096, 0.096, 0.096, 0.096, 0.096, 0.094, 0.082, 0.031, 0.023]  # April … March
# Code, debit of 2021/22 in pounds, growth a year, share collected in the year.
_TAXES = [("CT", 268e6, 0.052, 0.9665), ("NDR", 231e6, 0.031, 0.978)]
_RATES_HOLIDAY = 0.62  # of the debit of 2021/22 business rates remain: shops and inns paid none after the pandemic


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the database to `folder`. A city has two taxes at every scale."""
    rng = generator(seed, "revenues")
    rows = []
    for code, first, growth, share in _TAXES:
        for month in months():
            if month.number % 12 == 0:
                year = first * (1 + growth) ** month.year * (_RATES_HOLIDAY if code == "NDR" and not month.year else 1)
                rate = share + rng.normal(0, 0.0012)
                if code == "CT" and month.first >= COUNCIL_TAX_SUPPORT.starts:
                    rate *= COUNCIL_TAX_SUPPORT.size
            place = month.number % 12
            # Bills go out before April; from then on homes and reliefs come and go.
            debit = year * (0.994 if place == 0 else 0.0005 + rng.normal(0, 0.0006))
            cash = year * rate * _INSTALMENTS[place] * rng.normal(1, 0.006)
            ahead = year * (0.011 if place == 11 else 0.002 if place == 10 else 0.0)
            amounts = [debit, cash, year * 0.0016 * rng.normal(1, 0.15), ahead]
            rows.append((code, str(month.end - 1), *(round(float(amount), 2) for amount in amounts)))
    with sqlite3.connect(folder / DATABASE) as database:
        database.executescript(_SCHEMA)
        database.executemany("insert into monthly_collection values (?, ?, ?, ?, ?, ?)", rows)
    database.close()
