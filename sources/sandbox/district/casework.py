"""The casework system's records: complaints at both stages, requests for services, and the ombudsman's decisions.

As they stand at the end of the time covered: the system keeps no versions. The API that serves them is
`casework_api`; what its fields are called is decided there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.sandbox import timeline
from sources.sandbox.addresses import as_written
from sources.sandbox.district.world import (
    CASEWORK_TEAMS,
    FIRST_UPRN,
    HOUSEHOLDS,
    NEW_ROUNDS_COMPLAINTS,
    NONE,
    PLANNING_TRIAL,
    TEAMS,
    UNITS,
    WARD_SINCE,
    WARDS,
    WARDS_BEFORE,
    arrivals,
    in_force,
    per_team,
    ward_of,
    written_addresses,
)
from sources.sandbox.timeline import BEGIN, END, Days, Flags, Floats, Ints

COMPLAINTS, REQUESTS, DECISIONS = "complaints.parquet", "requests.parquet", "ombudsman.parquet"
_TEAMS = np.array(list(CASEWORK_TEAMS))
_NO_TEAM = "TREES (DO NOT USE)"  # a team that nobody has mapped: its few cases are refused, naming it
_OUTCOMES = np.array(["Justified", "Partly justified", "Not justified", "Withdrawn"])
_CATEGORIES = {
    "ENV": ["Missed bin", "Bulky collection", "New bin", "Fly-tip", "Street cleaning", "Grass and hedges"],
    "REV": ["Change of address", "Bill query", "Discount", "Direct debit", "New claim", "Change of circumstances"],
    "PLN": ["Application progress", "Pre-application advice", "Breach of planning control"],
    "REG": ["Noise", "Food hygiene", "Licence", "Parking"],
}
_ELSEWHERE = ["General enquiry", "Appointment", "Report a problem"]
_WRITTEN = 0.02  # share of the requests without a key whose address somebody typed in
_CHANNELS = np.array(["Online", "Telephone", "Email", "Face to face"])


@dataclass
class _Cases:
    """Cases of one stage: number, team, and the days on which things happened, whether already or still to come."""

    stage: int
    number: Ints
    team: Ints
    received: Days
    acknowledged: Days
    answered: Days
    extension: Ints
    outcome: Ints


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the records to `folder`."""
    rng = timeline.generator(seed, "district casework")
    first = _first_stage(rng, scale)
    second = _second_stage(rng, first)
    address = np.where(rng.random(len(first.number)) < 0.6, rng.integers(0, HOUSEHOLDS, len(first.number)), -1)
    complaints = pa.concat_tables([_complaints(rng, cases, address) for cases in (first, second)])
    _write(folder / COMPLAINTS, complaints)
    _write(folder / REQUESTS, _requests(rng, timeline.generator(seed, "district written addresses"), scale))
    _write(folder / DECISIONS, _decisions(rng, second))


def _write(path: Path, table: pa.Table) -> None:
    pq.write_table(table.sort_by([("modified", "ascending"), ("reference", "ascending")]), path, compression="zstd")


def _first_stage(rng: np.random.Generator, scale: float) -> _Cases:
    team, received = arrivals(rng, per_team("complaints") * scale, NEW_ROUNDS_COMPLAINTS, before=3)
    in_time = per_team("in_time")[team]
    in_time = np.where(in_force(PLANNING_TRIAL, received, team), PLANNING_TRIAL.size, in_time)
    upheld = per_team("upheld")[team]
    return _handled(rng, 1, np.arange(len(team)), team, received, in_time, upheld, 10)


def _second_stage(rng: np.random.Generator, first: _Cases) -> _Cases:
    unhappy = rng.random(len(first.number)) < np.where(first.outcome == 2, 0.16, 0.08)
    rows = np.flatnonzero(unhappy & (first.outcome != 3))
    received = timeline.add_working_days(first.answered[rows], rng.integers(3, 16, len(rows)))
    some = np.ones(len(rows))
    return _handled(rng, 2, first.number[rows], first.team[rows], received, some * 0.83, some * 0.34, 20)


def _handled(
    rng: np.random.Generator,
    stage: int,
    number: Ints,
    team: Ints,
    received: Days,
    in_time: Floats,
    upheld: Floats,
    allowed: int,
) -> _Cases:
    n = len(number)
    wait = np.where(rng.random(n) < 0.95, rng.binomial(5, 0.4, n), 6 + rng.geometric(0.4, n))
    acknowledged = np.maximum(timeline.add_working_days(received, wait), received)
    extension = np.where(rng.random(n) < 0.06, rng.choice([5, 10], n), 0) if stage == 1 else np.zeros(n, dtype=int)
    limit = allowed + extension
    wait = np.where(rng.random(n) < in_time, 1 + rng.binomial(limit - 1, 0.7), limit + rng.geometric(0.13, n))
    draw = rng.random(n)
    outcome = np.select([draw < upheld * 0.6, draw < upheld, draw < 0.97], [0, 1, 2], 3)
    return _Cases(
        stage,
        number,
        team,
        received,
        acknowledged,
        timeline.add_working_days(acknowledged, wait),
        extension,
        outcome,
    )


def _complaints(rng: np.random.Generator, cases: _Cases, address: Ints) -> pa.Table:
    """What the system shows at the end: nothing of what is still to come."""
    done, seen = cases.answered <= END, cases.acknowledged <= END
    touched = np.where(done, cases.answered, np.where(seen, cases.acknowledged, cases.received))
    reviewed = done & (rng.random(len(touched)) < 0.03)  # the decision is looked over some weeks later
    touched = np.where(reviewed, np.minimum(touched + rng.integers(10, 60, len(touched)), END), touched)
    there = (touched >= BEGIN) & (cases.received <= END)
    teams, received = _TEAMS[cases.team], cases.received.copy()
    if cases.stage == 1:
        quarters = timeline.quarter_numbers(touched)
        for quarter in np.unique(quarters[there]):
            rows = np.flatnonzero(there & done & (quarters == quarter))
            if len(rows) > 100:  # in fewer, two would be too many
                nobodys, wrong = rng.choice(rows, 2, replace=False)
                teams[nobodys] = _NO_TEAM
                received[wrong] = cases.answered[wrong] + 5  # typed in as answered before it came
    where = address[cases.number]
    table = pa.table(
        {
            "reference": [f"BDC-{number + 10_000}" for number in cases.number.tolist()],
            "stage": np.full(len(teams), cases.stage),
            "team": teams,
            "received": received,
            "acknowledged": np.where(seen, cases.acknowledged, NONE),
            "answered": np.where(done, cases.answered, NONE),
            "extension": pa.array(cases.extension, mask=~seen),
            "outcome": pa.array(_OUTCOMES[cases.outcome], mask=~done),
            "uprn": pa.array((FIRST_UPRN + where).astype(str), mask=where < 0),
            "modified": timeline.during_work(touched, rng),
        }
    )
    return table.filter(pa.array(there))


def _requests(rng: np.random.Generator, writing: np.random.Generator, scale: float) -> pa.Table:
    team, received = arrivals(rng, per_team("requests") * scale)
    n = len(team)
    # Failure demand: something was not done, or not done right; more of it where more complaints are upheld.
    failure = rng.random(n) < 0.08 + 0.35 * per_team("upheld")[team]
    days = rng.gamma(1.4, np.where(failure, 6.0, 4.0))
    completed = timeline.add_working_days(received, days.astype(int))
    done: Flags = completed <= END
    address = rng.integers(0, HOUSEHOLDS, n)
    located = rng.random(n) < np.where(np.char.startswith(UNITS[team], "ENV"), 0.95, 0.3)
    names = np.array([ward[1] for ward in [*WARDS, *WARDS_BEFORE, WARD_SINCE]])
    # Some requests without a key have the address as it was typed in; the system does not know which home is meant.
    written = np.flatnonzero(~located & (writing.random(n) < _WRITTEN))
    text, meant = np.full(n, None, object), np.full(n, None, object)
    text[written], tells = as_written(writing, written_addresses(), address[written])
    meant[written[tells]] = (FIRST_UPRN + address[written[tells]]).astype(str)
    return pa.table(
        {
            "reference": [f"SR{number:07d}" for number in range(1, n + 1)],
            "team": _TEAMS[team],
            "category": [_category(place, draw) for place, draw in zip(team.tolist(), rng.random(n), strict=True)],
            "channel": _CHANNELS[rng.choice(4, n, p=[0.46, 0.36, 0.13, 0.05])],
            "demand": pa.array(np.where(failure, "Failure", "Value"), mask=rng.random(n) < 0.06),
            "received": received,
            "completed": np.where(done, completed, NONE),
            "ward": pa.array(names[ward_of(address, received)], mask=~located),
            "uprn": pa.array((FIRST_UPRN + address).astype(str), mask=~located),
            "address": pa.array(text, pa.string()),
            "meant_uprn": pa.array(meant, pa.string()),
            "modified": timeline.during_work(np.where(done, completed, received), rng),
        }
    )


def _category(team: int, draw: float) -> str:
    offered = _CATEGORIES.get(TEAMS[team].unit[:3], _ELSEWHERE)
    return offered[int(draw * len(offered))]


def _decisions(rng: np.random.Generator, second: _Cases) -> pa.Table:
    """A few complaints a year go on to the ombudsman."""
    decided = second.answered + rng.integers(60, 250, len(second.number))
    rows = np.flatnonzero((rng.random(len(decided)) < 0.12) & (decided >= BEGIN) & (decided <= END))
    n = len(rows)
    kinds = ["Upheld", "Not upheld", "Closed after initial enquiries", "Referred back"]
    kind = rng.choice(kinds, n, p=[0.2, 0.16, 0.46, 0.18])
    remedy = rng.choice(["Apology", "Payment", "Service improvement"], n)
    amount = rng.choice([100, 150, 250, 400], n)
    upheld = kind == "Upheld"
    due = decided[rows] + 30
    remedied = np.minimum(due + rng.integers(-20, 25, n), END)
    return pa.table(
        {
            "reference": [f"{24_000_000 + 137 * place}" for place in range(n)],
            "complaint": [f"BDC-{number + 10_000}" for number in second.number[rows].tolist()],
            "team": _TEAMS[second.team[rows]],
            "decided": decided[rows],
            "decision": kind,
            "detailed": upheld | (kind == "Not upheld"),
            "remedy": pa.array(remedy, mask=~upheld),
            "amount": pa.array(amount, mask=~upheld | (remedy != "Payment")),
            "due": np.where(upheld, due, NONE),
            "remedied": np.where(upheld, remedied, NONE),
            "modified": timeline.during_work(decided[rows], rng),
        }
    )
