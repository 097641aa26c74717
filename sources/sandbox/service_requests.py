"""Requests for services, as the customer system keeps them: every version of each, as one Parquet file.

The API that serves them is `complaints_api`; it is the same system.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sources.sandbox import areas, city
from sources.sandbox.addresses import as_written
from sources.sandbox.city import MERGED, MERGED_INTO, UNITS
from sources.sandbox.effects import ONLINE_REPAIRS
from sources.sandbox.timeline import BEGIN, END, Days, Flags, Ints, during_work, generator, months, quarter_numbers

RECORDS = "requests.parquet"
CHANNELS = ["WEB", "APP", "TEL", "EML", "F2F", "LET"]
DEMANDS = ["V", "F"]
_NONE = np.datetime64("NaT", "D")
_TEAMS = np.array(list(city.TEAMS))
_WRITTEN = 0.045  # share of the requests without a key whose address somebody typed in

# Unit, category, requests a year, share of failure demand, usual days until completion.
_KINDS = [
    ("PLC-WAS", "Missed collection", 2300, 1.0, 3),
    ("PLC-WAS", "Bulky waste collection", 900, 0.04, 10),
    ("PLC-WAS", "Fly-tipping", 850, 0.1, 4),
    ("PLC-WAS", "New bin or box", 700, 0.3, 9),
    ("HCS-REP", "Repair", 1600, 0.08, 16),
    ("HCS-REP", "Chasing a repair", 900, 1.0, 5),
    ("HCS-TEN", "Tenancy question", 420, 0.35, 7),
    ("HCS-HLS", "Advice on housing", 380, 0.15, 6),
    ("HCS-ASB", "Noise or nuisance", 420, 0.1, 14),
    ("HCS-REG", "Pests", 210, 0.02, 6),
    ("PLC-HIG", "Pothole", 620, 0.12, 18),
    ("PLC-HIG", "Street light", 430, 0.1, 12),
    ("PLC-HIG", "Chasing a report", 190, 1.0, 6),
    ("PLC-PKG", "Parking permit", 520, 0.12, 4),
    ("PLC-PKG", "Question about a penalty", 240, 0.5, 8),
    ("PLC-PRK", "Park maintenance", 170, 0.1, 15),
    ("PLC-PLN", "Planning question", 160, 0.4, 9),
    ("RES-REV", "Change of address", 760, 0.05, 6),
    ("RES-REV", "Question about a bill", 520, 0.75, 4),
    ("RES-REV", "Discount or exemption", 340, 0.15, 12),
    ("RES-CUS", "General question", 340, 0.45, 1),
    ("CYP-SCH", "School admission", 230, 0.2, 10),
    ("ASC-LOC", "Care and support question", 330, 0.4, 8),
]  # fmt: skip
_SEASON = [1.08, 1.0, 1.02, 1.0, 1.0, 1.02, 1.04, 0.96, 1.06, 1.02, 0.96, 0.84]


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the records to `folder`."""
    rng = generator(seed, "requests")
    kind, received = _received(rng, scale)
    n = len(kind)
    usual = np.array([row[4] for row in _KINDS], dtype=float)[kind]
    wait = np.ceil(rng.lognormal(np.log(usual), 0.7)).astype(np.int64)
    completed = received + np.minimum(wait, 300)
    failure = rng.random(n) < np.array([row[3] for row in _KINDS])[kind]
    judged = rng.random(n) >= 0.07
    # More of them come by web and app, year after year.
    digital = np.clip(0.34 + 0.05 * (received - BEGIN).astype(int) / 365, 0, 0.75)
    channel = np.where(rng.random(n) < digital, rng.choice(2, n, p=[0.8, 0.2]), rng.choice([2, 3, 4, 5], n))
    known = areas.addresses(seed, scale)
    where = rng.integers(0, len(known.uprn), n)
    columns = {
        "request_ref": np.array([f"SR{value:07d}" for value in range(1, n + 1)]),
        "received": received,
        "completed": completed,
        "team": _TEAMS[_unit(kind, received) * 3 + rng.integers(0, 3, n)],
        "category": np.array([row[1] for row in _KINDS])[kind],
        "channel": np.array(CHANNELS)[channel],
        "demand": np.array(DEMANDS)[failure.astype(int)],
        "ward": known.ward_on(where, received),
        "uprn": known.uprn[where],
    }
    located = rng.random(n) < 0.82
    columns |= _addresses(generator(seed, "written addresses"), known, where, located)
    pq.write_table(_with_faults(rng, _versions(rng, columns, judged, located)), folder / RECORDS, compression="zstd")


def _addresses(rng: np.random.Generator, known: areas.Addresses, where: Ints, located: Flags) -> dict[str, np.ndarray]:
    """For some of the requests that have no key the address as it was typed in; and, which the system itself does not
    know and never tells, the key of the home that is meant."""
    written = np.flatnonzero(~located & (rng.random(len(where)) < _WRITTEN))
    address, meant = np.full(len(where), None, object), np.full(len(where), None, object)
    address[written], tells = as_written(rng, known.written, where[written])
    meant[written[tells]] = known.uprn[where[written[tells]]]
    return {"address": address, "meant_uprn": meant}


def _received(rng: np.random.Generator, scale: float) -> tuple[Ints, Days]:
    """What was asked for and when, in the order of receipt."""
    yearly = np.array([row[2] for row in _KINDS], dtype=float)
    chasing = np.array([row[0] in ONLINE_REPAIRS.units and row[3] == 1.0 for row in _KINDS])
    kinds, days = [], []
    for month in months():
        rate = yearly / 12 * _SEASON[month.first.month - 1] * (1 + 0.001 * month.number) * scale
        if month.first >= ONLINE_REPAIRS.starts:
            rate[chasing] *= ONLINE_REPAIRS.size
        counts = rng.poisson(rate)
        calendar = np.arange(month.begin, month.end)
        weights = np.where(np.isin(calendar, month.working_days), 1.0, 0.3)
        kinds.append(np.repeat(np.arange(len(_KINDS)), counts))
        days.append(rng.choice(calendar, int(counts.sum()), p=weights / weights.sum()))
    kind, received = np.concatenate(kinds), np.concatenate(days)
    order = np.argsort(received, kind="stable")
    return kind[order], received[order]


def _unit(kind: Ints, received: Days) -> Ints:
    """Positions of the units that deal with the requests: those of the merged team went over to the other."""
    places = {unit: place for place, unit in enumerate(UNITS.tolist())}
    unit = np.array([places[row[0]] for row in _KINDS])[kind]
    return np.where((unit == MERGED) & city.during(city.TEAM_MERGED, received), MERGED_INTO, unit)


def _versions(rng: np.random.Generator, columns: dict[str, np.ndarray], judged: Flags, located: Flags) -> pa.Table:
    """A version when a request arrives and one when it is completed; the demand is judged at the end."""
    received, completed = columns["received"], columns["completed"]
    opened = np.flatnonzero(completed != received)
    closed = np.flatnonzero(completed <= END)
    row = np.concatenate([opened, closed])
    is_closed = np.r_[np.zeros(len(opened), bool), np.ones(len(closed), bool)]
    saved = np.where(is_closed, completed[row], received[row])
    hidden = {"demand": ~(judged[row] & is_closed), "ward": ~located[row], "uprn": ~located[row]}
    table = {name: pa.array(values[row], mask=hidden.get(name)) for name, values in columns.items()}
    table["completed"] = pa.array(np.where(is_closed, completed[row], _NONE))
    table["updated_at"] = pa.array(during_work(saved, rng))
    return pa.table(table)


def _with_faults(rng: np.random.Generator, table: pa.Table) -> pa.Table:
    """In every quarter one request completed before it was received, and one that comes twice; in order of change."""
    received, completed = table["received"].to_numpy(), table["completed"].to_numpy().copy()
    quarters = quarter_numbers(table["updated_at"].to_numpy())
    # Closed in the quarter in which they came: no earlier version is left standing as open.
    sound = ~np.isnat(completed) & (quarter_numbers(received) == quarters)
    again = []
    for quarter in np.unique(quarters):
        chosen = rng.choice(np.flatnonzero(sound & (quarters == quarter)), 2, replace=False)
        completed[chosen[0]] = received[chosen[0]] - 5
        again.append(chosen[1])
    table = table.set_column(table.schema.get_field_index("completed"), "completed", pa.array(completed))
    table = pa.concat_tables([table, table.take(pa.array(again))])
    return table.sort_by([("updated_at", "ascending"), ("request_ref", "ascending")])
