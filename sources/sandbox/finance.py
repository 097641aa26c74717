"""The finance system's monthly CSV files: ledger postings and budget forecasts, in Windows' encoding.

A plan of budgets and pressures drives both, so that what is spent and what is forecast agree. Invoices are in
`invoices`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import numpy as np
import xlsxwriter

from sources.periods import Quarter
from sources.sandbox import city, timeline
from sources.sandbox.city import MERGED, MERGED_INTO, SERVICES, UNITS
from sources.sandbox.effects import CARE_OVERSPEND, NEW_COST_CENTRE, SOCIAL_WORKERS_HIRED, SUSPENSE_POSTINGS
from sources.sandbox.tables import british_dates, pounds, write_csv
from sources.sandbox.timeline import QUARTERS, Floats, Ints, Month

FOLDER = "finance"
_PAY, _AGENCY, _PREMISES, _TRANSPORT, _SUPPLIES, _THIRD_PARTY, _INCOME = range(7)
_GROUPS = [
    "Employees",
    "Agency staff",
    "Premises",
    "Transport",
    "Supplies and services",
    "Third party payments",
    "Income",
]
_NARRATIVES = [
    ["Salaries", "Employer's national insurance", "Pension contributions", "Overtime"],
    ["Agency social worker", "Agency driver", "Interim manager", "Agency staff, weekly timesheet"],
    ["Electricity", "Gas", "Rent", "Cleaning – main building", "Repairs & maintenance"],
    ["Fuel", "Vehicle hire", "Mileage claims", "Taxi, school run"],
    ["Equipment", "Printing", "Software licence", "Café supplies", "Protective clothing", "Postage"],
    ["Placement", "Home care, four weeks", "Contract payment", "Grant to partner", "Block contract"],
    ["Fees & charges", "Rent income", "Client contribution", "Grant income", "Recharge"],
]
_LINES = np.array([1150, 550, 820, 620, 3150, 1950, 1260])  # postings a month of the whole council
_ACTIVITY = [0.94, 0.97, 1.0, 1.0, 0.97, 0.99, 1.0, 1.0, 0.96, 0.98, 1.0, 1.19]  # April … March
_YEARS = sorted({quarter.year for quarter in QUARTERS})
_QUARTER_STARTS = {quarter.start for quarter in QUARTERS}
_SALARY = 43_000
_GROWTH = 1.03
_POSTED_SINCE = date(2024, 4, 1)  # the column 'Posting date' is called 'Posted' from here on


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write ledger and forecast files to `folder`."""
    rng = timeline.generator(seed, "finance")
    gross = _gross_year()
    pressure = _pressure(rng)
    budget = np.round(gross.sum(axis=1)[:, None] * _GROWTH ** np.arange(len(_YEARS)), -3)
    _write_budgets(folder / FOLDER, gross, budget)
    _write_forecasts(folder / FOLDER, rng, budget, pressure)
    _write_ledger(folder / FOLDER, rng, gross, pressure, scale)


def _gross_year() -> Floats:
    """Spending of 2021/22 in pounds: one row per service, one column per account group; income is negative."""
    pay = city.per_service("fte") * _SALARY
    return np.column_stack(
        [
            pay,
            pay * city.per_service("agency"),
            pay * 0.11,
            pay * 0.04,
            pay * 0.17,
            city.per_service("third_party") * 1e6,
            -city.per_service("income") * 1e6,
        ]
    )


def _pressure(rng: np.random.Generator) -> Floats:
    """Share by which each service (row) overspends its net budget in each financial year (column)."""
    pressure = rng.normal(0.002, 0.009, (len(SERVICES), len(_YEARS)))
    years = np.array(_YEARS) - CARE_OVERSPEND.starts.year + 1
    pressure[city.concerned(CARE_OVERSPEND)] += CARE_OVERSPEND.size * np.maximum(years, 0)
    homeless = [i for i, service in enumerate(SERVICES) if service.unit == "HCS-TMP"]
    pressure[homeless] += 0.03 * np.arange(len(_YEARS))
    return pressure


def _write_budgets(folder: Path, gross: Floats, budget: Floats) -> None:
    """The budget book of each year, a workbook: net budgets as the forecasts have them, spending and income."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, year in enumerate(_YEARS):
        april = next(month for month in timeline.months() if month.number == 12 * number)
        net = _with_merged(budget[:, number], april)
        income = _with_merged(np.round(-gross[:, _INCOME] * _GROWTH**number, -3), april)
        approved = date(year, 2, 21 - number)
        code = Quarter(year, 1).financial_year
        with xlsxwriter.Workbook(folder / f"budget_book_{code}.xlsx", {"in_memory": True}) as book:
            book.set_properties({"title": "Budget book", "created": datetime(year, 2, 25)})
            day = book.add_format({"num_format": "dd/mm/yyyy"})
            sheet = book.add_worksheet("Net budgets")
            sheet.write(0, 0, f"Brigstow City Council (fictional): budget book {code}")
            sheet.write(1, 0, f"Approved by full council on {approved:%d.%m.%Y}. Amounts in pounds.")
            sheet.write_row(
                3, 0, ["Year", "Service code", "Service", "Expenditure", "Income", "Net budget", "Approved"]
            )
            for row, place in enumerate(np.flatnonzero(city.exists(april.first)), start=4):
                amounts = [net[place] + income[place], income[place], net[place]]
                sheet.write_row(row, 0, [code, SERVICES[place].unit, SERVICES[place].name, *amounts])
                sheet.write_datetime(row, 6, datetime(approved.year, approved.month, approved.day), day)


def _write_forecasts(folder: Path, rng: np.random.Generator, budget: Floats, pressure: Floats) -> None:
    """A file per month: budget and forecast of the year for each service. Forecasts see more as the year goes on."""
    header = ["As at", "Service code", "Service", "Budget", "Forecast outturn"]
    for month in timeline.months():
        rows = np.flatnonzero(city.exists(month.first))
        elapsed = (month.number % 12 + 1) / 12
        noise = rng.normal(0, 0.012, len(SERVICES)) * (1 - elapsed)
        planned = _with_merged(budget[:, month.year], month)
        seen = planned * (1 + pressure[:, month.year] * (0.35 + 0.65 * elapsed) + noise)
        as_at = british_dates(np.full(len(rows), month.end - 1))
        lines = zip(
            as_at,
            UNITS[rows].tolist(),
            [SERVICES[row].name for row in rows],
            pounds(np.round(planned[rows] * 100).astype(np.int64)),
            pounds(np.round(seen[rows], -3).astype(np.int64) * 100),
            strict=True,
        )
        write_csv(folder / f"forecasts_{month.first:%Y-%m}.csv", header, lines, "cp1252")


def _with_merged(amounts: Floats, month: Month) -> Floats:
    """`amounts` per service (rows) with those of the merged team where they belong in `month`."""
    amounts = amounts.copy()
    if not city.exists(month.first)[MERGED]:
        amounts[MERGED_INTO] += amounts[MERGED]
        amounts[MERGED] = 0
    return amounts


def _write_ledger(folder: Path, rng: np.random.Generator, gross: Floats, pressure: Floats, scale: float) -> None:
    accruals: list[tuple[str, str, int]] = []
    for month in timeline.months():
        service, group, pence = _lines(rng, _month_amounts(rng, gross, pressure, month), scale)
        n = len(pence)
        posted = british_dates(np.sort(rng.choice(month.working_days, n)))
        centres = np.array(list(city.COST_CENTRES))[service * 4 + rng.integers(0, 4, n)]
        centres[rng.random(n) < SUSPENSE_POSTINGS.size] = city.SUSPENSE_COST_CENTRE
        if month.first >= NEW_COST_CENTRE.starts:
            centres[rng.random(n) < NEW_COST_CENTRE.size] = city.NEW_COST_CENTRE_CODE
        texts = [np.array(texts)[rng.integers(0, len(texts), n)] for texts in _NARRATIVES]
        narratives = np.choose(group, texts).tolist()
        accrued = np.flatnonzero((rng.random(n) < 0.008) & (group >= _PREMISES))
        for row in accrued:
            narratives[row] = "Accrual: " + narratives[row]
        groups = np.array(_GROUPS)[group].tolist()
        rows: list[tuple[str, ...]] = list(
            zip(posted, centres.tolist(), groups, pounds(pence), narratives, strict=True)
        )
        rows += [(posted[0], *reversal) for reversal in _reversals(accruals)]
        accruals = [(str(centres[row]), groups[row], int(pence[row])) for row in accrued]
        numbered = [(f"{month.first:%y%m}{line:06d}", *row) for line, row in enumerate(rows, start=1)]
        if month.first in _QUARTER_STARTS:
            _add_faults(rng, numbered, month)
        posted_name = "Posted" if month.first >= _POSTED_SINCE else "Posting date"
        header = ["Transaction", posted_name, "Cost centre", "Account group", "Net amount", "Narrative"]
        write_csv(folder / f"ledger_{month.first:%Y-%m}.csv", header, numbered, "cp1252")


def _reversals(accruals: list[tuple[str, str, int]]) -> Iterator[tuple[str, str, str, str]]:
    """Journals that take back the accruals of the month before; what falls below zero stands in brackets."""
    for centre, group, pence in accruals:
        (amount,) = pounds(np.array([abs(pence)]))
        yield centre, group, f"({amount})" if pence > 0 else amount, "Reversal of accrual"


def _month_amounts(rng: np.random.Generator, gross: Floats, pressure: Floats, month: Month) -> Floats:
    """Pounds of one month: one row per service, one column per account group."""
    growth = _GROWTH**month.year / 12
    amounts = gross * growth
    amounts[:, _AGENCY] *= (1 + 0.004 * month.number) * city.factor(SOCIAL_WORKERS_HIRED, month.first)
    amounts[:, _AGENCY:] *= _ACTIVITY[month.number % 12] * rng.normal(1, 0.03, (len(SERVICES), 6))
    # What a service overspends goes to those it pays, or to supplies where it pays nobody.
    to = np.where(gross[:, _THIRD_PARTY] > 2e6, _THIRD_PARTY, _SUPPLIES)
    amounts[np.arange(len(SERVICES)), to] += gross.sum(axis=1) * growth * pressure[:, month.year]
    return _with_merged(amounts, month)


def _lines(rng: np.random.Generator, cells: Floats, scale: float) -> tuple[Ints, Ints, Ints]:
    """Postings that make up `cells`: service, account group and pence of each."""
    weight = np.sqrt(np.abs(cells))
    counts = rng.poisson(weight / weight.sum(axis=0) * _LINES * scale)
    counts = np.where(cells != 0, np.maximum(counts, 1), 0)
    service, group = np.divmod(np.repeat(np.arange(cells.size), counts.ravel()), cells.shape[1])
    share = rng.gamma(0.7, 1.0, len(service)) + 0.01
    cell = service * cells.shape[1] + group
    total = np.bincount(cell, share, cells.size)
    pence = np.round(cells.ravel()[cell] * share / total[cell] * 100).astype(np.int64)
    order = rng.permutation(len(pence))
    return service[order], group[order], pence[order]


def _add_faults(rng: np.random.Generator, rows: list[tuple[str, ...]], month: Month) -> None:
    """Two days that do not exist, one amount in words and two postings twice, in the first month of each quarter."""
    chosen = rng.choice(len(rows), 5, replace=False).tolist()
    for place in chosen[:2]:
        code, _, *rest = rows[place]
        rows[place] = (code, f"31/02/{month.first.year}", *rest)
    code, posted, centre, group, _, narrative = rows[chosen[2]]
    rows[chosen[2]] = (code, posted, centre, group, "see attached", narrative)
    rows += [rows[place] for place in chosen[3:]]
