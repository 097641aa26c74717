"""The HR system's extracts: CSV files with semicolons below a title block, in an outbox that is fetched over SFTP.

Establishment, starters and leavers, and pay are whole each time; absences come by the quarter in which they changed.
The server is `outbox`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sources.sandbox import timeline
from sources.sandbox.district.world import (
    HR_TEAMS,
    NEW_ROUNDS_SICKNESS,
    NONE,
    TEAMS,
    UNITS,
    in_force,
    per_team,
)
from sources.sandbox.tables import write_csv
from sources.sandbox.timeline import BEGIN, END, QUARTERS, Days, Flags, Floats, Ints

FOLDER = "hr"
OUTBOX = "outbox"
_CODES = np.array(list(HR_TEAMS))
_FAR = np.datetime64("2100-01-01", "D")
_REASONS = ["Cold, flu or infection", "Back or joints", "Stress or anxiety", "Operation or hospital", "Something else"]
_SHARES = np.array([0.55, 0.15, 0.10, 0.06, 0.14])
_MEDIANS = np.array([3.0, 6.0, 14.0, 15.0, 3.5])  # calendar days of a spell
_SPREADS = np.array([0.65, 0.95, 1.0, 0.75, 0.8])  # of the logarithm
_DAYS_PER_SPELL = 5.3  # working days, of the reasons taken together; observed
_LEAVING = ["Resigned", "Retired", "Redundant", "Dismissed", "Contract ended"]
_HIRING_DAYS = 130  # on average until a vacant post is filled
_HOURLY = 16.2


@dataclass
class _Staff:
    """Everyone ever employed, one row each; `leave` is NaT while employed."""

    team: Ints
    post: Ints
    fte: Floats
    start: Days
    leave: Days


def generate(folder: Path, seed: int, scale: float) -> None:
    """Write the extracts to `folder`."""
    rng = timeline.generator(seed, "district people")
    sizes = np.maximum(np.round(per_team("posts") * scale), 1).astype(int)
    team = np.repeat(np.arange(len(TEAMS)), sizes)
    fte = rng.choice([1.0, 0.8, 0.6, 0.5], len(team), p=[0.7, 0.13, 0.1, 0.07])
    staff = _careers(rng, team, fte)
    outbox = folder / FOLDER / OUTBOX
    posts = [[f"P{i:05d}", _CODES[team[i]], f"{fte[i]:.2f}", "01 Apr 2018", ""] for i in range(len(team))]
    _write(outbox / "establishment.csv", "Establishment list", ["Position", "Team", "FTE", "From", "To"], posts)
    _write_staff(rng, outbox, staff)
    _write_pay(rng, outbox, staff)
    _write_absences(rng, outbox, staff)


def _careers(rng: np.random.Generator, team: Ints, fte: Floats) -> _Staff:
    """Who held which post and when: one after the other, with a vacancy between them."""
    turnover = per_team("turnover")
    rows: list[tuple[int, int, float, np.datetime64, np.datetime64]] = []
    for post, (place, hours) in enumerate(zip(team.tolist(), fte.tolist(), strict=True)):
        stay = 365 / turnover[place]
        day = BEGIN
        start = BEGIN - 1 - int(min(rng.exponential(2600), 12000))
        if rng.random() > 0.94:
            day = start = BEGIN + 10 + int(rng.exponential(_HIRING_DAYS))
        while start <= END:
            leave = day + 20 + int(rng.exponential(stay))
            rows.append((place, post, hours, start, leave if leave <= END else NONE))
            day = start = leave + 14 + int(rng.exponential(_HIRING_DAYS))
    columns = list(zip(*rows, strict=True))
    return _Staff(
        np.array(columns[0]),
        np.array(columns[1]),
        np.array(columns[2]),
        np.array(columns[3], "datetime64[D]"),
        np.array(columns[4], "datetime64[D]"),
    )


def _write_staff(rng: np.random.Generator, outbox: Path, staff: _Staff) -> None:
    n = len(staff.team)
    reason = rng.choice(_LEAVING, n, p=[0.7, 0.15, 0.03, 0.03, 0.09])
    rows = [
        [
            f"{70000 + i}",
            _CODES[staff.team[i]],
            f"P{staff.post[i]:05d}",
            f"{staff.fte[i]:.2f}",
            _written(staff.start[i]),
            _written(staff.leave[i]),
            "" if np.isnat(staff.leave[i]) else reason[i],
        ]
        for i in range(n)
    ]
    rows.append(["79999", *rows[3][1:3], "-1.00", *rows[3][4:]])  # the one row that no contract can take
    header = ["Payroll no", "Team", "Position", "FTE", "Started", "Left", "Reason for leaving"]
    _write(outbox / "starters_and_leavers.csv", "Starters and leavers", header, rows)


def _write_pay(rng: np.random.Generator, outbox: Path, staff: _Staff) -> None:
    """Hourly pay on each 31 March. Men have more of the better paid posts: a gap of some six per cent."""
    n = len(staff.team)
    is_female = rng.random(n) < np.where(np.char.startswith(UNITS[staff.team], "ENV"), 0.2, 0.66)
    base = _HOURLY * np.exp(rng.normal(0, 0.28, n)) * np.where(is_female, 0.97, 1.03)
    sex = np.where(rng.random(n) < 0.01, "", np.where(is_female, "F", "M"))
    rows = []
    for year in sorted({quarter.year + 1 for quarter in QUARTERS if quarter.number == 4}):
        day = np.datetime64(f"{year}-03-31")
        there = np.flatnonzero((staff.start <= day) & (np.isnat(staff.leave) | (staff.leave >= day)))
        pay = base * 1.045 ** (year - 2022)
        reduced = rng.random(n) < 0.02
        rows += [
            [
                f"{70000 + i}",
                _written(day),
                _CODES[staff.team[i]],
                sex[i],
                f"{staff.fte[i]:.2f}",
                f"£{pay[i] * (0.5 if reduced[i] else 1):.2f}",
                "N" if reduced[i] else "Y",
            ]
            for i in there.tolist()
        ]
    header = ["Payroll no", "Snapshot", "Team", "Sex", "FTE", "Hourly pay", "Full pay"]
    _write(outbox / "pay_on_31_march.csv", "Pay on 31 March", header, rows)


def _write_absences(rng: np.random.Generator, outbox: Path, staff: _Staff) -> None:
    who, why, first, last = _spells(rng, staff)
    opened = first + rng.integers(1, 4, len(who))
    closed = last + rng.integers(1, 6, len(who))
    late = rng.random(len(who)) < 0.02  # reported weeks afterwards, often in the next quarter
    closed[late] += rng.integers(25, 80, int(late.sum()))
    long = (last - first).astype(int) > 7
    hours, minutes = rng.integers(8, 18, len(who)), rng.integers(0, 60, len(who))
    header = ["Absence", "Payroll no", "Team", "First day", "Last day", "FTE", "Reason", "Changed"]
    for quarter in QUARTERS:
        begin, end = timeline.day(quarter.start), timeline.day(quarter.end)
        closes = (closed >= begin) & (closed <= end)
        opens = long & (opened >= begin) & (opened <= end) & ~closes & (closed > end)
        changes = np.flatnonzero(closes | opens)
        rows = []
        for i in changes.tolist():
            changed = closed[i] if closes[i] else opened[i]
            person = who[i]
            rows.append(
                [
                    f"S{i:06d}",
                    f"{70000 + person}",
                    _CODES[staff.team[person]],
                    _written(first[i]),
                    _written(last[i]) if closes[i] else "",
                    f"{staff.fte[person]:.2f}",
                    _REASONS[why[i]],
                    f"{_written(changed)} {hours[i]:02d}:{minutes[i]:02d}",
                ]
            )
        _add_faults(rows, (closes & ~long)[changes])
        _write(outbox / f"absence_{quarter.code}.csv", f"Absence, {quarter.label}", header, rows)


def _add_faults(rows: list[list[str]], sound: Flags) -> None:
    """One that ends before it begins, and one twice; both of a single version, so that no earlier one is left open."""
    places = np.flatnonzero(sound)
    if len(places) > 20:
        wrong = places[7]
        rows[wrong][4] = "01 Apr 2019"
        rows.append(list(rows[places[11]]))


def _spells(rng: np.random.Generator, staff: _Staff) -> tuple[Ints, Ints, Days, Days]:
    """Spells of sickness that touch the time covered: who (a row of `staff`), why, first and last day."""
    rate = per_team("sickness")[staff.team] / _DAYS_PER_SPELL / 12 * rng.gamma(2.0, 0.5, len(staff.team))
    whos, firsts = [], []
    for month in timeline.months(before=12):
        worse = in_force(NEW_ROUNDS_SICKNESS, np.full(len(staff.team), month.begin), staff.team)
        winter = 1 + 0.3 * np.cos(2 * np.pi * (month.first.month - 1) / 12)
        counts = rng.poisson(rate * winter * np.where(worse, NEW_ROUNDS_SICKNESS.size, 1.0))
        whos.append(np.repeat(np.arange(len(staff.team)), counts))
        firsts.append(rng.choice(month.working_days, int(counts.sum())))
    who, first = np.concatenate(whos), np.concatenate(firsts)
    why = rng.choice(len(_REASONS), len(who), p=_SHARES)
    lasting = np.clip(np.round(rng.lognormal(np.log(_MEDIANS[why]), _SPREADS[why])), 1, 300).astype(int)
    leave = np.where(np.isnat(staff.leave[who]), _FAR, staff.leave[who])
    last = np.minimum(first + lasting - 1, leave)
    order = np.lexsort((first, who))
    who, why, first, last, leave = who[order], why[order], first[order], last[order], leave[order]
    employed = (first >= staff.start[who]) & (first <= leave) & (first <= END) & (last >= BEGIN)
    kept, until = [], (-1, _FAR)
    for i in np.flatnonzero(employed).tolist():
        if who[i] != until[0] or first[i] > until[1]:  # nobody falls ill while ill
            kept.append(i)
            until = (int(who[i]), last[i])
    return who[kept], why[kept], first[kept], last[kept]


def _written(day: np.datetime64) -> str:
    """`01 Apr 2024`; nothing where there is no day."""
    return "" if np.isnat(day) else f"{day.item():%d %b %Y}"


def _write(path: Path, title: str, header: list[str], rows: list[list[str]]) -> None:
    write_csv(path, [title], [["Payroll bureau extract"], [], header, *rows], "cp1252", ";")
