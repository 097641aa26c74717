"""The finance system's tables: ledger, invoices, budgets, forecasts and savings, as Parquet that the database loads.

Table and column names are the system's own; the council's YAML maps them to the contracts. The database is `postgres`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.periods import Quarter
from sources.sandbox import timeline
from sources.sandbox.district.world import (
    COST_CENTRES,
    NONE,
    SERVICES,
    SHELTER_COSTS,
    TEAMS,
    UNMAPPED_COST_CENTRE,
    per_team,
)
from sources.sandbox.timeline import BEGIN, END, Days, Floats, Ints, Month

FOLDER = "accounts"
_GROUPS = ["EMP", "AGY", "PRM", "TRN", "SUP", "CON", "INC"]
_PAY, _AGENCY, _PREMISES, _TRANSPORT, _SUPPLIES, _CONTRACTS, _INCOME = range(7)
_TEXTS = ["Payroll", "Agency timesheets", "Utilities and rents", "Fuel and mileage", "Supplies", "Contract", "Fees"]
_LINES = np.array([190, 60, 130, 90, 330, 150, 260])  # postings a month of the whole council
_ACTIVITY = [0.95, 0.97, 1.0, 1.0, 0.98, 0.99, 1.0, 1.0, 0.97, 0.98, 1.0, 1.16]  # April … March
_SALARY = 39_500
_GROWTH = 1.03
_INVOICES = 320  # a month
_CENTRES = np.array(list(COST_CENTRES))
_CODES = list(SERVICES)
_SERVICE = np.array([_CODES.index(team.unit[:3]) for team in TEAMS])
_SAVINGS = [
    ("Route optimisation of collection rounds", "ENV", 140),
    ("Garden waste charge", "ENV", 110),
    ("Shared planning support", "PLN", 65),
    ("Online forms for benefits", "REV", 80),
    ("Fewer agency planners", "PLN", 70),
    ("Leisure management fee", "WEL", 120),
    ("Depot energy", "ENV", 45),
    ("Shared regulatory service", "REG", 60),
    ("Temporary homes of our own instead of bed and breakfast", "HOU", 180),
    ("One contact centre", "CUS", 75),
]


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write one Parquet file per table to `folder`."""
    rng = timeline.generator(seed, "district accounts")
    (folder / FOLDER).mkdir(parents=True)
    gross = _gross_year()
    years = sorted({quarter.year for quarter in timeline.QUARTERS})
    pressure = rng.normal(0.0, 0.008, (len(_CODES), len(years)))
    since = years.index(Quarter.containing(SHELTER_COSTS.starts).year)
    pressure[_CODES.index("HOU"), since:] += SHELTER_COSTS.size
    budget = _by_service(gross) * _GROWTH ** np.arange(len(years))[:, None, None]  # year, service, account group
    _write(folder, "gl_posting", _postings(rng, gross, pressure, scale))
    _write(folder, "ap_invoice", _invoices(rng, scale))
    _write(folder, "budget_book", _budget_book(budget, years))
    _write(folder, "budget_monitor", _monitor(rng, budget.sum(axis=2), pressure))
    _write(folder, "savings_tracker", _tracker(rng, years))


def _write(folder: Path, name: str, columns: dict[str, object]) -> None:
    pq.write_table(pa.table(columns), folder / FOLDER / f"{name}.parquet", compression="zstd")


def _money(pounds: Floats) -> pa.Array:
    """Amounts as the database keeps them: exact, with two decimal places."""
    return pa.array([f"{amount:.2f}" for amount in pounds.tolist()]).cast(pa.decimal128(14, 2))


def _gross_year() -> Floats:
    """Spending of the first year in pounds: one row per team, one column per account group; income is negative."""
    pay = per_team("posts") * 0.94 * _SALARY
    spend = per_team("spend") * 1e6
    return np.column_stack(
        [pay, pay * per_team("agency"), pay * 0.06, pay * 0.03, spend * 0.55, spend * 0.45, -per_team("income") * 1e6]
    )


def _by_service(rows: Floats) -> Floats:
    return np.array([rows[place == _SERVICE].sum(axis=0) for place in range(len(_CODES))])


def _postings(rng: np.random.Generator, gross: Floats, pressure: Floats, scale: float) -> dict[str, object]:
    teams, groups, amounts, days = [], [], [], []
    for month in timeline.months():
        cells = gross * _GROWTH**month.year / 12
        cells[:, _AGENCY:] *= _ACTIVITY[month.number % 12] * rng.normal(1, 0.03, (len(TEAMS), 6))
        # What a service overspends goes to those it has contracts with.
        cells[:, _CONTRACTS] += gross.sum(axis=1) * _GROWTH**month.year / 12 * pressure[_SERVICE, month.year]
        team, group, amount = _lines(rng, cells, scale)
        teams.append(team)
        groups.append(group)
        amounts.append(amount)
        days.append(np.sort(rng.choice(month.working_days, len(team))))
    team, group, day = np.concatenate(teams), np.concatenate(groups), np.concatenate(days)
    n = len(team)
    centre = _CENTRES[team * 2 + rng.integers(0, 2, n)]
    centre[rng.random(n) < 0.0005] = UNMAPPED_COST_CENTRE
    return {
        "posting_no": np.arange(4_000_001, 4_000_001 + n),
        "posted_on": day,
        "ccentre": centre,
        "subjective": np.array(_GROUPS)[group],
        "net_value": _money(np.concatenate(amounts)),
        "narrative": np.array(_TEXTS)[group],
    }


def _lines(rng: np.random.Generator, cells: Floats, scale: float) -> tuple[Ints, Ints, Floats]:
    """Postings that make up `cells`: team, account group and pounds of each."""
    weight = np.sqrt(np.abs(cells))
    counts = np.maximum(rng.poisson(weight / weight.sum(axis=0) * _LINES * scale), 1)
    cell = np.repeat(np.arange(cells.size), counts.ravel())
    share = rng.gamma(0.8, 1.0, len(cell)) + 0.01
    amount = cells.ravel()[cell] * share / np.bincount(cell, share, cells.size)[cell]
    team, group = np.divmod(cell, cells.shape[1])
    order = rng.permutation(len(cell))
    return team[order], group[order], np.round(amount, 2)[order]


def _invoices(rng: np.random.Generator, scale: float) -> dict[str, object]:
    received, chance = _received(rng, scale)
    n = len(received)
    weight = np.sqrt(per_team("spend"))
    team = rng.choice(len(TEAMS), n, p=weight / weight.sum())
    days = np.where(rng.random(n) < chance, 4 + np.minimum(rng.gamma(4, 4, n), 26), 31 + rng.geometric(0.06, n))
    disputed = rng.random(n) < 0.015
    paid = received + days.astype(int) + np.where(disputed, 40, 0)
    paid = np.maximum(np.busday_offset(paid, 0, roll="backward", holidays=timeline.bank_holidays()), received)
    done = paid <= END
    kept = np.where(done, paid, received) >= BEGIN
    columns = {
        "doc_no": np.array([f"PI{number:06d}" for number in range(1, n + 1)]),
        "ccentre": _CENTRES[team * 2 + rng.integers(0, 2, n)],
        "received_on": received,
        "paid_on": np.where(done, paid, NONE),
        "in_query": disputed,
        "changed_on": np.where(done, paid, received),
    }
    value: Floats = np.exp(rng.normal(6.2, 1.4, n))
    return {name: column[kept] for name, column in columns.items()} | {"net_value": _money(value[kept])}


def _received(rng: np.random.Generator, scale: float) -> tuple[Days, Floats]:
    """Days of receipt, and the chance of payment within 30 days then: slowly better, year by year."""
    days, chances = [], []
    for month in timeline.months(before=3):
        count = rng.poisson(_INVOICES * scale * (1.25 if month.first.month == 3 else 1.0))
        days.append(np.sort(rng.choice(month.working_days, count)))
        chances.append(np.full(count, 0.92 + 0.0007 * month.number + rng.normal(0, 0.008)))
    return np.concatenate(days), np.concatenate(chances)


def _budget_book(budget: Floats, years: list[int]) -> dict[str, object]:
    spending, income = budget[:, :, :_INCOME].sum(axis=2), -budget[:, :, _INCOME]
    spending, income = np.round(spending, -2).ravel(), np.round(income, -2).ravel()
    return {
        "fin_year": np.repeat([Quarter(year, 1).financial_year for year in years], len(_CODES)),
        "service": np.tile(list(SERVICES.values()), len(years)),
        "spending": _money(spending),
        "income": _money(income),
        "net": _money(spending - income),
        "approved_on": np.repeat(np.array([f"{year}-02-24" for year in years], "datetime64[D]"), len(_CODES)),
    }


def _monitor(rng: np.random.Generator, budget: Floats, pressure: Floats) -> dict[str, object]:
    """Budget and projection of the year for each service and month end. Projections see more as the year goes on."""
    months = timeline.months()
    seen = []
    for month in months:
        elapsed = (month.number % 12 + 1) / 12
        noise = rng.normal(0, 0.01, len(_CODES)) * (1 - elapsed)
        seen.append(budget[month.year] * (1 + pressure[:, month.year] * (0.4 + 0.6 * elapsed) + noise))
    planned = np.round([budget[month.year] for month in months], -2)
    return {
        "month_end": _month_ends(months, len(_CODES)),
        "service": np.tile(list(SERVICES.values()), len(months)),
        "budget": _money(planned.ravel()),
        "projection": _money(np.round(seen, -2).ravel()),
    }


def _month_ends(months: list[Month], each: int) -> Days:
    return np.repeat(np.array([month.end - 1 for month in months]), each)


def _tracker(rng: np.random.Generator, years: list[int]) -> dict[str, object]:
    """Each year's savings at each month end. Delivery follows the year, and not every saving comes off."""
    months = timeline.months()
    planned = np.array([amount for *_, amount in _SAVINGS], dtype=float) * 1000
    chance = rng.beta(6, 1.6, (len(years), len(_SAVINGS)))
    rows = []
    for month in months:
        elapsed = (month.number % 12 + 1) / 12
        delivered = np.round(planned * chance[month.year] * elapsed, -2)
        at_risk = np.round(planned * (1 - chance[month.year]) * min(elapsed * 1.5, 1), -2)
        rows.append(np.column_stack([planned, delivered, planned - delivered - at_risk, at_risk]))
    columns = np.vstack(rows).T
    titles, services = [title for title, *_ in _SAVINGS], [SERVICES[code] for _, code, _ in _SAVINGS]
    numbers = [f"{place:02d}" for place in range(1, len(_SAVINGS) + 1)]
    return {
        "month_end": _month_ends(months, len(_SAVINGS)),
        "ref": [f"{Quarter.containing(m.first).financial_year}/{number}" for m in months for number in numbers],
        "title": np.tile(titles, len(months)),
        "service": np.tile(services, len(months)),
        **{name: _money(column) for name, column in zip(("plan", "made", "secure", "doubtful"), columns, strict=True)},
    }
