"""The complaints system's records: every version of every complaint, at both stages, as one Parquet file.

The API that serves them is `complaints_api`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.sandbox import city
from sources.sandbox.city import BEGIN, END, MERGED, MERGED_INTO, SERVICES, Days, Flags, Floats, Ints
from sources.sandbox.effects import CARE_COMPLAINTS, COMPLAINTS_TRIAGE, DAMP_AND_MOULD

RECORDS = "complaints.parquet"
_NONE = np.datetime64("NaT", "D")
_FAR = np.datetime64("2100-01-01", "D")
_EXTENSIONS_RECORDED = np.datetime64("2023-04-01", "D")
_OUTCOMES = np.array(["upheld", "partly_upheld", "not_upheld", "withdrawn"])
# More complaints in January (after the holidays) and autumn than in August and December.
_SEASON = [1.12, 1.02, 1.04, 0.98, 1.0, 1.0, 1.0, 0.9, 1.06, 1.08, 1.0, 0.8]


class Cases:
    """Cases of one stage, one array entry each: days of receipt, acknowledgement and answer, and what was decided."""

    def __init__(self, stage: int, number: Ints, unit: Ints, team: Ints, received: Days) -> None:
        self.stage = stage
        self.number = number
        self.unit = unit
        self.team = team
        self.received = received
        self.acknowledged = received
        self.answered = received
        self.outcome = np.zeros(len(received), dtype=np.int64)
        self.extension = np.zeros(len(received), dtype=np.int64)


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the records to `folder`."""
    rng = city.generator(seed, "complaints")
    first = _received(rng, scale)
    _handle_first(rng, first)
    second = _escalated(rng, first)
    _handle_second(rng, second)
    uprn = 900_000_000_000 + rng.integers(0, 215_000, len(first.number))
    located = rng.random(len(first.number)) < 0.7
    tables = [_versions(rng, cases, uprn, located) for cases in (first, second)]
    table = _with_faults(rng, pa.concat_tables(tables)).sort_by([("updated_at", "ascending"), ("case_id", "ascending")])
    pq.write_table(table, folder / RECORDS, compression="zstd")


def _received(rng: np.random.Generator, scale: float) -> Cases:
    yearly = city.per_service("complaints")
    units, days = [], []
    for month in city.months(before=4):
        rate = yearly / 12 * _SEASON[month.first.month - 1] * (1 + 0.0012 * month.number)
        rate = rate * city.factor(CARE_COMPLAINTS, month.first) * city.factor(DAMP_AND_MOULD, month.first)
        if not city.exists(month.first)[MERGED]:
            rate[MERGED_INTO] += rate[MERGED]
            rate[MERGED] = 0
        counts = rng.poisson(rate * scale)
        calendar = np.arange(month.begin, month.end)
        weights = np.where(np.isin(calendar, month.working_days), 1.0, 0.22)
        units.append(np.repeat(np.arange(len(SERVICES)), counts))
        days.append(rng.choice(calendar, int(counts.sum()), p=weights / weights.sum()))
    unit, received = np.concatenate(units), np.concatenate(days)
    order = np.argsort(received, kind="stable")
    unit, received = unit[order], received[order]
    return Cases(1, np.arange(len(unit)), unit, rng.integers(0, 3, len(unit)), received)


def _acknowledge(rng: np.random.Generator, cases: Cases, within: float, days: int) -> None:
    n = len(cases.received)
    wait = np.where(rng.random(n) < within, rng.binomial(days, 0.45, n), days + 1 + rng.geometric(0.4, n))
    cases.acknowledged = city.add_working_days(cases.received, wait)
    cases.acknowledged = np.maximum(cases.acknowledged, cases.received)


def _answer(rng: np.random.Generator, cases: Cases, in_time: Floats, days: int, spread: float) -> None:
    """Answer in time with probability `in_time`, mostly near the end of the `days` allowed, else days late."""
    n = len(cases.received)
    extended = (rng.random(n) < 0.07) & (cases.received >= _EXTENSIONS_RECORDED)
    cases.extension = np.where(extended, rng.choice([5, 10], n), 0)
    allowed = days + cases.extension
    early = 1 + rng.binomial(allowed - 1, 0.72)
    wait = np.where(rng.random(n) < in_time, early, allowed + rng.geometric(1 / spread, n))
    cases.answered = city.add_working_days(cases.acknowledged, wait)


def _decide(rng: np.random.Generator, cases: Cases, upheld: Floats) -> None:
    draw = rng.random(len(upheld))
    cases.outcome = np.select([draw < upheld * 0.55, draw < upheld, draw < 0.965], [0, 1, 2], 3)


def _handle_first(rng: np.random.Generator, cases: Cases) -> None:
    _acknowledge(rng, cases, 0.93, 5)
    in_time = city.per_service("in_time")[cases.unit]
    triaged = cases.received >= city.day(COMPLAINTS_TRIAGE.starts)
    in_time = np.where(triaged, in_time + COMPLAINTS_TRIAGE.size * (1 - in_time), in_time)
    _answer(rng, cases, in_time, 10, 8.0)
    upheld = city.per_service("upheld")[cases.unit]
    assert DAMP_AND_MOULD.ends is not None
    damp = (cases.received >= city.day(DAMP_AND_MOULD.starts)) & (cases.received <= city.day(DAMP_AND_MOULD.ends))
    damp &= city.concerned(DAMP_AND_MOULD)[cases.unit]
    _decide(rng, cases, np.where(damp, np.minimum(upheld * 1.25, 0.9), upheld))


def _escalated(rng: np.random.Generator, first: Cases) -> Cases:
    unhappy = np.where(first.outcome == 2, 0.14, 0.07)
    goes_on = (rng.random(len(unhappy)) < unhappy) & (first.outcome != 3) & (first.answered <= END)
    rows = np.flatnonzero(goes_on)
    received = first.answered[rows] + rng.integers(3, 25, len(rows))
    rows, received = rows[received <= END], received[received <= END]
    return Cases(2, first.number[rows], first.unit[rows], first.team[rows], received)


def _handle_second(rng: np.random.Generator, cases: Cases) -> None:
    _acknowledge(rng, cases, 0.95, 5)
    _answer(rng, cases, np.full(len(cases.received), 0.8), 20, 10.0)
    cases.extension[:] = 0
    _decide(rng, cases, np.full(len(cases.received), 0.33))


def _versions(rng: np.random.Generator, cases: Cases, uprn: Ints, located: Flags) -> pa.Table:
    """A version when a case arrives, is acknowledged, answered, and (seldom) corrected weeks later."""
    n = len(cases.received)
    corrected = rng.random(n) < 0.02
    # What is corrected is an answer that was first recorded three days late.
    recorded = np.where(corrected, cases.answered + 3, cases.answered)
    correction = np.where(corrected, recorded + rng.integers(30, 120, n), _FAR)
    events = [cases.received, cases.acknowledged, recorded, correction]
    parts = []
    for step, happened in enumerate(events):
        # Of several steps on one day only the last is a version.
        later = events[step + 1] if step < 3 else np.full(n, _FAR)
        rows = np.flatnonzero((happened >= BEGIN) & (happened <= END) & (happened != later))
        known = [
            np.full(len(rows), _NONE) if step < 1 else cases.acknowledged[rows],
            np.full(len(rows), _NONE) if step < 2 else (recorded if step == 2 else cases.answered)[rows],
        ]
        outcome = _OUTCOMES[cases.outcome[rows]].astype(object)
        extension = cases.extension[rows].astype(float)
        if step < 2:
            outcome[:] = None
            extension[:] = 0
        number = cases.number[rows]
        teams = np.array(list(city.TEAMS))
        parts.append(
            pa.table(
                {
                    "case_id": pa.array([f"C{value:06d}" for value in (number + 1).tolist()]),
                    "stage": pa.array(np.full(len(rows), cases.stage)),
                    "received": pa.array(cases.received[rows]),
                    "acknowledged": pa.array(known[0]),
                    "answered": pa.array(known[1]),
                    "outcome": pa.array(outcome.tolist(), pa.string()),
                    "extension_days": pa.array(extension.astype(np.int64)),
                    "team": pa.array(teams[cases.unit[rows] * 3 + cases.team[rows]]),
                    "uprn": pa.array(uprn[number].astype(str), mask=~located[number]),
                    "updated_at": pa.array(city.during_work(happened[rows], rng)),
                }
            )
        )
    return pa.concat_tables(parts)


def _with_faults(rng: np.random.Generator, table: pa.Table) -> pa.Table:
    """In every quarter one complaint answered before it was received, and two that come twice."""
    updated = table["updated_at"].to_numpy()
    answered, received = table["answered"].to_numpy().copy(), table["received"].to_numpy()
    quarters = city.quarter_numbers(updated)
    # Only cases that arrived in the same quarter: no earlier version of theirs is left standing as unanswered.
    sound = ~np.isnat(answered) & (city.quarter_numbers(received) == quarters)
    again = []
    for quarter in np.unique(quarters):
        chosen = rng.choice(np.flatnonzero((quarters == quarter) & sound), 3, replace=False)
        answered[chosen[0]] = received[chosen[0]] - 9
        again.append(chosen[1:])
    table = table.set_column(table.schema.get_field_index("answered"), "answered", pa.array(answered))
    return pa.concat_tables([table, table.take(pa.array(np.concatenate(again)))])
