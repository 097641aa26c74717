"""The complaints system's records: every version of every complaint, at both stages, as one Parquet file.

The API that serves them is `complaints_api`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sources.sandbox import areas, city, timeline
from sources.sandbox.city import MERGED, MERGED_INTO, SERVICES
from sources.sandbox.effects import CARE_COMPLAINTS, CARE_SWINGS, COMPLAINTS_TRIAGE, DAMP_AND_MOULD
from sources.sandbox.timeline import BEGIN, END, Days, Flags, Floats, Ints

RECORDS = "complaints.parquet"
_NONE = np.datetime64("NaT", "D")
_NEVER = np.datetime64("2100-01-01", "D")
_ACKNOWLEDGED, _ANSWERED = 1, 2  # steps of a case, in the order in which they happen
_TEAMS = np.array(list(city.TEAMS))
_EXTENSIONS_RECORDED = np.datetime64("2023-04-01", "D")
_OUTCOMES = np.array(["upheld", "partly_upheld", "not_upheld", "withdrawn"])
_HOMES = 215_000
ROOT_CAUSES = ["DEL", "NOT", "QUA", "COM", "STA", "POL", "CHA", "OTH"]
_CAUSE_SHARES = [0.27, 0.2, 0.16, 0.17, 0.06, 0.07, 0.04, 0.03]
_DAMP_SHARES = [0.24, 0.14, 0.42, 0.12, 0.02, 0.03, 0.01, 0.02]  # leaks and mould that work did not cure
# More complaints in January (after the holidays) and autumn than in August and December.
_SEASON = [1.12, 1.02, 1.04, 0.98, 1.0, 1.0, 1.0, 0.9, 1.06, 1.08, 1.0, 0.8]


@dataclass
class Cases:
    """Cases of one stage, one array entry each: unit and team as positions, days on which things happened, decision.

    `number` is shared by both stages of a complaint; `extension` counts working days.
    """

    stage: int
    number: Ints
    unit: Ints
    team: Ints
    received: Days
    acknowledged: Days
    answered: Days
    outcome: Ints
    extension: Ints
    cause: Ints

    @classmethod
    def arrived(cls, stage: int, number: Ints, unit: Ints, team: Ints, received: Days) -> Cases:
        """Cases that nobody has dealt with yet."""
        untouched = np.zeros(len(received), dtype=np.int64)
        return cls(stage, number, unit, team, received, received, received, untouched, untouched, untouched)


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the records to `folder`."""
    rng = timeline.generator(seed, "complaints")
    first = _received(rng, seed, scale)
    _handle_first(rng, first)
    second = _escalated(rng, first)
    _handle_second(rng, second)
    uprn = _uprns(rng.integers(0, _HOMES, len(first.number)), areas.addresses(seed, scale).uprn)
    located = rng.random(len(first.number)) < 0.7
    _judge(timeline.generator(seed, "root causes"), first)
    second.cause = first.cause[second.number]
    tables = [_versions(rng, cases, uprn, located) for cases in (first, second)]
    table = _with_faults(rng, pa.concat_tables(tables)).sort_by([("updated_at", "ascending"), ("case_id", "ascending")])
    pq.write_table(table, folder / RECORDS, compression="zstd")


def _uprns(home: Ints, known: npt.NDArray[np.str_]) -> npt.NDArray[np.str_]:
    """Keys of the addresses complained about; one in a hundred is of a home so new that no lookup has it."""
    new = np.array([f"91{number:010d}" for number in home.tolist()])
    return np.where(home >= 0.99 * _HOMES, new, known[home % len(known)])


def _received(rng: np.random.Generator, seed: int, scale: float) -> Cases:
    yearly = city.per_service("complaints")
    units, days = [], []
    for month in timeline.months(before=4):
        rate = yearly / 12 * _SEASON[month.first.month - 1] * (1 + 0.0012 * month.number)
        rate = rate * city.factor(CARE_COMPLAINTS, month.first) * city.factor(DAMP_AND_MOULD, month.first)
        rate = rate * city.swing(CARE_SWINGS, seed, month.first, later=1)
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
    return Cases.arrived(1, np.arange(len(unit)), unit, rng.integers(0, 3, len(unit)), received)


def _acknowledge(rng: np.random.Generator, cases: Cases, within: float, days: int) -> None:
    n = len(cases.received)
    wait = np.where(rng.random(n) < within, rng.binomial(days, 0.45, n), days + 1 + rng.geometric(0.4, n))
    cases.acknowledged = timeline.add_working_days(cases.received, wait)
    cases.acknowledged = np.maximum(cases.acknowledged, cases.received)


def _answer(rng: np.random.Generator, cases: Cases, in_time: Floats, days: int, spread: float) -> None:
    """Answer in time with probability `in_time`, mostly near the end of the `days` allowed, else days late."""
    n = len(cases.received)
    extended = (rng.random(n) < 0.07) & (cases.received >= _EXTENSIONS_RECORDED)
    cases.extension = np.where(extended, rng.choice([5, 10], n), 0)
    allowed = days + cases.extension
    early = 1 + rng.binomial(allowed - 1, 0.72)
    wait = np.where(rng.random(n) < in_time, early, allowed + rng.geometric(1 / spread, n))
    cases.answered = timeline.add_working_days(cases.acknowledged, wait)


def _decide(rng: np.random.Generator, cases: Cases, upheld: Floats) -> None:
    draw = rng.random(len(upheld))
    cases.outcome = np.select([draw < upheld * 0.55, draw < upheld, draw < 0.965], [0, 1, 2], 3)


def _judge(rng: np.random.Generator, cases: Cases) -> None:
    n = len(cases.received)
    damp = city.during(DAMP_AND_MOULD, cases.received) & city.concerned(DAMP_AND_MOULD)[cases.unit]
    usual, damps = (rng.choice(len(ROOT_CAUSES), n, p=shares) for shares in (_CAUSE_SHARES, _DAMP_SHARES))
    cases.cause = np.where(damp, damps, usual)


def _handle_first(rng: np.random.Generator, cases: Cases) -> None:
    _acknowledge(rng, cases, 0.93, 5)
    in_time = city.per_service("in_time")[cases.unit]
    triaged = city.during(COMPLAINTS_TRIAGE, cases.received)
    in_time = np.where(triaged, in_time + COMPLAINTS_TRIAGE.size * (1 - in_time), in_time)
    _answer(rng, cases, in_time, 10, 8.0)
    upheld = city.per_service("upheld")[cases.unit]
    damp = city.during(DAMP_AND_MOULD, cases.received) & city.concerned(DAMP_AND_MOULD)[cases.unit]
    _decide(rng, cases, np.where(damp, np.minimum(upheld * 1.25, 0.9), upheld))


def _escalated(rng: np.random.Generator, first: Cases) -> Cases:
    unhappy = np.where(first.outcome == 2, 0.14, 0.07)
    goes_on = (rng.random(len(unhappy)) < unhappy) & (first.outcome != 3) & (first.answered <= END)
    rows = np.flatnonzero(goes_on)
    received = first.answered[rows] + rng.integers(3, 25, len(rows))
    rows, received = rows[received <= END], received[received <= END]
    return Cases.arrived(2, first.number[rows], first.unit[rows], first.team[rows], received)


def _handle_second(rng: np.random.Generator, cases: Cases) -> None:
    _acknowledge(rng, cases, 0.95, 5)
    _answer(rng, cases, np.full(len(cases.received), 0.8), 20, 10.0)
    cases.extension = np.zeros_like(cases.extension)
    _decide(rng, cases, np.full(len(cases.received), 0.33))


def _versions(rng: np.random.Generator, cases: Cases, uprn: npt.NDArray[np.str_], located: Flags) -> pa.Table:
    """A version when a case arrives, is acknowledged, answered, and (seldom) corrected weeks later."""
    n = len(cases.received)
    corrected = rng.random(n) < 0.02
    # What is corrected is an answer that was first recorded three days late.
    recorded = np.where(corrected, cases.answered + 3, cases.answered)
    correction = np.where(corrected, recorded + rng.integers(30, 120, n), _NEVER)
    events = [cases.received, cases.acknowledged, recorded, correction, np.full(n, _NEVER)]
    nothing = np.full(n, _NONE)
    parts = []
    for step, happened in enumerate(events[:-1]):
        # Of several steps on one day only the last is a version.
        rows = np.flatnonzero((happened >= BEGIN) & (happened <= END) & (happened != events[step + 1]))
        number = cases.number[rows]
        # Extensions agreed by telephone were not recorded before April 2023: not known, rather than none.
        unknown = (cases.received[rows] < _EXTENSIONS_RECORDED) | (step < _ACKNOWLEDGED)
        parts.append(
            pa.table(
                {
                    "case_id": pa.array([f"C{value:06d}" for value in (number + 1).tolist()]),
                    "stage": pa.array(np.full(len(rows), cases.stage)),
                    "received": pa.array(cases.received[rows]),
                    "acknowledged": pa.array((cases.acknowledged if step >= _ACKNOWLEDGED else nothing)[rows]),
                    "answered": pa.array([nothing, nothing, recorded, cases.answered][step][rows]),
                    "outcome": pa.array(_OUTCOMES[cases.outcome[rows]], mask=np.full(len(rows), step < _ANSWERED)),
                    "root_cause": pa.array(
                        np.array(ROOT_CAUSES)[cases.cause[rows]], mask=np.full(len(rows), step < _ANSWERED)
                    ),
                    "extension_days": pa.array(cases.extension[rows], mask=unknown),
                    "team": pa.array(_TEAMS[cases.unit[rows] * 3 + cases.team[rows]]),
                    "uprn": pa.array(uprn[number], mask=~located[number]),
                    "updated_at": pa.array(timeline.during_work(happened[rows], rng)),
                }
            )
        )
    return pa.concat_tables(parts)


def _with_faults(rng: np.random.Generator, table: pa.Table) -> pa.Table:
    """In every quarter one complaint answered before it was received, and two that come twice."""
    updated = table["updated_at"].to_numpy()
    answered, received = table["answered"].to_numpy().copy(), table["received"].to_numpy()
    quarters = timeline.quarter_numbers(updated)
    case = table["case_id"].combine_chunks().dictionary_encode().indices.to_numpy() * 2 + table["stage"].to_numpy()
    newest = np.zeros(int(case.max()) + 1, dtype=updated.dtype)
    np.maximum.at(newest, case, updated)
    # Newest versions of cases that arrived in the same quarter: none is superseded, and no earlier one is left
    # standing as unanswered when this one is refused.
    sound = ~np.isnat(answered) & (timeline.quarter_numbers(received) == quarters) & (newest[case] == updated)
    again = []
    for quarter in np.unique(quarters):
        chosen = rng.choice(np.flatnonzero((quarters == quarter) & sound), 3, replace=False)
        answered[chosen[0]] = received[chosen[0]] - 9
        again.append(chosen[1:])
    table = table.set_column(table.schema.get_field_index("answered"), "answered", pa.array(answered))
    return pa.concat_tables([table, table.take(pa.array(np.concatenate(again)))])
