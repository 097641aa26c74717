"""The finance system's monthly invoice files (UTF-8).

At the close of a quarter each invoice received, paid or changed in it stands once, in the file of the month of its
latest change: an invoice that is paid in a later quarter comes again.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from sources.sandbox import city, timeline
from sources.sandbox.city import SERVICES
from sources.sandbox.effects import PAYMENT_SYSTEM, PAYMENT_SYSTEM_TROUBLE
from sources.sandbox.finance import FOLDER
from sources.sandbox.tables import british_dates, pounds, write_csv
from sources.sandbox.timeline import BEGIN, END, QUARTERS, Days, Flags, Floats, Ints, Month

_PER_MONTH = 2350
_NA_UNTIL = date(2023, 4, 1)
_NONE = np.datetime64("NaT", "D")
_HEADER = ["Invoice", "Cost centre", "Received", "Paid", "Disputed", "Net amount", "Last updated"]


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write invoice files to `folder`."""
    rng = timeline.generator(seed, "invoices")
    received, in_time = _received(rng, scale)
    n = len(received)
    weight = np.sqrt(city.per_service("fte") * 0.05 + city.per_service("third_party"))
    service = rng.choice(len(SERVICES), n, p=weight / weight.sum())
    in_time = np.clip(in_time + rng.normal(0, 0.03, len(SERVICES))[service], 0, 0.99)
    prompt = 5 + np.minimum(rng.gamma(4.0, 4.2, n), 25).astype(int)
    paid = received + np.where(rng.random(n) < in_time, prompt, 31 + rng.geometric(0.055, n))
    disputed = rng.random(n) < 0.018
    paid = np.where(disputed, paid + rng.integers(15, 90, n), paid)
    paid = np.busday_offset(paid, 0, roll="backward", holidays=timeline.bank_holidays())
    paid = np.maximum(paid, received)
    # Some disputes come to light after payment: a later version of the same invoice.
    reviewed = np.where(rng.random(n) < 0.006, paid + rng.integers(50, 130, n), _NONE)
    pence = np.round(np.exp(rng.normal(6.6, 1.5, n)) * 100).astype(np.int64)
    centres = np.array(list(city.COST_CENTRES))[service * 4 + rng.integers(0, 4, n)]

    rows, updated, is_paid, is_reviewed = _as_at_quarter_ends(received, paid, reviewed)
    order = np.lexsort((rows, updated))
    rows, updated, is_paid, is_reviewed = rows[order], updated[order], is_paid[order], is_reviewed[order]
    for month in timeline.months():
        part = slice(*np.searchsorted(updated, np.array([month.begin, month.end])))
        row = rows[part]
        # Before that day the report wrote NA where nothing was paid, since then nothing.
        null = "NA" if month.first < _NA_UNTIL else ""
        lines = list(
            zip(
                [f"INV{value:07d}" for value in (row + 1).tolist()],
                centres[row].tolist(),
                british_dates(received[row]),
                british_dates(np.where(is_paid[part], paid[row], _NONE), null),
                np.where(disputed[row] ^ is_reviewed[part], "Y", "N").tolist(),
                pounds(pence[row]),
                british_dates(updated[part]),
                strict=True,
            )
        )
        if month.first in {quarter.start for quarter in QUARTERS}:
            # Only invoices that came and were paid this month: no earlier version is left standing as unpaid.
            same_quarter = np.flatnonzero(is_paid[part] & (received[row] >= month.begin))
            _add_faults(rng.choice(same_quarter, 4, replace=False).tolist(), lines, month)
        write_csv(folder / FOLDER / f"invoices_{month.first:%Y-%m}.csv", _HEADER, lines)


def _received(rng: np.random.Generator, scale: float) -> tuple[Days, Floats]:
    """Days of receipt, sorted, and the chance of payment within 30 days at that time."""
    days, chances = [], []
    for month in timeline.months(before=3):
        count = rng.poisson(_PER_MONTH * scale * (1.2 if month.first.month == 3 else 1.0) * (1 + 0.001 * month.number))
        days.append(np.sort(rng.choice(month.working_days, count)))
        chances.append(np.full(count, 0.925 + rng.normal(0, 0.008)))
    received, chance = np.concatenate(days), np.concatenate(chances)
    for effect in (PAYMENT_SYSTEM, PAYMENT_SYSTEM_TROUBLE):
        chance[city.during(effect, received + 30)] = effect.size
    return received, chance


def _as_at_quarter_ends(received: Days, paid: Days, reviewed: Days) -> tuple[Ints, Days, Flags, Flags]:
    """One row per invoice and quarter in which it changed: invoice, day of the latest change, was it paid, reviewed."""
    steps = [received, paid, reviewed]
    rows, updated, is_paid, is_reviewed = [], [], [], []
    for step, happened in enumerate(steps):
        following = steps[step + 1] if step < 2 else np.full(len(happened), _NONE)
        follows = ~np.isnat(following) & (following <= END)
        superseded = follows & (timeline.quarter_numbers(following) == timeline.quarter_numbers(happened))
        row = np.flatnonzero((happened >= BEGIN) & (happened <= END) & ~superseded)
        rows.append(row)
        updated.append(happened[row])
        is_paid.append(np.full(len(row), step >= 1))
        is_reviewed.append(np.full(len(row), step == 2))
    return np.concatenate(rows), np.concatenate(updated), np.concatenate(is_paid), np.concatenate(is_reviewed)


def _add_faults(chosen: list[int], lines: list[tuple[str, ...]], month: Month) -> None:
    """Two received on a day that does not exist, one paid before it was received, one twice."""
    for place in chosen[:2]:
        code, centre, _, *rest = lines[place]
        lines[place] = (code, centre, f"31/02/{month.first.year}", *rest)
    code, centre, received, _, *rest = lines[chosen[2]]
    lines[chosen[2]] = (code, centre, received, "01/04/2020", *rest)
    lines.append(lines[chosen[3]])
